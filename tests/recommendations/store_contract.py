"""The contract of every store of user lists: one suite, with a small subclass for each store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier

from django.db import connections
from msgspec.structs import replace

from movies.foundation.numbers import MAX_BIGINT
from recommendations.lists import (
    MAX_DISMISSED,
    MAX_LIST_LENGTH,
    apply_events,
    bring_back,
    dismiss,
    recommend,
    recommend_own,
    take_off,
    undo_dismissal,
)
from recommendations.stores.base import Change, ListStore, ServedRow
from recommendations.user_lists import BUS, EMPTY_LISTS, Entry, Event, Finish, Trial, UserLists

AT = datetime(2017, 9, 8, 12, 50, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
HOLD = timedelta(days=7)

FULL = UserLists(
    recommended=tuple(range(100, 100 + MAX_LIST_LENGTH)),
    recommended_at=AT,
    watching=tuple(Entry(200 + n, 0.5 + n / 100, AT - timedelta(hours=n)) for n in range(MAX_LIST_LENGTH)),
    removed=tuple(Entry(300 + n, 1 / 3, AT - timedelta(hours=n)) for n in range(MAX_LIST_LENGTH)),
    finished=tuple(
        Finish(400 + n, AT - timedelta(hours=n), reported_at=AT - timedelta(minutes=n))
        for n in range(MAX_LIST_LENGTH)
    ),
    recommended_by="mixture",
    dismissed=tuple(range(MAX_BIGINT, MAX_BIGINT - MAX_DISMISSED, -1)),
    trial=Trial(MAX_BIGINT, "modelled", tuple(range(MAX_BIGINT, MAX_BIGINT - MAX_LIST_LENGTH, -1))),
    read_at=LATER,
)


def begun(movie_id: int, progress: float = 0.5, at: datetime = AT) -> Callable[[UserLists], UserLists]:
    return partial(apply_events, events=[Event(movie_id, progress, at, finished=False, reported_at=at)])


def _to(lists: UserLists) -> Change:
    return lambda _: lists


class StoreContract:
    """A subclass has a fixture `store`, an empty one."""

    def test_an_unknown_user_has_no_row(self, store: ListStore):
        assert store.read(7) is None
        assert store.served(7)[0] is None
        assert store.count() == 0
        assert store.scan(0, 10) == []

    def test_what_was_changed_is_read_again(self, store: ListStore):
        store.update({7: lambda lists: FULL})
        assert store.read(7) == FULL

    def test_deleted_users_have_no_row_and_others_keep_theirs(self, store: ListStore):
        store.update({user_id: _to(FULL) for user_id in (7, 8, 9)})
        store.delete([7, 9, 10])
        assert store.scan(0, 10) == [(8, FULL)]
        store.delete([7])
        assert store.ids(0, 10) == [8]

    def test_the_served_row_has_both_lists_in_order(self, store: ListStore):
        store.update(
            {
                7: lambda lists: FULL,
                8: begun(5, 1e-9),
                9: lambda lists: recommend(lists, [3, 1], AT, {1, 3}, hold=HOLD),
            }
        )
        assert store.served(7)[0] == ServedRow(
            list(FULL.recommended),
            [entry.movie_id for entry in FULL.watching],
            [repr(entry.progress).encode() for entry in FULL.watching],
            list(FULL.dismissed),
        )
        assert store.served(8)[0] == ServedRow([], [5], [b"1e-09"])
        assert store.served(9)[0] == ServedRow([3, 1], [], [])

    def test_an_empty_list_is_a_record(self, store: ListStore):
        store.update({7: lambda lists: recommend(lists, [99], AT, known=(), hold=HOLD)})
        assert store.served(7)[0] == ServedRow([], [], [])
        assert store.read(7) == UserLists(recommended_at=AT)

    def test_a_change_gets_what_is_stored(self, store: ListStore):
        seen: list[UserLists] = []

        def look(lists: UserLists) -> UserLists:
            seen.append(lists)
            return lists

        store.update({7: begun(1)})
        store.update({7: look, 8: look})
        assert seen == [UserLists(watching=(Entry(1, 0.5, AT),)), EMPTY_LISTS]

    def test_a_change_of_one_part_leaves_the_others(self, store: ListStore):
        back = (Entry(1, 0.5, AT, back_at=LATER), *FULL.watching[1:])
        brought_back = replace(FULL, watching=back)
        changes = [
            (FULL, replace(FULL, recommended=(), recommended_at=LATER)),
            (FULL, replace(FULL, recommended=(1,))),
            (FULL, replace(FULL, recommended_at=LATER)),
            (FULL, replace(FULL, recommended_by="euclid")),
            (FULL, replace(FULL, recommended_by=BUS)),
            (FULL, replace(FULL, dismissed=FULL.dismissed[1:])),
            (FULL, replace(FULL, dismissed=())),
            (FULL, brought_back),
            (FULL, replace(FULL, watching=())),
            (FULL, replace(FULL, removed=FULL.removed[1:])),
            (FULL, replace(FULL, finished=FULL.finished[1:])),
            (FULL, replace(FULL, trial=None)),
            (FULL, replace(FULL, trial=Trial(1, "fixed", ()))),
            (FULL, replace(FULL, read_at=None)),
            (FULL, replace(FULL, read_at=LATER + timedelta(milliseconds=1))),
            (brought_back, FULL),
            (brought_back, replace(brought_back, watching=back[:-1])),
            (brought_back, replace(brought_back, removed=())),
            (EMPTY_LISTS, replace(EMPTY_LISTS, finished=FULL.finished)),
            (EMPTY_LISTS, replace(EMPTY_LISTS, recommended_by="mixture")),
            (EMPTY_LISTS, replace(EMPTY_LISTS, dismissed=(7,))),
            (EMPTY_LISTS, replace(EMPTY_LISTS, trial=FULL.trial)),
            (EMPTY_LISTS, replace(EMPTY_LISTS, read_at=LATER)),
        ]
        store.write((user_id, before) for user_id, (before, _) in enumerate(changes, start=1))
        store.update({user_id: _to(after) for user_id, (_, after) in enumerate(changes, start=1)})
        stored = [store.read(user_id) for user_id, _ in enumerate(changes, start=1)]
        assert stored == [after for _, after in changes]

    def test_several_users_are_read_at_once(self, store: ListStore):
        rows = {1: FULL, 5: begun(1)(EMPTY_LISTS), MAX_BIGINT: replace(EMPTY_LISTS, dismissed=(7,))}
        store.write(rows.items())
        assert store.read_each([*rows, 2]) == rows
        assert store.read_each({5}) == {5: rows[5]}
        assert store.read_each([]) == {}

    def test_a_list_has_its_source_and_a_list_of_the_bus_comes_first(self, store: ListStore):
        own: Change = partial(recommend_own, movie_ids=[3, 4], at=LATER, strategy="mixture", hold=HOLD)
        bus: Change = partial(recommend, movie_ids=[1, 2], at=AT, known={1, 2}, hold=HOLD)
        store.update({7: own, 8: own, 9: bus})
        assert store.read(7) == UserLists((3, 4), LATER, recommended_by="mixture")
        store.update({8: bus, 9: own})
        from_bus = UserLists((1, 2), AT, recommended_by=BUS)
        assert store.read_each([8, 9]) == {8: from_bus, 9: from_bus}

    def test_a_dismissal_is_served_until_it_is_undone(self, store: ListStore):
        store.update({7: begun(1), 8: partial(dismiss, movie_id=2)})
        store.update({7: partial(dismiss, movie_id=1)})
        assert store.served(7)[0] == ServedRow([], [1], [b"0.5"], [1])
        assert store.served(8)[0] == ServedRow([], [], [], [2])
        assert store.read(7) == replace(begun(1)(EMPTY_LISTS), dismissed=(1,))
        store.update({7: partial(undo_dismissal, movie_id=1), 8: partial(undo_dismissal, movie_id=2)})
        assert store.served(7)[0] == ServedRow([], [1], [b"0.5"])
        assert store.read(8) == EMPTY_LISTS

    def test_a_change_of_nothing_stores_nothing(self, store: ListStore):
        store.update({7: lambda lists: take_off(lists, 1)})
        assert store.read(7) is None
        assert store.count() == 0

    def test_no_changes_do_nothing(self, store: ListStore):
        store.update({})
        assert store.write([]) == 0
        assert store.count() == 0

    def test_repeating_a_change_changes_nothing(self, store: ListStore):
        changes: dict[int, Change] = {
            7: begun(1),
            8: partial(recommend, movie_ids=[3, 2], at=AT, known={2, 3}, hold=HOLD),
        }
        store.update(changes)
        once = store.scan(0, 10)
        store.update(changes)
        assert store.scan(0, 10) == once

    def test_a_finish_and_a_list_have_the_same_result_in_either_order(self, store: ListStore):
        """A store keeps what decides between them: when the list was sent, and when the finish was reported."""
        finish = Event(1, 1.0, AT - timedelta(days=1), finished=True, reported_at=AT)
        same_time: Change = partial(recommend, movie_ids=[2, 1], at=AT, known={1, 2}, hold=HOLD)
        newer: Change = partial(
            recommend, movie_ids=[2, 1], at=AT + timedelta(microseconds=1), known={1, 2}, hold=HOLD
        )
        orders: dict[int, list[Change]] = {
            1: [partial(apply_events, events=[finish]), same_time],
            2: [same_time, partial(apply_events, events=[finish])],
            3: [partial(apply_events, events=[finish]), newer],
            4: [newer, partial(apply_events, events=[finish])],
        }
        for turn in range(2):
            store.update({user_id: order[turn] for user_id, order in orders.items()})
        kept = dict(store.scan(0, 10))
        assert [kept[user_id].recommended for user_id in orders] == [(2,), (2,), (2, 1), (2, 1)]
        assert {lists.finished for lists in kept.values()} == {(Finish(1, finish.at, AT),)}

    def test_taken_off_and_brought_back_keeps_the_progress(self, store: ListStore):
        store.update({7: begun(1, 0.25)})
        store.update({7: partial(take_off, movie_id=1)})
        assert store.read(7) == UserLists(removed=(Entry(1, 0.25, AT),))
        again = AT + timedelta(days=1)
        store.update({7: begun(2, 0.5), 8: begun(1)})
        store.update({7: partial(bring_back, movie_id=1, at=again)})
        brought_back = UserLists(watching=(Entry(1, 0.25, AT, back_at=again), Entry(2, 0.5, AT)))
        assert store.read(7) == brought_back
        assert dict(store.scan(0, 10)) == {7: brought_back, 8: UserLists(watching=(Entry(1, 0.5, AT),))}
        store.update({7: partial(take_off, movie_id=1)})
        assert store.read(7) == UserLists(watching=(Entry(2, 0.5, AT),), removed=(Entry(1, 0.25, AT),))

    def test_the_effective_time_of_a_finish_is_kept(self, store: ListStore):
        ahead = Finish(
            1, AT + timedelta(hours=1), reported_at=AT, effective_at=AT + timedelta(microseconds=1)
        )
        lists = UserLists(finished=(ahead, Finish(2, AT, reported_at=AT)))
        store.write([(7, lists)])
        assert store.read(7) == lists

    def test_the_first_and_the_last_user_id_work(self, store: ListStore):
        store.update({1: begun(1), MAX_BIGINT: begun(MAX_BIGINT)})
        assert store.read(MAX_BIGINT) == UserLists(watching=(Entry(MAX_BIGINT, 0.5, AT),))
        assert [user_id for user_id, _ in store.scan(0, 10)] == [1, MAX_BIGINT]

    def test_times_are_kept_to_the_millisecond_from_the_first_year_to_the_last(self, store: ListStore):
        first = datetime(1, 1, 1, tzinfo=UTC)
        last = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
        lists = UserLists(watching=(Entry(2, 0.5, last), Entry(1, 0.5, first)), recommended_at=first)
        store.write([(7, lists)])
        assert store.read(7) == lists

    def test_write_replaces_whole_rows_and_says_how_many(self, store: ListStore):
        store.update({7: begun(1)})
        assert store.write(iter([(7, FULL), (8, UserLists(recommended=(1,), recommended_at=AT))])) == 2
        assert store.scan(0, 10) == [(7, FULL), (8, UserLists(recommended=(1,), recommended_at=AT))]

    def test_scan_goes_on_after_an_id(self, store: ListStore):
        store.write((user_id, UserLists(recommended=(user_id,))) for user_id in (5, 3, 9, 4))
        assert [user_id for user_id, _ in store.scan(0, 2)] == [3, 4]
        assert [user_id for user_id, _ in store.scan(4, 2)] == [5, 9]
        assert store.scan(9, 2) == []
        assert (store.ids(0, 2), store.ids(4, 2), store.ids(9, 2)) == ([3, 4], [5, 9], [])
        assert (store.ids_before(10, 2), store.ids_before(5, 9), store.ids_before(3, 2)) == (
            [9, 5],
            [4, 3],
            [],
        )

    def test_a_sample_is_everybody_while_they_are_few(self, store: ListStore):
        lists = [UserLists((user_id,), AT, recommended_by=by) for user_id, by in ((5, BUS), (3, "mixture"))]
        store.write([(5, lists[0]), (3, lists[1]), (4, EMPTY_LISTS)])
        assert sorted(store.sample(3), key=lambda one: one.recommended) == [EMPTY_LISTS, lists[1], lists[0]]

    def test_a_sample_is_drawn_from_all_users_and_no_longer_than_asked_for(self, store: ListStore):
        store.write((user_id, UserLists(recommended=(user_id,))) for user_id in range(1, 2001))
        drawn = [one.recommended[0] for _ in range(20) for one in store.sample(100)]
        assert 0 < len(drawn) <= 20 * 100
        assert min(drawn) <= 1000 < max(drawn)
        assert all(len(store.sample(limit)) <= limit for limit in (1, 10, 1999))

    def test_count_is_the_number_of_users(self, store: ListStore):
        store.write((user_id, FULL) for user_id in range(1, 51))
        assert store.count() == 50

    def test_concurrent_writers_of_one_user_lose_nothing(self, store: ListStore):
        """Each of 8 threads concurrently begins its own movies for the same users, some of them new."""
        threads, users, turns = 8, (7, 3, 5), 2
        start = Barrier(threads)

        def write(thread: int) -> None:
            try:
                start.wait(timeout=10)
                for turn in range(turns):
                    movie_id = 1 + thread * turns + turn
                    store.update(
                        dict.fromkeys(
                            users[:: (-1) ** thread], begun(movie_id, at=AT + timedelta(hours=movie_id))
                        )
                    )
            finally:
                connections.close_all()

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(write, range(threads)))
        expected = list(range(threads * turns, 0, -1))
        assert [[entry.movie_id for entry in lists.watching] for _, lists in store.scan(0, 10)] == [
            expected
        ] * 3
