"""Titles from the API, imports, forms and SQL are stored in one Unicode form, without invisible characters."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client

from movies.models import Job, Movie
from tests.admin.forms import movie_form
from tests.api.calling import PROFILE, Caller
from tests.movies.factories import change_records, movie, profile

pytestmark = pytest.mark.django_db

OLD_BOY = "\uc62c\ub4dc\ubcf4\uc774"  # composed
ACTION = profile(action=100)
ASTRONAUT = "\U0001f469\u200d\U0001f680"


def by_api(title: str, boss: Client) -> str | None:
    answer = Caller("distributor")("POST", "/tetraflix/movies", {"title": title, "profile": PROFILE})
    return answer.json()["errors"]["title"][0] if answer.status_code == 400 else None


def by_import(title: str, boss: Client) -> str | None:
    job = imported(boss, {"title": title, "profile": ACTION})
    if job.result["problems"]:
        return str(job.result["problems"][0][2])
    boss.post(f"/admin/movies/job/{job.pk}/confirm/")
    return None


def by_form(title: str, boss: Client) -> str | None:
    answer = boss.post("/admin/movies/movie/add/", movie_form(None, title=title, **{"profile-action": "100"}))
    return None if answer.status_code == 302 else answer.context["adminform"].form.errors["title"][0]


def by_sql(title: str, boss: Client) -> str | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO movies_movie (title, profile) VALUES (%s, %s)", [title, ACTION])
    except IntegrityError as error:
        return str(error).splitlines()[0]
    return None


def imported(boss: Client, *movies: dict[str, Any]) -> Job:
    """The checked import job of a file with these rows."""
    content = "".join(f"{json.dumps(row)}\n" for row in movies).encode()
    boss.post("/admin/movies/movie/import/", {"file": SimpleUploadedFile("movies.jsonl", content)})
    return Job.objects.latest("created")


AddMovie = Callable[[str, Client], str | None]  # adds a movie with this title, or returns the error
EVERYWHERE = pytest.mark.parametrize("add", [by_api, by_import, by_form, by_sql])


@EVERYWHERE
@pytest.mark.parametrize(
    ("title", "character"),
    [
        ("\u200b", "U+200B"),
        ("\u2060\ufeff", "U+2060"),
        ("\u00ad", "U+00AD"),
        ("\u2800", "U+2800"),
        ("Alien\u200b", "U+200B"),
        ("\u202eneilA", "U+202E"),
        ("Al\u3164ien", "U+3164"),
        ("Alien \u2066x\u2069", "U+2066"),
        ("\U000e0041lien", "U+E0041"),
        ("\ufe0f", "U+FE0F"),
        ("Alien\uffff", "U+FFFF"),
    ],
)
def test_invisible_and_bidirectional_characters_are_refused_by_name(
    add: AddMovie, title: str, character: str, boss: Client
):
    """Every way to add a movie reports an error that names the character."""
    sentence = add(title, boss)
    assert sentence is not None
    assert sentence.startswith(f"The title contains {character}")
    assert sentence.endswith("which shows nothing or changes how other text is shown. Remove it.")
    assert not Movie.objects.exists()


@EVERYWHERE
@pytest.mark.parametrize("title", ["\u3000", "\u2003 \u00a0", "\u2029"])
def test_blanks_of_any_kind_are_not_a_title(add: AddMovie, title: str, boss: Client):
    """A title has a visible character."""
    assert add(title, boss) == "A title is needed."
    assert not Movie.objects.exists()


@EVERYWHERE
@pytest.mark.parametrize(
    ("title", "stored"),
    [
        (f"{ASTRONAUT} \u2764\ufe0f", f"{ASTRONAUT} \u2764\ufe0f"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\u3000Alien\u2003\u00a0", "Alien"),
        (unicodedata.normalize("NFD", OLD_BOY), OLD_BOY),
        (unicodedata.normalize("NFD", "Am\u00e9lie"), "Am\u00e9lie"),
    ],
)
def test_a_title_is_stored_in_one_form(add: AddMovie, title: str, stored: str, boss: Client):
    """It keeps joiners between letters, loses blanks around it, and is composed."""
    assert add(title, boss) is None
    assert Movie.objects.get().title == stored


@pytest.mark.parametrize("title", [OLD_BOY, "Am\u00e9lie", "\u0929\u093f", "\u30ac\u30e1\u30e9", "\u1e69"])
def test_importing_another_form_of_a_title_changes_nothing(title: str, boss: Client):
    """Composed or decomposed, it is the same title: no change, no version, no message."""
    movie(title, movie_id=1)
    for form in ("NFC", "NFD"):
        job = imported(boss, {"id": 1, "title": unicodedata.normalize(form, title), "profile": ACTION})
        assert [job.result[what] for what in ("new", "changed", "unchanged")] == [0, 0, 1]
        boss.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert change_records("version", "action") == [(1, "added")]


def test_changing_a_title_to_another_form_changes_nothing(boss: Client):
    """The API keeps the version."""
    movie("Am\u00e9lie", movie_id=1)
    answer = Caller("distributor")("PATCH", "/tetraflix/movies/1", {"title": "Ame\u0301lie "})
    assert (answer.status_code, answer.json()["title"], answer.json()["version"]) == (200, "Am\u00e9lie", 1)
