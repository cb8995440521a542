"""The rules of a user's two lists hold for any events, in any order, with any repetitions."""

from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.faults.model import Model
from recommendations.lists import MAX_LIST_LENGTH, apply_events, bring_back, recommend, take_off
from recommendations.showing import shown
from recommendations.user_lists import EMPTY_LISTS, Entry, Event, Finish, UserLists

USER = 7
START = datetime(2017, 9, 8, tzinfo=UTC)
KNOWN = frozenset(range(1, 61))
HOLD = timedelta(days=7)
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
    """Sessions and lists in the order of sending, a minute apart; at most 20 finishes, each reported once."""
    messages: list[list[Event] | tuple[list[int], int]] = []
    finishes = 0
    for number in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            listed = draw(st.permutations(range(1, 26)))[draw(st.integers(0, 20)) :]
            messages.append((listed + draw(st.lists(st.integers(1, 80), max_size=5)), number))
            continue
        # some are ahead of their sending; seconds distinguish the finishes of two sessions
        session = in_one_message(
            [
                replace(
                    event, reported_at=minutes(number), at=event.at + timedelta(minutes=-30, seconds=number)
                )
                for event in draw(st.lists(events(few), max_size=6))
            ]
        )
        finishes += sum(event.finished for event in session)
        if finishes <= MAX_LIST_LENGTH:
            messages.append(session)
    return messages


def in_one_message(session: list[Event]) -> list[Event]:
    """The events; those ahead of the sending get effective times, in the order of their stated times."""
    ahead = sorted({event.at for event in session if event.at > event.reported_at})
    return [
        replace(event, effective_at=event.reported_at + timedelta(microseconds=1 + ahead.index(event.at)))
        if event.at in ahead
        else event
        for event in session
    ]


sessions = st.lists(st.lists(events(few), max_size=6), max_size=12)
recs = st.tuples(st.lists(st.integers(1, 80), max_size=30), st.integers(0, 50))


def after(lists: UserLists, change: object) -> UserLists:
    if isinstance(change, list):
        return apply_events(lists, change)
    assert isinstance(change, tuple)
    movie_ids, at = change
    return recommend(lists, movie_ids, minutes(at), KNOWN, hold=HOLD)


@given(st.lists(st.one_of(st.lists(events(), max_size=6), recs), max_size=20))
def test_neither_list_names_a_movie_twice_or_is_longer_than_20(changes: list):
    lists = reduce(after, changes, EMPTY_LISTS)
    begun = [entry.movie_id for entry in lists.watching]
    assert len(lists.recommended) == len(set(lists.recommended)) <= MAX_LIST_LENGTH
    assert len(begun) == len(set(begun)) <= MAX_LIST_LENGTH
    times = [entry.at for entry in lists.watching]
    assert times == sorted(times, reverse=True)


@given(
    st.lists(st.one_of(st.lists(events(), max_size=6), recs), max_size=20),
    st.sets(many),
    st.sampled_from((1.0, 0.9, 0.5)),
)
def test_a_user_is_shown_each_visible_unfinished_movie_in_one_list(changes: list, hidden: set, mark: float):
    lists = reduce(after, changes, EMPTY_LISTS)
    begun = {entry.movie_id: entry.progress for entry in lists.watching}

    def find(movie_ids: list[int]) -> list[int | None]:
        return [None if movie_id in hidden else movie_id for movie_id in movie_ids]

    recommended, watching = shown(list(lists.recommended), list(begun), list(begun.values()), [], find, mark)
    assert not set(recommended) & set(begun)
    assert not hidden & {*recommended, *dict(watching)}
    assert recommended == [m for m in lists.recommended if m not in begun and m not in hidden]
    assert watching == [(m, p) for m, p in begun.items() if p < mark and m not in hidden]


@given(sent(), st.randoms())
def test_any_order_of_arrival_has_the_result_of_the_order_of_sending(messages: list, chance):
    model = Model(set(KNOWN))
    for message in messages:
        if isinstance(message, list):
            for event in message:
                model.watched(USER, event.movie_id, event.progress, event.at, event.reported_at)
        else:
            model.recommended(USER, message[0])
    in_order = reduce(after, messages, EMPTY_LISTS)
    assert list(in_order.recommended) == model.recommendations(USER)
    assert [
        (entry.movie_id, entry.progress, entry.at - (entry.at - START) % timedelta(seconds=1))
        for entry in in_order.watching
    ] == model.currently_watching(USER)
    chance.shuffle(messages)
    assert reduce(after, messages, EMPTY_LISTS) == in_order
    chance.shuffle(messages)
    for message in messages:
        assert after(in_order, message) == in_order


