"""The permissions of each role in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from movies.bulk import jobs
from movies.models import Job, Movie
from movies.search.selections import Selection
from recommendations import stores
from recommendations.user_lists import UserLists
from tests.admin.forms import movie_form
from tests.movies.factories import movie

PAGES = [
    "/admin/",
    "/admin/dashboard.json",
    "/admin/movies/movie/",
    "/admin/movies/movie/1/change/",
    "/admin/movies/movie/1/history/",
    "/admin/movies/moviechange/",
    "/admin/movies/job/",
    "/admin/recommendations/experiment/",
    "/admin/recommendations/userlists/",
    "/admin/recommendations/userlists/7/",
]
WRITERS_PAGES = ["/admin/movies/movie/add/", "/admin/movies/movie/import/"]
SUPERUSERS_PAGES = ["/admin/tetraflix/apikey/", "/admin/auth/user/", "/admin/auth/group/"]


def test_migrations_create_the_roles(roles: None):
    named = {
        group.name: sorted(
            ".".join(found) for found in group.permissions.values_list("content_type__app_label", "codename")
        )
        for group in Group.objects.all()
    }
    viewer = [
        "movies.view_job",
        "movies.view_movie",
        "movies.view_moviechange",
        "recommendations.view_experiment",
        "recommendations.view_userlists",
    ]
    editor = [
        "movies.add_movie",
        "movies.change_movie",
        "movies.import_movies",
        "movies.revert_batch",
        "recommendations.take_off",
    ]
    operator = ["sessions_ingest.handle_dead_letters", "sessions_ingest.view_deadletteract"]
    assert named == {
        "analyst": sorted([*viewer, "recommendations.run_experiment"]),
        "editor": sorted(viewer + editor),
        "operator": sorted(viewer + operator),
        "viewer": viewer,
    }


@pytest.mark.parametrize("page", PAGES + WRITERS_PAGES + SUPERUSERS_PAGES)
def test_every_page_needs_a_login(db: None, page: str):
    response: Any = Client().get(page)
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={page}")


@pytest.mark.parametrize("page", PAGES)
def test_a_viewer_sees_everything_about_movies_and_users(viewer: Client, page: str):
    movie(movie_id=1)
    assert viewer.get(page).status_code == 200


@pytest.mark.parametrize("page", WRITERS_PAGES + SUPERUSERS_PAGES)
def test_a_viewer_gets_no_page_for_writing(viewer: Client, page: str):
    assert viewer.get(page).status_code == 403


@pytest.mark.parametrize("page", SUPERUSERS_PAGES)
def test_keys_and_staff_are_for_superusers(editor: Client, boss: Client, page: str):
    assert (editor.get(page).status_code, boss.get(page).status_code) == (403, 200)


def test_a_viewer_changes_nothing(viewer: Client):
    kahaani = movie("Kahaani", movie_id=1)
    stores.current().write([(7, UserLists())])
    uploaded = SimpleUploadedFile("movies.csv", b"title\n")
    answers = [
        viewer.post("/admin/movies/movie/1/change/", movie_form(kahaani, title="Else")),
        viewer.post("/admin/movies/movie/add/", movie_form()),
        viewer.post("/admin/movies/movie/1/delete/", {"post": "yes"}),
        viewer.post("/admin/movies/movie/import/", {"file": uploaded}),
        viewer.post("/admin/recommendations/userlists/7/1/take-off/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    viewer.post("/admin/movies/movie/", {"action": "hide", "_selected_action": ["1"]})
    assert list(Movie.objects.values_list("title", "hidden", "version")) == [("Kahaani", False, 1)]
    assert Job.objects.count() == 0


def test_an_editor_edits_but_does_not_delete(editor: Client):
    kahaani = movie("Kahaani", movie_id=1)
    changed = editor.post("/admin/movies/movie/1/change/", movie_form(kahaani, title="Kahaani 2"))
    assert changed.status_code == 302
    assert editor.post("/admin/movies/movie/1/delete/", {"post": "yes"}).status_code == 403
    editor.post("/admin/movies/movie/", {"action": "delete", "_selected_action": ["1"], "sure": "yes"})
    assert list(Movie.objects.values_list("title", "version")) == [("Kahaani 2", 2)]


def test_an_editor_may_not_revert_a_batch_that_adds_movies(editor: Client):
    job = jobs.start_import(actor="staff:boss", file_name="m.jsonl", chunks=[EXAMPLE])
    jobs.confirm(job_id=job.pk, actor="staff:boss")
    assert editor.post(f"/admin/movies/moviechange/batch/{job.pk}/").status_code == 403
    assert Movie.objects.count() == 1
    hidden = jobs.start_bulk(kind="hide", actor="staff:boss", which=Selection())
    assert editor.post(f"/admin/movies/moviechange/batch/{hidden.pk}/").status_code == 302
    assert list(Movie.objects.values_list("hidden", flat=True)) == [False]


EXAMPLE = b'{"title": "Kahaani", "profile": [100,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n'
