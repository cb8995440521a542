"""Bulk actions hide, show and delete movies as one batch, count them, and leave many to the worker."""

import uuid
from typing import Any

import pytest
from django.test import Client

from movies.admin import bulk_actions, reverting
from movies.bulk import jobs
from movies.bulk.job_handlers import HANDLERS
from movies.inventory import history, services
from movies.models import Job, Movie, MovieChange
from movies.search.selections import Selection
from tests.admin.forms import says
from tests.admin.jobs import replace_work
from tests.movies.factories import change_records, movie

LIST = "/admin/movies/movie/"


def act(client: Client, action: str, *ids: int, query: str = "", **more: str) -> Any:
    data = {"action": action, "_selected_action": [str(movie_id) for movie_id in ids], "index": "0"}
    return client.post(LIST + query, data | more, follow=True)


def hidden() -> list[int]:
    return list(Movie.objects.filter(hidden=True).order_by("id").values_list("id", flat=True))


@pytest.fixture
def four(db: None) -> None:
    for movie_id, weights in (
        (1, {"drama": 100}),
        (2, {"drama": 100}),
        (3, {"drama": 100}),
        (4, {"horror": 100}),
    ):
        movie(f"Movie {movie_id}", movie_id=movie_id, hidden=movie_id == 3, **weights)


def test_hiding_reports_how_many_and_is_one_batch(editor: Client, four: None):
    response = act(editor, "hide", 1, 2, 3)
    batch = MovieChange.objects.latest("id").batch
    link = f'<a class="tf-button" href="/admin/movies/moviechange/batch/{batch}/">View</a>'
    (message,) = says(response)
    assert message.startswith(f"2 movies hidden (1 needed no change). {link}")
    assert f'action="/admin/movies/moviechange/batch/{batch}/"' in message
    assert hidden() == [1, 2, 3]
    assert change_records("movie_id", "action", "actor", batch=batch) == [
        (1, "deleted", "staff:edith"),
        (2, "deleted", "staff:edith"),
    ]


def test_showing_visible_movies_changes_nothing(editor: Client, four: None):
    act(editor, "show", 3, 4)
    assert hidden() == []
    assert says(act(editor, "show", 3, 4)) == ["0 movies shown again (2 needed no change)."]


def test_an_action_on_all_matches_is_not_limited_to_the_page(editor: Client, four: None):
    response = act(editor, "hide", 1, query="?genre=drama", select_across="1")
    assert says(response)[0].startswith("2 movies hidden (1 needed no change).")
    assert hidden() == [1, 2, 3]


def test_deleting_asks_first_and_reports_how_many(boss: Client, four: None):
    asked = act(boss, "delete", 1, query="?genre=drama", select_across="1")
    assert "Delete 3 movies?" in asked.content.decode()
    assert Movie.objects.count() == 4
    done = act(boss, "delete", 0, query="?genre=drama", select_across="1", sure="yes", asked="3")
    assert says(done)[0].startswith("3 movies deleted.")
    assert list(Movie.objects.values_list("id", flat=True)) == [4]


@pytest.mark.parametrize("action", ["hide", "show"])
def test_many_movies_are_changed_after_a_question_with_the_exact_number(
    editor: Client, four: None, monkeypatch: pytest.MonkeyPatch, action: str
):
    monkeypatch.setattr(bulk_actions, "MAX_UNASKED", 0)
    monkeypatch.setattr(reverting, "MAX_UNASKED", 0)
    number, others = {"hide": (2, 1), "show": (1, 2)}[action]
    noun = "movie" if number == 1 else "movies"
    asked = act(editor, action, 1, query="?genre=drama", select_across="1")
    page = asked.content.decode()
    assert f"{action.capitalize()} {number} {noun}?" in page
    assert "These are movies with Drama." in page
    assert f"{others} of the 3 chosen movies need no change." in page
    stale = act(editor, action, 0, query="?genre=drama", select_across="1", sure="yes", asked="7")
    assert "The number changed since the last question" in stale.content.decode()
    assert hidden() == [3]
    done = act(editor, action, 0, query="?genre=drama", select_across="1", sure="yes", asked=str(number))
    assert says(done)[0].startswith(f"{number} {noun} ")
    assert hidden() == {"hide": [1, 2, 3], "show": []}[action]
    batch = f"/admin/movies/moviechange/batch/{MovieChange.objects.latest('id').batch}/"
    assert f"Revert {number} change" in editor.post(batch).content.decode()
    back = editor.post(batch, {"sure": "yes", "next": f"{LIST}?genre=drama"})
    assert (hidden(), back["Location"]) == ([3], f"{LIST}?genre=drama")


