"""Search in PostgreSQL: the contract, and rules of this engine alone."""

import itertools
import time

import pytest

from movies.models import Movie, Word
from movies.search.engine import search
from movies.search.spelling import distance
from tests.movies.factories import movie
from tests.movies.search.search_contract import SearchContract
from tests.movies.search.searching import Make, found, postgresql
from tests.statements import sent_statements

__all__ = ["postgresql"]
pytestmark = pytest.mark.django_db


class TestPostgresql(SearchContract):
    @pytest.fixture
    def movies(self, postgresql: Make) -> Make:
        return postgresql


def test_a_new_title_is_found_at_once_and_the_old_one_no_longer():
    movie("The Ring")
    Movie.objects.filter(title="The Ring").update(title="Ringu")
    assert found("ringu") == ["Ringu"]
    Movie.objects.filter(title="Ringu").delete()
    assert "ringu" not in Word.objects.filter(titles__gt=0).values_list("word", flat=True)


@pytest.mark.parametrize(
    ("q", "statements"),
    [
        ("lord of the rings", 5),  # spelling, vocabulary, whole title, words, the last as a prefix
        ("rings lord", 4),  # no such title
        ("lord of the rigns", 5),  # the last as a prefix, words near to it, the nearest
        ("lrod of the rings", 4),  # near words, the nearest
        ("qwrtzp xkcdvb", 3),  # near words, of which there are none
    ],
)
def test_what_no_title_can_have_is_not_asked(q: str, statements: int):
    movie("Lord of the Rings")
    with sent_statements() as sent:
        search(q, limit=20)
    assert len(sent) == statements


@pytest.mark.parametrize("q", ["the", "t", "the and of", "xyzzyx " * 2_000, "the " * 5_000, "!" * 10_000])
def test_no_query_takes_long(q: str):
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


def test_the_vocabulary_has_words_but_no_whole_titles():
    movie("M*A*S*H Unit")
    movie("Unit")
    assert dict(Word.objects.values_list("word", "titles")) == dict.fromkeys("mash", 1) | {
        "mash": 1,
        "unit": 2,
    }
