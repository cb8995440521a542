"""Each genre of MovieLens has a place among the 15, and a movie's genres make its profile."""

import itertools

import pytest

from movies.genres import GENRES
from movies.profiles import checked, to_wire
from sessions_ingest.replay.movielens_genres import FLAGS, GENRE_OF, mapped, profile


def test_every_genre_of_movielens_is_mapped_onto_one_of_the_15_except_imax() -> None:
    assert len(GENRE_OF) == 19
    assert {genre for genre in GENRE_OF.values() if genre} == {*GENRES} - {"international"}
    assert [name for name, genre in GENRE_OF.items() if genre is None] == ["IMAX"]


def test_the_flags_of_u_item_are_the_18_genres_in_their_order() -> None:
    assert len(FLAGS) == 19
    assert [mapped([flag]) for flag in FLAGS] == [
        frozenset([genre] if genre else []) for genre in ["", *itertools.islice(GENRE_OF.values(), 18)]
    ]


def test_two_genres_of_movielens_that_are_one_here_count_once() -> None:
    assert mapped(["Action", "Adventure", "War", "IMAX"]) == {"action", "drama"}
    assert mapped(["Children's"]) == mapped(["Children"]) == {"family"}
    assert mapped(["(no genres listed)"]) == mapped(["unknown"]) == mapped([""]) == mapped(["IMAX"]) == set()
    with pytest.raises(ValueError, match=r"^'drama' is not a genre of MovieLens\.$"):
        mapped(["drama"])


def test_a_profile_divides_100_equally_and_the_first_genres_get_the_rest() -> None:
    weights = {
        genre: weight for genre, weight in to_wire(profile({"thriller", "comedy", "drama"})).items() if weight
    }
    assert weights == {"comedy": 34, "drama": 33, "thriller": 33}
    assert profile(()) == (7,) * 10 + (6,) * 5
    for number in range(16):
        assert checked(profile(GENRES[:number]))
