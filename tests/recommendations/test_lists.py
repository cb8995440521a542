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
    Finish,
    UserLists,
    bring_back,
    recommend,
    take_off,
    watched,
)
from tests.sessions_ingest.reference_model import Model

USER = 7
START = datetime(2017, 9, 8, tzinfo=UTC)
KNOWN = frozenset(range(1, 61))
few, many = st.integers(1, 15), st.integers(1, 60)


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


@st.composite
def events(draw: st.DrawFn, movies: st.SearchStrategy[int] = many) -> Event:
    progress = draw(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)))
    at, reported_at = (minutes(draw(st.integers(0, 50))) for _ in range(2))
    return Event(draw(movies), progress, at, finished=progress == 1.0, reported_at=reported_at)


def begun(movie_id: int, progress: float, at: int) -> Event:
    return Event(movie_id, progress, minutes(at), finished=False, reported_at=minutes(at))


def finished(movie_id: int, at: int, reported_at: int) -> Event:
    return Event(movie_id, 1.0, minutes(at), finished=True, reported_at=minutes(reported_at))


@st.composite
def sent(draw: st.DrawFn) -> list[list[Event] | tuple[list[int], int]]:
    """Sessions and lists in the order of sending, a minute apart; at most 20 finishes, each told once."""
    messages: list[list[Event] | tuple[list[int], int]] = []
    finishes = 0
    for number in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            listed = draw(st.permutations(range(1, 26)))[draw(st.integers(0, 20)) :]
            messages.append((listed + draw(st.lists(st.integers(1, 80), max_size=5)), number))
            continue
        # some of it ahead of its sending; seconds tell the finishes of two sessions apart
        session = in_one_message(
            [
                replace(
                    event, reported_at=minutes(number), at=event.at + timedelta(minutes=-30, seconds=number)
                )
                for event in draw(st.lists(events(few), max_size=6))
            ]
        )
        finishes += sum(event.finished for event in session)
        if finishes <= LONGEST:
            messages.append(session)
    return messages


def in_one_message(session: list[Event]) -> list[Event]:
    """The events; those ahead are ordered by the sending, and among each other as they state."""
    ahead = sorted({event.at for event in session if event.at > event.reported_at})
    return [
        replace(event, effective_at=event.reported_at + timedelta(microseconds=ahead.index(event.at)))
        if event.at in ahead
        else event
        for event in session
    ]


sessions = st.lists(st.lists(events(few), max_size=6), max_size=12)
recs = st.tuples(st.lists(st.integers(1, 80), max_size=30), st.integers(0, 50))


def after(lists: UserLists, change: object) -> UserLists:
    if isinstance(change, list):
        return watched(lists, change)
    assert isinstance(change, tuple)
    movie_ids, at = change
    return recommend(lists, movie_ids, minutes(at), KNOWN)


@given(st.lists(st.one_of(st.lists(events(), max_size=6), recs), max_size=20))
def test_neither_list_names_a_movie_twice_or_is_longer_than_20(changes: list):
    lists = reduce(after, changes, NOBODY)
    begun = [entry.movie_id for entry in lists.watching]
    assert len(lists.recommended) == len(set(lists.recommended)) <= LONGEST
    assert len(begun) == len(set(begun)) <= LONGEST
    times = [entry.at for entry in lists.watching]
    assert times == sorted(times, reverse=True)


