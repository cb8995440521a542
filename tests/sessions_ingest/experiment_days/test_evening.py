"""What a simulated user watches after a look: the planted chance decides what comes from the list."""

import random

import numpy as np
import pytest

from sessions_ingest.experiment_days.evening import MAX_OPEN, Memory, Watched, evening, shelves

SHOWN = list(range(1, 21))
SHELF = np.arange(10, 400)


def evenings(chance: float, number: int = 2000) -> list[Watched]:
    """Each of a user of its own."""
    draw = random.Random(1)
    return [one for _ in range(number) for one in evening(draw, Memory({}), SHOWN, [100], [SHELF], chance)]


@pytest.mark.parametrize("chance", [0.0, 0.4, 0.48, 1.0])
def test_the_chance_is_the_share_of_new_movies_that_are_taken_from_the_list(chance: float):
    new = [one for one in evenings(chance) if one.listed is not None]
    share = sum(one.listed is True for one in new) / len(new)
    assert share == pytest.approx(chance, abs=4 * (chance * (1 - chance) / len(new)) ** 0.5)


def test_what_is_not_taken_from_the_list_is_neither_on_it_nor_unwanted():
    new = [one for one in evenings(0.4) if one.listed is not None]
    assert {one.movie_id for one in new if one.listed} == set(SHOWN)
    others = {one.movie_id for one in new if not one.listed}
    assert others <= set(SHELF.tolist()) - set(SHOWN) - {100}


def test_events_follow_each_other_within_the_day():
    draw, memory = random.Random(1), Memory({})
    for _ in range(500):
        minutes = [one.minutes for one in evening(draw, memory, SHOWN, [], [SHELF], 0.4)]
        assert minutes == sorted(set(minutes))
        assert max(minutes, default=0) < 6 * 60
        assert len(memory.unfinished) <= MAX_OPEN


def test_movies_are_finished_later_abandoned_and_watched_again():
    draw, memory = random.Random(1), Memory({})
    events = [one for _ in range(300) for one in evening(draw, memory, [], [], [SHELF], 0)]
    old = [one for one in events if one.listed is None]
    assert {one.progress == 1 for one in old} == {True, False}
    finished = [one.movie_id for one in events if one.progress == 1]
    assert len(finished) > len(set(finished))


def test_a_user_who_is_shown_nothing_watches_all_the_same():
    assert {one.listed for one in evening(random.Random(1), Memory({}), [], [], [SHELF], 1.0)} == {False}


def test_shelves_have_the_movies_of_a_genre_most_popular_first():
    ids = np.array([5, 6, 7, 8])
    views = np.array([1.0, 9.0, 9.0, 4.0])
    profiles = np.array([[100, 0, 0], [90, 10, 0], [100, 0, 0], [20, 80, 0]], np.uint8)
    assert [shelf.tolist() for shelf in shelves(ids, views, profiles)] == [[6, 7, 5], [8], [6, 7, 8, 5]]
