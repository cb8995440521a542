"""The contract of every store of user lists about lists that were read: a second suite beside store_contract.py."""

from datetime import datetime, timedelta
from functools import partial
from threading import Thread

from django.db import connections
from msgspec.structs import replace

from recommendations.list_reads import FirstRead, Unread
from recommendations.lists import recommend
from recommendations.stores.base import ListStore
from recommendations.user_lists import BUS, EMPTY_LISTS, UserLists
from tests.recommendations.store_contract import AT, FULL, HOLD, LATER

OF_BUS = replace(FULL, read_at=None, recommended_by=BUS, trial=None)
OURS = replace(FULL, read_at=None)


def read(user_id: int, at: datetime = LATER) -> FirstRead:
    return FirstRead(user_id, made_at=AT, read_at=at, made_by=BUS, movies=())


def unread(store: ListStore, user_id: int) -> Unread | None:
    row, _ = store.served(user_id, unread=True)
    return row.unread if row else None


class ReadsContract:
    """A subclass has a fixture `store`, an empty one."""

    def test_a_list_of_which_no_read_is_logged_is_unread(self, store: ListStore):
        watching = replace(EMPTY_LISTS, watching=FULL.watching)
        store.write([(1, OF_BUS), (2, OURS), (3, FULL), (4, watching)])
        assert unread(store, 1) == Unread(AT, BUS)
        assert unread(store, 2) == Unread(AT, "mixture", FULL.trial)
        assert [unread(store, user_id) for user_id in (3, 4, 5)] == [None, None, None]

    def test_who_does_not_ask_gets_the_same_row_without_it(self, store: ListStore):
        store.write([(1, OURS), (2, FULL)])
        (ours, _), (full, _) = store.served(1), store.served(2)
        assert ours is not None
        assert ours.unread is None
        assert ours == full == store.served(2, unread=True)[0]

    def test_a_list_is_marked_as_read_unless_it_was_replaced(self, store: ListStore):
        store.write([(1, OF_BUS), (2, OURS), (3, FULL), (4, OF_BUS)])
        replaced = partial(recommend, movie_ids=[1], at=LATER, known={1}, hold=HOLD)
        store.update({2: replaced})
        store.mark_read([read(1), read(2), read(3, LATER + timedelta(days=1)), read(6)])
        assert dict(store.scan(0, 10)) == {
            1: replace(OF_BUS, read_at=LATER),
            2: replaced(OURS),
            3: FULL,
            4: OF_BUS,
        }
        assert [unread(store, user_id) for user_id in (1, 2, 4)] == [
            None,
            Unread(LATER, BUS),
            Unread(AT, BUS),
        ]

    def test_marking_nothing_and_marking_again_change_nothing(self, store: ListStore):
        store.write([(1, OURS)])
        store.mark_read([])
        store.mark_read([read(1)])
        store.mark_read([read(1, LATER + timedelta(days=1)), read(1, LATER - timedelta(minutes=1))])
        assert store.read(1) == FULL

    def test_an_update_beside_a_mark_loses_neither(self, store: ListStore):
        """The list is marked as read between an update's look at it and its write, if the store lets it."""
        store.write([(7, replace(OURS, finished=()))])
        marking = Thread(target=_marked, args=[store])

        def change(lists: UserLists) -> UserLists:
            if not marking.ident:
                marking.start()
                marking.join(timeout=0.2)  # PostgreSQL has it wait for the update
            return replace(lists, finished=FULL.finished)

        store.update({7: change})
        marking.join()
        assert store.read(7) == FULL


def _marked(store: ListStore) -> None:
    try:
        store.mark_read([read(7)])
    finally:
        connections.close_all()