@given(sent(), st.randoms())
def test_any_order_of_arrival_comes_to_what_the_order_of_sending_does(messages: list, chance):
    model = Model(set(KNOWN))
    for message in messages:
        if isinstance(message, list):
            for event in message:
                model.watched(USER, event.movie_id, event.progress, event.at, event.reported_at)
        else:
            model.recommended(USER, message[0])
    in_order = reduce(after, messages, NOBODY)
    assert list(in_order.recommended) == model.recommendations(USER)
    assert [
        (entry.movie_id, entry.progress, entry.at - (entry.at - START) % timedelta(seconds=1))
        for entry in in_order.watching
    ] == model.currently_watching(USER)
    chance.shuffle(messages)
    assert reduce(after, messages, NOBODY) == in_order
    chance.shuffle(messages)
    for message in messages:
        assert after(in_order, message) == in_order


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
def test_the_order_of_arrival_does_not_matter_while_at_most_20_are_in_progress(events: list[Event], chance):
    at_once = watched(NOBODY, events)
    shuffled = list(events)
    chance.shuffle(shuffled)
    one_by_one = reduce(lambda lists, event: watched(lists, [event]), shuffled, NOBODY)
    assert one_by_one == at_once


@given(st.lists(events(few), max_size=15), st.integers(1, 15), st.integers(0, 50), st.integers(0, 50))
def test_a_finish_leaves_both_lists_at_once(events: list[Event], movie_id: int, at: int, listed: int):
    lists = replace(watched(NOBODY, events), recommended=tuple(range(1, 16)), recommended_at=minutes(listed))
    known = {(finish.movie_id, finish.at) for finish in lists.finished}
    done = watched(lists, [finished(movie_id, at, reported_at=60)])
    if (movie_id, minutes(at)) not in known:  # else it was told before, and a newer list may have it again
        assert movie_id not in done.recommended
    assert not [entry for entry in done.watching if entry.movie_id == movie_id and entry.at <= minutes(at)]


@given(st.lists(events(many), max_size=40), many, st.lists(events(many), max_size=40))
def test_taken_off_and_brought_back_is_in_front_whatever_was_begun_meanwhile(
    events: list[Event], movie_id: int, meanwhile: list[Event]
):
    lists = watched(NOBODY, events)
    entry = next((entry for entry in lists.watching if entry.movie_id == movie_id), None)
    off = take_off(lists, movie_id)
    assert movie_id not in [entry.movie_id for entry in off.watching]
    off = watched(off, [event for event in meanwhile if event.movie_id != movie_id])
    back = bring_back(off, movie_id, minutes(60))
    if entry is None:
        assert back == off
        return
    assert back.watching[0] == replace(entry, back_at=minutes(60))
    assert back.watching[1:] == off.watching[: LONGEST - 1]
    assert movie_id not in [entry.movie_id for entry in back.removed]
    assert bring_back(back, movie_id, minutes(70)) == back


def test_a_movie_brought_back_follows_its_events_as_if_it_had_never_been_off():
    lists = bring_back(take_off(watched(NOBODY, [begun(1, 0.5, 5)]), 1), 1, minutes(20))
    assert watched(lists, [begun(1, 0.9, 4)]) == lists
    late = watched(lists, [begun(1, 0.6, 10), begun(2, 0.1, 15)])
    assert late.watching == (Entry(1, 0.6, minutes(10), back_at=minutes(20)), Entry(2, 0.1, minutes(15)))
    later = watched(lists, [begun(1, 0.7, 30)])
    assert later.watching == (Entry(1, 0.7, minutes(30)),)
    assert watched(lists, [finished(1, at=10, reported_at=30)]).watching == ()


def test_the_movie_taken_off_last_can_be_brought_back_however_many_were_before():
    movies = range(1, LONGEST + 2)
    lists = NOBODY
    for movie in movies:  # each watched longer ago than the one before
        lists = take_off(watched(lists, [begun(movie, 0.5, 50 - movie)]), movie)
    assert [entry.movie_id for entry in lists.removed] == list(reversed(movies[1:]))
    assert bring_back(lists, movies[-1], minutes(60)).watching[0].movie_id == movies[-1]


def test_the_movie_watched_longest_ago_leaves_and_is_forgotten():
    lists = watched(NOBODY, [begun(movie, 0.5, movie) for movie in range(1, LONGEST + 2)])
    assert [entry.movie_id for entry in lists.watching] == list(range(LONGEST + 1, 1, -1))


