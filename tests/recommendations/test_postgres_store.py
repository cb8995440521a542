"""The PostgreSQL store keeps the contract, and its own promises: few statements, the caller's transaction."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from recommendations.lists import recommend, take_off
from recommendations.models import UserLists as Stored
from recommendations.stores.base import ListStore
from recommendations.stores.postgres import PostgresStore
from recommendations.user_lists import UserLists
from tests.recommendations.store_contract import AT, FULL, HOLD, StoreContract, begun
from tests.recommendations.store_reads_contract import ReadsContract

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> ListStore:
    return PostgresStore()


class TestPostgresStore(StoreContract, ReadsContract):
    """Runs every case."""


@pytest.mark.parametrize("users", [1, 10, 500])
def test_a_batch_of_any_size_takes_three_statements(store: ListStore, users: int):
    store.write((user_id, FULL) for user_id in range(1, users + 1))
    with (
        transaction.atomic(),
        CaptureQueriesContext(
            connection,
        ) as captured,
    ):
        # lock, update existing rows, insert new ones
        store.update({user_id: begun(1, at=FULL.watching[0].at) for user_id in range(1, 2 * users + 1)})
    assert len([query for query in captured if "SAVEPOINT" not in query["sql"]]) == 3
    assert store.count() == 2 * users


def test_a_row_that_does_not_change_is_not_written(store: ListStore):
    store.update({7: begun(1)})
    before = Stored.objects.values("updated").get()
    store.update({7: begun(1)})
    assert Stored.objects.values("updated").get() == before


def test_an_update_is_undone_with_the_callers_transaction(store: ListStore):
    store.update({7: begun(1)})
    with transaction.atomic():
        store.update({7: lambda lists: take_off(lists, 1), 8: begun(1)})
        transaction.set_rollback(True)
    assert [user_id for user_id, _ in store.scan(0, 10)] == [7]
    assert store.read(7) == begun(1)(UserLists())


def test_the_served_version_is_the_inventorys(store: ListStore):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_inventory SET version = 12345")
    store.update({7: lambda lists: recommend(lists, [1], AT, {1}, hold=HOLD)})
    assert store.served(7)[1] == 12345
    assert store.served(8) == (None, 12345)
