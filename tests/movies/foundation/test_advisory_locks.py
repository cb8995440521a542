"""An advisory lock has one holder, and is free when the holder's transaction ends."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from movies.foundation import advisory_locks
from tests.movies.factories import other_connection

pytestmark = pytest.mark.django_db(transaction=True)
KEY = advisory_locks.key_of("a test's lock")


@pytest.fixture
def holder() -> Iterator[Any]:
    """Another connection, whose transaction holds the lock."""
    with other_connection() as other:
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
        yield other


def test_a_lock_that_another_transaction_holds_is_not_acquired(holder: Any) -> None:
    with pytest.raises(advisory_locks.LockHeld), transaction.atomic():
        advisory_locks.acquire(KEY, seconds=0.01)
    with transaction.atomic():
        assert not advisory_locks.try_acquire(KEY)


def test_a_lock_is_free_after_its_holders_transaction(holder: Any) -> None:
    holder.rollback()
    with transaction.atomic():
        advisory_locks.acquire(KEY, seconds=0.01)
        advisory_locks.acquire(KEY)
        assert advisory_locks.try_acquire(KEY)


def test_waiting_for_a_lock_sets_no_timeout_for_later_statements() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        before = cursor.fetchone()
        advisory_locks.acquire(KEY, seconds=5)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == before


def test_locks_on_ids_are_held_in_their_own_namespace(holder: Any) -> None:
    holder.cursor().execute("SELECT pg_advisory_xact_lock(1, hashint8(7))")
    with transaction.atomic(), connection.cursor() as cursor:
        advisory_locks.acquire_each(2, [7, 8, 7])
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND classid = 2"
        )
        assert cursor.fetchone() == (2,)