def test_an_older_event_changes_nothing_and_a_newer_one_moves_to_the_front():
    lists = watched(NOBODY, [begun(1, 0.5, 5), begun(2, 0.2, 6)])
    assert watched(lists, [begun(1, 0.9, 4)]) == lists
    assert watched(lists, [begun(1, 0.1, 7)]).watching == (
        Entry(1, 0.1, minutes(7)),
        Entry(2, 0.2, minutes(6)),
    )


def test_at_one_time_the_higher_progress_wins_whichever_came_first():
    low, high = begun(1, 0.2, 5), begun(1, 0.6, 5)
    assert watched(watched(NOBODY, [low]), [high]) == watched(watched(NOBODY, [high]), [low])
    assert watched(NOBODY, [high, low]).watching == (Entry(1, 0.6, minutes(5)),)


def test_progress_from_before_a_finish_on_record_changes_nothing():
    late = replace(begun(1, 0.5, 5), last_finish=minutes(6))
    assert watched(NOBODY, [late]) == NOBODY
    assert watched(NOBODY, [replace(late, at=minutes(7))]).watching == (Entry(1, 0.5, minutes(7)),)


def test_a_list_drops_what_is_unknown_and_repeated_and_then_keeps_20():
    lists = recommend(NOBODY, [99, 3, 3, *range(1, 30)], minutes(0), KNOWN)
    assert lists.recommended == (3, 1, 2, *range(4, 21))


def test_an_older_list_does_not_overwrite_and_one_of_the_same_time_does():
    lists = recommend(NOBODY, [1], minutes(5), KNOWN)
    assert recommend(lists, [2], minutes(4), KNOWN) == lists
    assert recommend(lists, [2], minutes(5), KNOWN).recommended == (2,)


def test_a_finish_is_news_to_lists_from_before_it_was_told_or_before_it_was():
    for at, reported_at in ((0, 5), (5, 0), (4, 5)):
        finish = finished(1, at, reported_at)
        for listed, recommended in ((4, (2,)), (5, (2,) if reported_at == 5 else (1, 2)), (6, (1, 2))):
            late = recommend(watched(NOBODY, [finish]), [1, 2], minutes(listed), KNOWN)
            assert late.recommended == recommended
            assert watched(recommend(NOBODY, [1, 2], minutes(listed), KNOWN), [finish]) == late


def test_a_list_lacks_what_is_on_record_as_finished_since():
    assert recommend(NOBODY, [2, 3], minutes(6), KNOWN, finished_since={3}).recommended == (2,)


def test_no_movie_moves_up_into_a_list_of_20_for_a_finished_one():
    lists = watched(NOBODY, [finished(1, at=0, reported_at=5)])
    assert recommend(lists, range(1, 30), minutes(4), KNOWN).recommended == tuple(range(2, 21))


def test_a_finish_told_twice_was_known_from_the_first_time():
    first, again = finished(1, at=0, reported_at=5), finished(1, at=0, reported_at=9)
    lists = watched(NOBODY, [first])
    assert lists.finished == (Finish(1, minutes(0), reported_at=minutes(5)),)
    assert watched(lists, [again]) == watched(watched(NOBODY, [again]), [first]) == lists
    newer = recommend(lists, [1, 2], minutes(7), KNOWN)
    assert watched(newer, [again]) == newer


def test_a_forgotten_finish_told_again_leaves_a_newer_list_if_it_is_known_to_be_counted():
    lists = recommend(NOBODY, [1], minutes(5), KNOWN)
    again = finished(1, at=0, reported_at=9)
    assert watched(lists, [replace(again, counted_before=True)]) == lists
    assert watched(lists, [again]).recommended == ()


def test_the_20_finishes_told_last_are_remembered():
    lists = watched(
        NOBODY, [finished(movie, at=60 - movie, reported_at=movie) for movie in range(1, LONGEST + 2)]
    )
    assert [finish.movie_id for finish in lists.finished] == list(range(LONGEST + 1, 1, -1))
