"""What Ctrl-K finds, for whom, and in how many statements."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from movies.models import Job
from tests.movies.factories import movie
from tests.statements import sent_statements
from tetraflix.access.api_keys import create_key

# Session, user and permissions; up to five of the search of misspelt titles; movies, names and jobs.
MAX_STATEMENTS = 11


def found(client: Client, words: str) -> list[tuple[str, str]]:
    """The titles and links of what matches the words."""
    page = client.get("/admin/search/", {"s": words}).content.decode()
    return [(title, link) for link, title in re.findall(r'<a href="([^"]*)" data-title="([^"]*)"', page)]


def test_a_number_finds_the_movie_and_the_user_with_that_id(boss: Client):
    movie("Kahaani", movie_id=17, thriller=100)
    assert found(boss, " 17 ") == [
        ("Kahaani", "/admin/movies/movie/17/change/"),
        ("User 17", "/admin/recommendations/userlists/17/"),
    ]


def test_words_find_pages_and_movies_also_misspelt_and_hidden(boss: Client):
    movie("Lord of the Rings", movie_id=1, fantasy=100)
    movie("Lori and the Ring", movie_id=2, hidden=True, drama=100)
    movie("Kahaani", movie_id=3, thriller=100)
    titles = [title for title, _ in found(boss, "lord of the rigns")]
    assert titles[0] == "Lord of the Rings"
    assert "Kahaani" not in titles
    assert ("Lori and the Ring", "/admin/movies/movie/2/change/") in found(boss, "lori")
    assert found(boss, "dead")[0] == ("Dead letters", "/admin/sessions_ingest/deadletteract/")
    assert found(boss, "imp mov")[0] == ("Import movies", "/admin/movies/movie/import/")


def test_names_find_experiments_keys_staff_and_jobs(boss: Client):
    key, _ = create_key(name="partner feed", role="distributor", actor="staff:boss")
    person = User.objects.create_user("partha", is_staff=True)
    job = Job.objects.create(
        kind=Job.Kind.EXPORT, state=Job.State.DONE, actor="staff:partha", request={"format": "csv"}
    )
    assert found(boss, "part") == [
        ("partner feed", f"/admin/tetraflix/apikey/{key.pk}/change/"),
        ("partha", f"/admin/auth/user/{person.pk}/change/"),
        ("Export all movies as CSV", f"/admin/movies/job/{job.pk}/"),
    ]
    assert [link for _, link in found(boss, "export all partha")] == [f"/admin/movies/job/{job.pk}/"]
    assert found(boss, "export nobody") == []
    assert found(boss, key.lookup) == [("partner feed", f"/admin/tetraflix/apikey/{key.pk}/change/")]


def test_only_what_the_roles_allow_is_found(viewer: Client, boss: Client):
    create_key(name="partner feed", role="distributor", actor="staff:boss")
    movie("Kahaani", movie_id=17, thriller=100)
    assert found(viewer, "partner") == []
    assert {title for title, _ in found(boss, "")} - {title for title, _ in found(viewer, "")} == {
        "Dead letters",
        "API keys",
        "Staff",
        "Roles",
        "Add movie",
        "Import movies",
        "Create API key",
    }
    assert [title for title, _ in found(viewer, "kahaani")] == ["Kahaani"]


@pytest.mark.parametrize(
    "words", ["", "17", "lord of the rigns", "export", "\0", "a" * 1000, "%", "\\", "qwrtzp xkcdvb jjjqqz"]
)
def test_the_number_of_statements_is_bounded(boss: Client, viewer: Client, words: str):
    movie("Lord of the Rings", movie_id=17, fantasy=100)
    for client in (boss, viewer):
        with sent_statements() as sent:
            assert client.get("/admin/search/", {"s": words}).status_code == 200
        assert len(sent) <= MAX_STATEMENTS, sent
