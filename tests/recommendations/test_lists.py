"""The rules of a user's two lists hold for any events, in any order, however often they are repeated."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from recommendations.lists import (
    LONGEST,
    NOBODY,
    Entry,
    Event,
    UserLists,
    bring_back,
    recommend,
    served,
    take_off,
    watched,
)

START = datetime(2017, 9, 8, tzinfo=UTC)
KNOWN = frozenset(range(1, 61))
few, many = st.integers(1, 15), st.integers(1, 60)


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


@st.composite
def events(draw: st.DrawFn, movies: st.SearchStrategy[int] = many) -> Event:
    progress = draw(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)))
    return Event(draw(movies), progress, minutes(draw(st.integers(0, 50))), finished=progress == 1.0)


sessions = st.lists(st.lists(events(few), max_size=6), max_size=12)
recs = st.tuples(st.lists(st.integers(1, 80), max_size=30), st.integers(0, 50))


def after(lists: UserLists, change: object) -> UserLists:
    if isinstance(change, list):
        return watched(lists, change)
    assert isinstance(change, tuple)
    movie_ids, at = change
    return recommend(lists, movie_ids, minutes(at), KNOWN)


@given(st.lists(st.one_of(st.lists(events(), max_size=6), recs), max_size=20))
def test_nothing_is_in_both_lists_and_neither_is_longer_than_20(changes: list):
    lists = reduce(after, changes, NOBODY)
    recommended, watching = served(lists, KNOWN)
    begun = [entry.movie_id for entry in watching]
    assert not set(recommended) & set(begun)
    assert len(recommended) == len(set(recommended)) <= LONGEST
    assert len(begun) == len(set(begun)) <= LONGEST
    assert [entry.at for entry in watching] == sorted((entry.at for entry in watching), reverse=True)


@given(sessions)
def test_a_replay_changes_nothing_while_at_most_20_are_in_progress(batches: list[list[Event]]):
    """Of one session at once, and of all of them later."""
    lists = NOBODY
    for batch in batches:
        lists = watched(lists, batch)
        assert watched(lists, batch) == lists
    if len(lists.finished) < LONGEST:  # all that was finished is remembered
        assert reduce(watched, batches, lists) == lists


@given(st.lists(events(few), max_size=15), st.randoms())
def test_the_order_of_arrival_does_not_matter_while_at_most_20_are_in_progress(told: list[Event], chance):
    at_once = watched(NOBODY, told)
    shuffled = list(told)
    chance.shuffle(shuffled)
    one_by_one = reduce(lambda lists, event: watched(lists, [event]), shuffled, NOBODY)
    assert one_by_one == at_once


@given(st.lists(events(few), max_size=15), st.integers(1, 15), st.integers(0, 50))
def test_a_finish_leaves_both_lists_at_once(told: list[Event], movie_id: int, at: int):
    lists = replace(watched(NOBODY, told), recommended=tuple(range(1, 16)), recommended_at=minutes(0))
    known = {(finish.movie_id, finish.at) for finish in lists.finished}
    done = watched(lists, [Event(movie_id, 1.0, minutes(at), finished=True)])
    if (movie_id, minutes(at)) not in known:  # else it is a replay, and a newer list may have it again
        assert movie_id not in done.recommended
    assert not [entry for entry in done.watching if entry.movie_id == movie_id and entry.at <= minutes(at)]


@given(st.lists(events(few), max_size=15), st.integers(1, 15))
def test_taken_off_and_brought_back_is_as_before(told: list[Event], movie_id: int):
    lists = watched(NOBODY, told)
    off = take_off(lists, movie_id)
    assert movie_id not in [entry.movie_id for entry in off.watching]
    assert bring_back(off, movie_id) == lists


def test_the_movie_watched_longest_ago_leaves_and_is_forgotten():
    lists = watched(NOBODY, [Event(movie, 0.5, minutes(movie), False) for movie in range(1, LONGEST + 2)])
    assert [entry.movie_id for entry in lists.watching] == list(range(LONGEST + 1, 1, -1))


def test_an_older_event_changes_nothing_and_a_newer_one_moves_to_the_front():
    lists = watched(NOBODY, [Event(1, 0.5, minutes(5), False), Event(2, 0.2, minutes(6), False)])
    assert watched(lists, [Event(1, 0.9, minutes(4), False)]) == lists
    assert watched(lists, [Event(1, 0.1, minutes(7), False)]).watching == (
        Entry(1, 0.1, minutes(7)),
        Entry(2, 0.2, minutes(6)),
    )


def test_at_one_time_the_higher_progress_wins_whichever_came_first():
    low, high = Event(1, 0.2, minutes(5), False), Event(1, 0.6, minutes(5), False)
    assert watched(watched(NOBODY, [low]), [high]) == watched(watched(NOBODY, [high]), [low])
    assert watched(NOBODY, [high, low]).watching == (Entry(1, 0.6, minutes(5)),)


def test_progress_from_before_a_finish_on_record_changes_nothing():
    late = Event(1, 0.5, minutes(5), False, last_finish=minutes(6))
    assert watched(NOBODY, [late]) == NOBODY
    assert watched(NOBODY, [replace(late, at=minutes(7))]).watching == (Entry(1, 0.5, minutes(7)),)


def test_a_list_drops_what_is_unknown_and_repeated_and_then_keeps_20():
    lists = recommend(NOBODY, [99, 3, 3, *range(1, 30)], minutes(0), KNOWN)
    assert lists.recommended == (3, 1, 2, *range(4, 21))


def test_an_older_list_does_not_overwrite_and_one_of_the_same_time_does():
    lists = recommend(NOBODY, [1], minutes(5), KNOWN)
    assert recommend(lists, [2], minutes(4), KNOWN) == lists
    assert recommend(lists, [2], minutes(5), KNOWN).recommended == (2,)


def test_a_list_made_before_a_finish_lacks_the_movie_and_one_made_after_may_have_it():
    lists = watched(NOBODY, [Event(1, 1.0, minutes(5), True)])
    assert recommend(lists, [1, 2], minutes(4), KNOWN).recommended == (2,)
    assert recommend(lists, [1, 2], minutes(6), KNOWN).recommended == (1, 2)
    assert recommend(lists, [2, 3], minutes(6), KNOWN, finished_since={3}).recommended == (2,)
