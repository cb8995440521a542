"""Searches as people type them, in both engines: composed letters, accents, punctuation, surplus words."""

import unicodedata

import pytest
from django.test import Client
from pytest_django import Settings

from tests.movies.search.searching import Make, elastic, elasticsearch, found, postgresql

__all__ = ["elastic", "elasticsearch", "postgresql"]
pytestmark = pytest.mark.django_db


@pytest.fixture(params=["postgresql", "elastic"])
def movies(request: pytest.FixtureRequest) -> Make:
    """Adds movies that the engine finds."""
    make: Make = request.getfixturevalue(request.param)
    return make


def test_composed_and_decomposed_letters_are_the_same(movies: Make):
    """Hangul, kana and Latin letters, in the title and in the query."""
    titles = [
        "\uc62c\ub4dc\ubcf4\uc774",
        "\u30ac\u30e1\u30e9",
        "Am\u00e9lie",
        "\u0410\u043d\u0434\u0440\u0435\u0439",
    ]
    movies(*(unicodedata.normalize("NFD", title) for title in titles))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert [found(unicodedata.normalize(form, title)) for title in titles] == [
            [title] for title in titles
        ]


def test_a_title_with_harakat_is_found_without(movies: Make):
    """And vice versa; the same for points and accents of other scripts."""
    marked = [
        "\u0627\u0644\u0642\u064e\u0627\u0647\u0650\u0631\u064e\u0629",
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    ]
    bare = ["\u0627\u0644\u0642\u0627\u0647\u0631\u0629", "\u05e9\u05dc\u05d5\u05dd"]
    movies(*marked)
    assert [found(q) for q in bare] == [[title] for title in marked]
    movies(*(f"{title} 2" for title in bare))
    assert [found(f"{q} 2") for q in marked] == [[f"{title} 2"] for title in bare]


@pytest.mark.parametrize("q", ["mash", "MASH", "m.a.s.h", "M A S H"])
def test_a_title_with_punctuation_between_letters_is_found_joined(movies: Make, q: str):
    """It ranks before titles that resemble it."""
    movies(("Main Math", 9_000), ("Mashed", 9_000), "M*A*S*H")
    assert found(q)[0] == "M*A*S*H"


@pytest.mark.parametrize("q", ["walle", "wall-e", "wall e", "WALL.E"])
def test_a_title_with_a_dot_in_it_is_found_joined(movies: Make, q: str):
    """It ranks before titles with this prefix."""
    movies(("Pam Waller", 9_000), "WALL\u00b7E")
    assert found(q)[0] == "WALL\u00b7E"


def test_ampersand_is_and_and_a_surplus_word_does_no_harm(movies: Make):
    """Of titles that lack a word, those with the most words come first."""
    movies(
        ("Fast and Loose", 9_000), ("Furious", 9_000), "Fast & Furious", ("The Fast and the Curious", 9_000)
    )
    assert found("fast and furious") == found("fast furious") == found("fast & furious") == ["Fast & Furious"]
    assert found("fast and furious extra")[0] == "Fast & Furious"


def test_both_engines_give_the_same_results(
    elastic: Make, monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    """Also for words that no single title contains, and in the same order."""
    titles = [(f"{name} Returns", views) for views, name in enumerate(["Ann", "Bob", "Quinn"])]
    titles += [(f"{name} (2009)", views) for views, name in enumerate(["Pier", "Harbor"])]
    elastic(*titles, ("Return (2008)", 7), "Returned", "The M*A*S*H Harbor")
    queries = [
        "returns 2009",
        "ann bob",
        "return",
        "retrns",
        "quinn 2009 harbor",
        "a",
        "2009 returns zzz",
        "mash x",
    ]
    answers = {q: found(q) for q in queries}
    assert answers["returns 2009"] == [
        "Quinn Returns",
        "Bob Returns",
        "Harbor (2009)",
        "Ann Returns",
        "Pier (2009)",
    ]
    monkeypatch.undo()
    settings.SEARCH_FUNCTION = "movies.search.postgres_search.find"
    assert {q: found(q) for q in queries} == answers


def test_staff_find_movies_by_the_same_rules(boss: Client, postgresql: Make):
    """In the list of the admin."""
    postgresql(("Mashed", 9), "M*A*S*H", "Fast & Furious")
    for q, title in (("mash", "M*A*S*H"), ("fast and furious", "Fast & Furious")):
        listed = boss.get("/admin/movies/movie/", {"q": q}).context["cl"].result_list
        assert next(iter(listed)).title == title
