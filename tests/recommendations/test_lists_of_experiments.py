"""A list that was made for an experiment has the other arm's list beside it, and says whether it was read."""

from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommendations.lists import (
    MAX_LIST_LENGTH,
    apply_events,
    dismiss,
    drop_finished,
    recommend,
    recommend_own,
    take_off,
)
from recommendations.user_lists import EMPTY_LISTS, Event, Trial, UserLists
from tests.recommendations.test_own_lists import Change, events

START = datetime(2017, 9, 8, tzinfo=UTC)
LATER = START + timedelta(hours=1)
HOLD = timedelta(minutes=10)
KNOWN = frozenset(range(1, 41))

times = st.integers(0, 40).map(lambda number: START + timedelta(minutes=number))
listed = st.lists(st.integers(1, 50), max_size=30)
bus_lists = st.builds(
    partial, st.just(recommend), movie_ids=listed, at=times, known=st.just(KNOWN), hold=st.just(HOLD)
)
changes = st.one_of(
    events().map(lambda event: partial(apply_events, events=[event])),
    st.integers(1, 15).map(lambda movie: partial(take_off, movie_id=movie)),
    st.integers(1, 15).map(lambda movie: partial(dismiss, movie_id=movie)),
    st.just(partial(drop_finished, mark=0.4)),
    bus_lists,
    st.tuples(times, listed, listed),  # a list of ours for an experiment, and the other arm's
)


def own(at: datetime, movie_ids: list[int], other: list[int] | None = None) -> Change:
    trial = None if other is None else Trial(1, "modelled", tuple(other))
    return partial(recommend_own, movie_ids=movie_ids, at=at, strategy="mixture", hold=HOLD, trial=trial)


def read(lists: UserLists) -> UserLists:
    return replace(lists, read_at=LATER)


@given(st.lists(changes, max_size=20))
def test_whatever_happens_to_a_list_happens_to_the_other_arms(happened: list):
    """The arms swapped, everything that follows is the same with both lists swapped."""
    ours, theirs = EMPTY_LISTS, EMPTY_LISTS
    for change in happened:
        if isinstance(change, tuple):
            at, movie_ids, other = change
            ours, theirs = own(at, movie_ids, other)(ours), own(at, other, movie_ids)(theirs)
        else:
            ours, theirs = change(ours), change(theirs)
        if ours.trial is None or theirs.trial is None:
            assert ours == theirs
        else:
            assert ours.trial.other == theirs.recommended
            assert theirs == replace(
                ours, recommended=ours.trial.other, trial=replace(ours.trial, other=ours.recommended)
            )


@given(st.lists(changes, min_size=1, max_size=20))
def test_a_list_stays_read_until_another_comes(happened: list):
    lists = EMPTY_LISTS
    for change in happened:
        before = read(lists)
        lists = (own(*change) if isinstance(change, tuple) else change)(before)
        same = (before.recommended_at, before.recommended_by) == (lists.recommended_at, lists.recommended_by)
        assert lists.read_at == (before.read_at if same else None)


def test_the_other_list_is_cut_and_filtered_as_the_list_is():
    watched = Event(1, 0.5, START, finished=False, reported_at=START)
    finished = Event(2, 1.0, START, finished=True, reported_at=START)
    before = apply_events(EMPTY_LISTS, [watched, finished])
    lists = own(LATER, [3], [2, 5, 1, 5, *range(10, 40)])(before)
    assert lists.trial == Trial(1, "modelled", (5, *range(10, 10 + MAX_LIST_LENGTH - 3)))


def test_a_list_of_the_bus_is_of_no_experiment():
    lists = read(own(START, [1, 2], [2, 1])(EMPTY_LISTS))
    sent = recommend(lists, [3], LATER, KNOWN, hold=HOLD)
    assert (sent.recommended, sent.trial, sent.read_at) == ((3,), None, None)


def test_a_list_of_ours_outside_the_experiment_is_of_none():
    lists = read(own(START, [1, 2], [2, 1])(EMPTY_LISTS))
    assert own(LATER, [3])(lists) == UserLists((3,), LATER, recommended_by="mixture")


def test_a_list_that_arrives_again_stays_read():
    again = partial(recommend, movie_ids=[1, 2], at=START, known=KNOWN, hold=HOLD)
    lists = read(again(EMPTY_LISTS))
    assert again(lists) == lists