@given(sessions)
def test_a_replay_changes_nothing_while_at_most_20_are_in_progress(batches: list[list[Event]]):
    """Of one session immediately, and of all of them later."""
    lists = EMPTY_LISTS
    for batch in batches:
        lists = apply_events(lists, batch)
        assert apply_events(lists, batch) == lists
    if len(lists.finished) < MAX_LIST_LENGTH:  # every finish is kept
        assert reduce(apply_events, batches, lists) == lists


@given(st.lists(events(few), max_size=15), st.randoms())
def test_the_order_of_arrival_does_not_matter_while_at_most_20_are_in_progress(events: list[Event], chance):
    at_once = apply_events(EMPTY_LISTS, events)
    shuffled = list(events)
    chance.shuffle(shuffled)
    one_by_one = reduce(lambda lists, event: apply_events(lists, [event]), shuffled, EMPTY_LISTS)
    assert one_by_one == at_once


@given(st.lists(events(few), max_size=15), st.integers(1, 15), st.integers(0, 50), st.integers(0, 50))
def test_a_finish_leaves_both_lists_at_once(events: list[Event], movie_id: int, at: int, listed: int):
    lists = replace(
        apply_events(EMPTY_LISTS, events), recommended=tuple(range(1, 16)), recommended_at=minutes(listed)
    )
    known = {(finish.movie_id, finish.at) for finish in lists.finished}
    done = apply_events(lists, [finished(movie_id, at, reported_at=60)])
    if (
        movie_id,
        minutes(at),
    ) not in known:  # else it was reported before, and a newer list may have it again
        assert movie_id not in done.recommended
    assert not [entry for entry in done.watching if entry.movie_id == movie_id and entry.at <= minutes(at)]


@given(st.lists(events(many), max_size=40), many, st.lists(events(many), max_size=40))
def test_taken_off_and_brought_back_is_in_front_whatever_was_begun_meanwhile(
    events: list[Event], movie_id: int, meanwhile: list[Event]
):
    lists = apply_events(EMPTY_LISTS, events)
    entry = next((entry for entry in lists.watching if entry.movie_id == movie_id), None)
    off = take_off(lists, movie_id)
    assert movie_id not in [entry.movie_id for entry in off.watching]
    off = apply_events(off, [event for event in meanwhile if event.movie_id != movie_id])
    back = bring_back(off, movie_id, minutes(60))
    if entry is None:
        assert back == off
        return
    assert back.watching[0] == replace(entry, back_at=minutes(60))
    assert back.watching[1:] == off.watching[: MAX_LIST_LENGTH - 1]
    assert movie_id not in [entry.movie_id for entry in back.removed]
    assert bring_back(back, movie_id, minutes(70)) == back


def test_a_movie_brought_back_follows_its_events_as_if_it_had_never_been_off():
    lists = bring_back(take_off(apply_events(EMPTY_LISTS, [begun(1, 0.5, 5)]), 1), 1, minutes(20))
    assert apply_events(lists, [begun(1, 0.9, 4)]) == lists
    late = apply_events(lists, [begun(1, 0.6, 10), begun(2, 0.1, 15)])
    assert late.watching == (Entry(1, 0.6, minutes(10), back_at=minutes(20)), Entry(2, 0.1, minutes(15)))
    later = apply_events(lists, [begun(1, 0.7, 30)])
    assert later.watching == (Entry(1, 0.7, minutes(30)),)
    assert apply_events(lists, [finished(1, at=10, reported_at=30)]).watching == ()


def test_the_movie_taken_off_last_can_be_brought_back_however_many_were_before():
    movies = range(1, MAX_LIST_LENGTH + 2)
    lists = EMPTY_LISTS
    for movie in movies:  # each watched longer ago than the one before
        lists = take_off(apply_events(lists, [begun(movie, 0.5, 50 - movie)]), movie)
    assert [entry.movie_id for entry in lists.removed] == list(reversed(movies[1:]))
    assert bring_back(lists, movies[-1], minutes(60)).watching[0].movie_id == movies[-1]


def test_the_movie_watched_longest_ago_leaves_and_is_forgotten():
    lists = apply_events(EMPTY_LISTS, [begun(movie, 0.5, movie) for movie in range(1, MAX_LIST_LENGTH + 2)])
    assert [entry.movie_id for entry in lists.watching] == list(range(MAX_LIST_LENGTH + 1, 1, -1))


