"""Lists of the bus and of our own, finishes and dismissals have one result in any order of arrival."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial, reduce

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommendations.lists import (
    MAX_DISMISSED,
    MAX_LIST_LENGTH,
    apply_events,
    dismiss,
    recommend,
    recommend_own,
    take_off,
    undo_dismissal,
)
from recommendations.showing import shown
from recommendations.user_lists import BUS, EMPTY_LISTS, Event, UserLists

START = datetime(2017, 9, 8, tzinfo=UTC)
KNOWN = frozenset(range(1, 41))
HOLD = timedelta(minutes=10)
Change = Callable[[UserLists], UserLists]

movies = st.integers(1, 15)  # few, so that at most 20 are in progress
listed = st.lists(st.integers(1, 50), max_size=30)
times = st.integers(0, 40).map(lambda number: START + timedelta(minutes=number))
# no two lists of one source have the same time: of those, the one that comes last stays
bus_lists = st.lists(st.tuples(times, listed), max_size=3, unique_by=lambda sent: sent[0])
own_lists = st.lists(st.tuples(times, listed), max_size=3, unique_by=lambda made: made[0])


@st.composite
def events(draw: st.DrawFn) -> Event:
    progress = draw(st.sampled_from((0.1, 0.5, 1.0)))
    return Event(draw(movies), progress, draw(times), finished=progress == 1.0, reported_at=draw(times))


few_events = st.lists(events(), max_size=15, unique_by=lambda event: (event.movie_id, event.at))


def bus(at: datetime, movie_ids: list[int]) -> Change:
    return partial(recommend, movie_ids=movie_ids, at=at, known=KNOWN, hold=HOLD)


def own(at: datetime, movie_ids: list[int]) -> Change:
    return partial(recommend_own, movie_ids=movie_ids, at=at, strategy="mixture", hold=HOLD)


def reported(event: Event) -> Change:
    return partial(apply_events, events=[event])


def after(changes: list[Change], lists: UserLists = EMPTY_LISTS) -> UserLists:
    return reduce(lambda lists, change: change(lists), changes, lists)


def seen(lists: UserLists) -> tuple[list[int], list[int]]:
    """The movies that the user is shown: recommended, and being watched."""
    recommended, watching = shown(
        list(lists.recommended),
        [entry.movie_id for entry in lists.watching],
        [entry.progress for entry in lists.watching],
        list(lists.dismissed),
        lambda movie_ids: movie_ids,
        1.0,
    )
    return recommended, [movie_id for movie_id, _ in watching]


def expected(
    sent: list[tuple[datetime, list[int]]], made: list[tuple[datetime, list[int]]], happened: list[Event]
) -> tuple[list[int], str]:
    """The list that stays, and who made it, from all messages at once."""
    last_sent, last_made = (max(lists, default=None) for lists in (sent, made))
    if last_made and not (last_sent and last_made[0] < last_sent[0] + HOLD):
        touched = {event.movie_id for event in happened}
        first = list(dict.fromkeys(last_made[1]))[:MAX_LIST_LENGTH]
        return [movie for movie in first if movie not in touched], "mixture"
    if last_sent is None:
        return [], BUS
    at, movie_ids = last_sent
    finished_later = {
        event.movie_id for event in happened if event.finished and (event.reported_at >= at or event.at > at)
    }
    first = [movie for movie in dict.fromkeys(movie_ids) if movie in KNOWN][:MAX_LIST_LENGTH]
    return [movie for movie in first if movie not in finished_later], BUS


@given(bus_lists, own_lists, few_events, st.sets(movies), st.randoms())
def test_any_order_of_arrival_has_one_result(
    sent: list, made: list, happened: list[Event], unwanted: set[int], chance
):
    changes: list[Change] = [
        *(bus(*each) for each in sent),
        *(own(*each) for each in made),
        *(reported(event) for event in happened),
        *(partial(dismiss, movie_id=movie) for movie in unwanted),
    ]
    chance.shuffle(changes)
    lists = after(changes)
    stays, source = expected(sent, made, happened)
    assert (list(lists.recommended), lists.recommended_by) == (stays, source)
    recommended, watching = seen(lists)
    begun = {entry.movie_id for entry in lists.watching}
    assert recommended == [movie for movie in stays if movie not in begun | unwanted]
    assert watching == [entry.movie_id for entry in lists.watching if entry.movie_id not in unwanted]
    assert set(lists.dismissed) == unwanted
    chance.shuffle(changes)
    assert _sorted(after(changes)) == _sorted(lists)
    chance.shuffle(changes)
    assert after(changes, lists) == lists  # all of them repeated


def _sorted(lists: UserLists) -> UserLists:
    return replace(lists, dismissed=tuple(sorted(lists.dismissed)))


@given(bus_lists, own_lists, few_events, movies, st.randoms())
def test_a_dismissed_movie_is_not_shown_from_any_list_and_undone_is_in_its_place(
    sent: list, made: list, happened: list[Event], movie_id: int, chance
):
    changes: list[Change] = [
        *(bus(*each) for each in sent),
        *(own(*each) for each in made),
        *(reported(event) for event in happened),
    ]
    chance.shuffle(changes)
    lists = dismiss(EMPTY_LISTS, movie_id)
    for change in changes:
        lists = change(lists)
        assert movie_id not in [*seen(lists)[0], *seen(lists)[1]]
    assert dismiss(lists, movie_id) == lists
    undone = undo_dismissal(lists, movie_id)
    assert undone == after(changes)
    assert seen(undone) == seen(after(changes))
    assert undo_dismissal(undone, movie_id) == undone


def test_a_list_of_ours_replaces_one_of_the_bus_from_the_end_of_its_hold_on():
    received = bus(START, [1, 2])(EMPTY_LISTS)
    just_before, then = START + HOLD - timedelta(microseconds=1), START + HOLD
    assert own(just_before, [3])(received) == received
    assert own(then, [3])(received) == UserLists((3,), then, recommended_by="mixture")
    late = own(then, [3])(EMPTY_LISTS)
    assert bus(START, [1, 2])(late) == late
    assert bus(START + timedelta(microseconds=1), [1, 2])(late).recommended_by == BUS


def test_an_older_list_of_ours_replaces_no_newer_one():
    lists = own(START, [1])(EMPTY_LISTS)
    assert own(START - timedelta(microseconds=1), [2])(lists) == lists
    assert own(START, [2])(lists).recommended == (2,)


def test_a_list_of_ours_has_nothing_begun_taken_off_or_finished():
    watched = [
        Event(1, 0.5, START, finished=False, reported_at=START),
        Event(2, 0.5, START, finished=False, reported_at=START),
        Event(3, 1.0, START, finished=True, reported_at=START),
    ]
    before = dismiss(take_off(apply_events(EMPTY_LISTS, watched), 2), 4)
    lists = own(START, [1, 2, 3, 4, 5])(before)
    assert lists.recommended == (4, 5)
    assert seen(lists) == ([5], [1])
    assert seen(undo_dismissal(lists, 4)) == ([4, 5], [1])


def test_a_finish_that_was_sent_long_ago_leaves_a_list_of_ours():
    lists = own(START, [1, 2])(EMPTY_LISTS)
    long_ago = START - timedelta(days=30)
    finish = Event(1, 1.0, long_ago, finished=True, reported_at=long_ago)
    assert apply_events(lists, [finish]).recommended == (2,)
    from_bus = bus(START, [1, 2])(EMPTY_LISTS)
    assert apply_events(from_bus, [finish]).recommended == (1, 2)


def test_no_more_movies_can_be_dismissed_than_the_limit():
    full = after([partial(dismiss, movie_id=movie) for movie in range(1, MAX_DISMISSED + 1)])
    assert full.dismissed == tuple(range(MAX_DISMISSED, 0, -1))
    assert dismiss(full, MAX_DISMISSED + 1) == full
    assert dismiss(undo_dismissal(full, 1), MAX_DISMISSED + 1).dismissed[0] == MAX_DISMISSED + 1