def test_reverting_a_batch_skips_movies_that_changed_since(boss: Client, four: None):
    act(boss, "hide", 1, 2, 4)
    batch = MovieChange.objects.latest("id").batch
    services.change_movie(actor="key:studio", movie_id=2, title="Else")
    page = boss.get(f"/admin/movies/moviechange/batch/{batch}/")
    assert "staff:boss hid 3 movies" in page.content.decode()
    response = boss.post(f"/admin/movies/moviechange/batch/{batch}/", follow=True)
    second = MovieChange.objects.latest("id").batch
    done, skipped = says(response)
    assert done.startswith(
        f'2 movies are as before. <a class="tf-button" href="/admin/movies/moviechange/batch/{second}/">View</a>'
    )
    assert skipped == "1 skipped, because they were changed since: movie 2."
    assert hidden() == [2, 3]
    assert change_records("movie_id", "actor", batch=second) == [(1, "staff:boss"), (4, "staff:boss")]


def test_an_unknown_batch_is_not_found(boss: Client):
    assert boss.get(f"/admin/movies/moviechange/batch/{uuid.uuid4()}/").status_code == 404


def test_a_large_job_is_left_to_the_worker_and_its_page_shows_progress(
    boss: Client, four: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", 2)
    response = act(boss, "hide", 1, query="?state=visible", select_across="1")
    job = Job.objects.get()
    assert response.redirect_chain == [(f"/admin/movies/job/{job.pk}/", 302)]
    assert hidden() == [3]
    progress = boss.get(f"/admin/movies/job/{job.pk}/progress.json").json()
    assert progress == {"state": "Hiding movies", "done": 0, "total": 3, "under_way": True, "unit": "movies"}

    assert jobs.run_waiting() == 1
    assert hidden() == [1, 2, 3, 4]
    assert boss.get(f"/admin/movies/job/{job.pk}/progress.json").json()["under_way"] is False
    assert "<b>3</b> of <b>3</b> movies changed" in boss.get(f"/admin/movies/job/{job.pk}/").content.decode()
    assert len(history.of_batch(job.pk)) == 3


def test_every_kind_of_job_has_a_handler():
    assert set(HANDLERS) == set(Job.Kind.values)


def test_a_done_job_is_not_run_again(four: None):
    job = jobs.start_bulk(kind="hide", actor="staff:x", which=Selection())
    services.show_movies(actor="staff:y", movie_ids=[1, 2, 3, 4])
    jobs.run(job.pk)
    assert jobs.run_waiting() == 0
    assert hidden() == []


def test_a_job_that_fails_says_so_and_changes_nothing(four: None, monkeypatch: pytest.MonkeyPatch):
    def broken(**arguments: object) -> int:
        services.hide_movies(actor="staff:x", movie_ids=[1])
        raise RuntimeError("the unforeseen")

    replace_work(monkeypatch, "hide", broken)
    job = jobs.start_bulk(kind="hide", actor="staff:x", which=[1, 2])
    assert (job.state, job.result) == (
        "failed",
        {"error": "An internal error occurred and was logged. Nothing was changed."},
    )
    assert hidden() == [3]


def test_the_list_of_jobs_shows_the_result_of_each(boss: Client, four: None):
    hide = jobs.start_bulk(kind="hide", actor="staff:x", which=Selection(genre="drama"))
    jobs.start_revert(batch=hide.pk, actor="staff:y")
    file = b'{"title": "Kahaani", "profile": [100,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n'
    imported = jobs.start_import(actor="staff:z", file_name="m.jsonl", chunks=[file])
    jobs.confirm(job_id=imported.pk, actor="staff:z")
    jobs.start_import(actor="staff:z", file_name="m.jsonl", chunks=[file])
    jobs.start_import(actor="staff:z", file_name="m.csv", chunks=[file])
    listed = boss.get("/admin/movies/job/")
    assert [(item["job"].kind, item["job"].state, item["movies"]) for item in listed.context["jobs"]] == [
        ("import", "failed", ""),
        ("import", "ready", "1"),
        ("import", "done", "1"),
        ("revert", "done", "2"),
        ("hide", "done", "2"),
    ]
    for item in listed.context["jobs"]:
        assert boss.get(f"/admin/movies/job/{item['job'].pk}/").status_code == 200
