"""Search: what a query finds, in which order, whatever is typed."""

import itertools
import time

import pytest

from movies.matching import distance
from movies.models import Movie, ViewCount, Word
from movies.search import MOST_RESULTS, search
from movies.services import hide_movies
from tests.movies.making import movie

pytestmark = pytest.mark.django_db


def found(q: str, **filters: object) -> list[str]:
    titles = dict(Movie.objects.values_list("id", "title"))
    return [titles[movie_id] for movie_id in search(q, limit=10, **filters)]  # type: ignore[arg-type]


@pytest.fixture
def rings() -> None:
    for title in (
        "Lord of the Rings",
        "Lord of War",
        "The Ring",
        "Spider-Man",
        "Amélie",
        "千と千尋の神隠し",
        "!!!",
    ):
        movie(title)


@pytest.mark.parametrize(
    ("q", "title"),
    [
        ("lord of the rings", "Lord of the Rings"),
        ("lord of the rigns", "Lord of the Rings"),
        ("lrod of teh rings", "Lord of the Rings"),
        ("lord of the ri", "Lord of the Rings"),
        ("RINGS, lord", "Lord of the Rings"),
        ("lord rings", "Lord of the Rings"),
        ("lord wra", "Lord of War"),
        ("spiderman", "Spider-Man"),
        ("spider man", "Spider-Man"),
        ("spidr-man", "Spider-Man"),
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("千尋", "千と千尋の神隠し"),
        ("!!!", "!!!"),
        ("!", "!!!"),
    ],
)
def test_a_title_is_found_by_what_people_type(rings: None, q: str, title: str):
    assert found(q)[0] == title


@pytest.mark.parametrize("q", ["", " ", "\0", "zzzzzzzz", "'", "\\", "a:* & !b | (", "%_", "0" * 10_000])
def test_what_means_nothing_finds_nothing(rings: None, q: str):
    assert found(q) == []


def test_the_best_match_is_first_and_views_break_ties():
    for title in ("Alien Resurrection", "Alien", "Alien", "Alien", "Aliens"):
        movie(title)
    aliens = list(Movie.objects.filter(title="Alien").values_list("id", flat=True))
    ViewCount.objects.filter(movie_id=aliens[1]).update(views=9)
    ViewCount.objects.filter(movie__title="Alien Resurrection").update(views=1000)
    assert search("alien", limit=3) == [aliens[1], aliens[0], aliens[2]]
    assert found("alien")[3:] == ["Aliens", "Alien Resurrection"]


def test_hidden_movies_are_found_only_when_asked_for(rings: None):
    hide_movies(actor="test", movie_ids=Movie.objects.filter(title="Spider-Man").values_list("id", flat=True))
    assert found("spiderman") == []
    assert found("spiderman", hidden=True) == found("spiderman", hidden=None) == ["Spider-Man"]


def test_a_genre_narrows_the_search():
    movie("Red River", western=100)
    movie("Red Shoes", musical=100)
    assert found("red", genre="western") == ["Red River"]


def test_a_change_of_title_is_found_at_once_and_the_old_title_no_longer(rings: None):
    Movie.objects.filter(title="The Ring").update(title="Ringu")
    assert found("ringu") == ["Ringu"]
    Movie.objects.filter(title="Ringu").delete()
    assert "ringu" not in Word.objects.filter(titles__gt=0).values_list("word", flat=True)


def test_pages_of_a_search_follow_each_other():
    for number in range(30):
        movie(f"Rocky {number}")
    pages = [search("rocky", limit=7, offset=offset) for offset in range(0, 35, 7)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert list(itertools.chain(*pages)) == search("rocky", limit=100)
    assert search("rocky", limit=10, offset=MOST_RESULTS) == []


@pytest.mark.parametrize("q", ["the", "t", "the and of", "xyzzyx " * 2_000, "the " * 5_000, "!" * 10_000])
def test_no_query_takes_long_whatever_is_typed(q: str):
    words = ["the", "and", "of", "red", "blue", "king", "queen", "river", "night", "day"]
    profile = [100, *[0] * 14]
    Movie.objects.bulk_create(
        Movie(title=" ".join(combination), profile=profile)
        for combination in itertools.islice(itertools.product(words, repeat=4), 8_000)
    )
    began = time.perf_counter()
    search(q, limit=20)
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("rigns", "rings", 1),
        ("rings", "rings", 0),
        ("rigs", "rings", 1),
        ("", "abc", 3),
        ("teh", "the", 1),
        ("kitten", "sitting", 3),
    ],
)
def test_distance_counts_swapped_neighbours_once(one: str, other: str, steps: int):
    assert distance(one, other) == distance(other, one) == steps