def test_an_older_event_changes_nothing_and_a_newer_one_moves_to_the_front():
    lists = apply_events(EMPTY_LISTS, [begun(1, 0.5, 5), begun(2, 0.2, 6)])
    assert apply_events(lists, [begun(1, 0.9, 4)]) == lists
    assert apply_events(lists, [begun(1, 0.1, 7)]).watching == (
        Entry(1, 0.1, minutes(7)),
        Entry(2, 0.2, minutes(6)),
    )


def test_at_one_time_the_higher_progress_wins_whichever_came_first():
    low, high = begun(1, 0.2, 5), begun(1, 0.6, 5)
    assert apply_events(apply_events(EMPTY_LISTS, [low]), [high]) == apply_events(
        apply_events(EMPTY_LISTS, [high]), [low]
    )
    assert apply_events(EMPTY_LISTS, [high, low]).watching == (Entry(1, 0.6, minutes(5)),)


def test_progress_from_before_a_finish_on_record_changes_nothing():
    late = replace(begun(1, 0.5, 5), last_finish=minutes(6))
    assert apply_events(EMPTY_LISTS, [late]) == EMPTY_LISTS
    assert apply_events(EMPTY_LISTS, [replace(late, at=minutes(7))]).watching == (Entry(1, 0.5, minutes(7)),)


def test_a_list_drops_what_is_unknown_and_repeated_and_then_keeps_20():
    lists = recommend(EMPTY_LISTS, [99, 3, 3, *range(1, 30)], minutes(0), KNOWN, hold=HOLD)
    assert lists.recommended == (3, 1, 2, *range(4, 21))


def test_an_older_list_does_not_overwrite_and_one_of_the_same_time_does():
    lists = recommend(EMPTY_LISTS, [1], minutes(5), KNOWN, hold=HOLD)
    assert recommend(lists, [2], minutes(4), KNOWN, hold=HOLD) == lists
    assert recommend(lists, [2], minutes(5), KNOWN, hold=HOLD).recommended == (2,)


def test_a_finish_is_newer_than_lists_sent_before_it_was_reported_or_before_it_happened():
    for at, reported_at in ((0, 5), (5, 0), (4, 5)):
        finish = finished(1, at, reported_at)
        for listed, recommended in ((4, (2,)), (5, (2,) if reported_at == 5 else (1, 2)), (6, (1, 2))):
            late = recommend(apply_events(EMPTY_LISTS, [finish]), [1, 2], minutes(listed), KNOWN, hold=HOLD)
            assert late.recommended == recommended
            assert (
                apply_events(recommend(EMPTY_LISTS, [1, 2], minutes(listed), KNOWN, hold=HOLD), [finish])
                == late
            )


def test_a_list_drops_movies_finished_since_on_record():
    assert recommend(EMPTY_LISTS, [2, 3], minutes(6), KNOWN, finished_since={3}, hold=HOLD).recommended == (
        2,
    )


def test_no_movie_moves_up_in_place_of_a_finished_one():
    lists = apply_events(EMPTY_LISTS, [finished(1, at=0, reported_at=5)])
    assert recommend(lists, range(1, 30), minutes(4), KNOWN, hold=HOLD).recommended == tuple(range(2, 21))


def test_a_finish_reported_twice_counts_from_the_first_report():
    first, again = finished(1, at=0, reported_at=5), finished(1, at=0, reported_at=9)
    lists = apply_events(EMPTY_LISTS, [first])
    assert lists.finished == (Finish(1, minutes(0), reported_at=minutes(5)),)
    assert apply_events(lists, [again]) == apply_events(apply_events(EMPTY_LISTS, [again]), [first]) == lists
    newer = recommend(lists, [1, 2], minutes(7), KNOWN, hold=HOLD)
    assert apply_events(newer, [again]) == newer


def test_a_forgotten_finish_reported_again_does_not_change_a_newer_list_if_it_was_counted():
    lists = recommend(EMPTY_LISTS, [1], minutes(5), KNOWN, hold=HOLD)
    again = finished(1, at=0, reported_at=9)
    assert apply_events(lists, [replace(again, counted_before=True)]) == lists
    assert apply_events(lists, [again]).recommended == ()


def test_the_20_finishes_reported_last_are_kept():
    lists = apply_events(
        EMPTY_LISTS,
        [finished(movie, at=60 - movie, reported_at=movie) for movie in range(1, MAX_LIST_LENGTH + 2)],
    )
    assert [finish.movie_id for finish in lists.finished] == list(range(MAX_LIST_LENGTH + 1, 1, -1))
