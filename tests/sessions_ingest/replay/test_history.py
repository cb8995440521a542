"""What the evaluation counts: hidden movies, preferences, the range of time, and only the past."""

import dataclasses

import numpy as np
import pytest

from sessions_ingest.replay.history import History, Places, measure
from sessions_ingest.replay.measures import STRATEGIES
from sessions_ingest.replay.moments import Taste
from sessions_ingest.replay.movielens_genres import profile

SETTINGS = Taste(alpha=0.1, shrinkage=20, exponent=1.0)
MOVIES = 40
GENRES = ("drama", "comedy", "horror", "western")


def history_of(*finishes: tuple[int, int, int], hidden: tuple[int, ...] = ()) -> History:
    """From (time, movie, user), in order; movie n is of the genre n modulo 4, and ids are positions plus 1."""
    times, movies, user_ids = (np.array(column, np.int64) for column in zip(*finishes, strict=True))
    profiles = np.array(
        [profile([GENRES[movie % 4], "action"][: 1 + movie // 20]) for movie in range(MOVIES)], np.uint8
    )
    visible = np.ones(MOVIES, bool)
    visible[list(hidden)] = False
    return History(
        np.arange(1, MOVIES + 1), profiles, visible, user_ids, movies, times, [1] * len(times), {}
    )  # fmt: skip


# user 1 finishes the movies 0 to 4 and 9, then user 2 does the same in the same order
ALIKE = [(10 * user + at, movie, user) for user in (0, 1) for at, movie in enumerate((0, 1, 2, 3, 4, 9))]


def first_places(places: Places) -> dict[str, list[int]]:
    return {name: found.tolist() for name, found in places.places.items() if name != "random"}


def test_only_finishes_after_the_fifth_are_measured_with_what_was_known_before() -> None:
    places = measure(history_of(*ALIKE), SETTINGS)
    assert places.user_ids.tolist() == [0, 1]
    # Movie 9 has no view when the first user finishes it: 5, 6, 7 and 8 have lower ids. Then it is the only one that
    # somebody has viewed and the second user has not.
    assert places.places["popular"].tolist() == [5, 1]
    assert places.places["mixture"].tolist()[1] == 1
    assert set(places.places) == set(STRATEGIES)


def test_later_views_change_nothing() -> None:
    later = [(20 + time, movie, 3) for time, movie in enumerate(range(30, 34))]
    assert first_places(measure(history_of(*ALIKE, *later), SETTINGS)) == first_places(
        measure(history_of(*ALIKE), SETTINGS)
    )


def test_a_range_of_time_is_measured_with_the_history_before_it() -> None:
    everything = first_places(measure(history_of(*ALIKE), SETTINGS))
    second = measure(history_of(*ALIKE), SETTINGS, start=15, end=16)
    assert first_places(second) == {name: found[1:] for name, found in everything.items()}
    assert len(measure(history_of(*ALIKE), SETTINGS, end=5).user_ids) == 0


def test_a_hidden_movie_is_on_no_list_and_its_finish_is_a_miss() -> None:
    places = measure(history_of(*ALIKE, hidden=(9,)), SETTINGS)
    assert {name: found.tolist() for name, found in places.places.items()} == {
        name: [0, 0] for name in STRATEGIES
    }


def test_without_a_visible_movie_every_list_is_empty() -> None:
    places = measure(history_of(*ALIKE, hidden=tuple(range(MOVIES))), SETTINGS)
    assert places.places["mixture"].tolist() == [0, 0]
    assert set(places.coverage.values()) == {0}


@pytest.mark.parametrize(("given_at", "counts"), [(15, True), (16, False)])
def test_preferences_count_from_the_time_when_they_were_given(given_at: int, counts: bool) -> None:
    likes_western = np.array(profile(["western"])) / 100
    history = history_of(*ALIKE[:-1], (15, 7, 1))  # a western
    before = measure(history, SETTINGS).places["euclid"][1]
    with_preferences = dataclasses.replace(history, given={1: (likes_western, given_at)})
    after = measure(with_preferences, SETTINGS).places["euclid"][1]
    assert bool(after != before) is counts
