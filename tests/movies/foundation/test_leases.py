"""A lease has one holder at a time and expires; failed work is recorded and retried with growing pauses."""

import pytest
from django.db import connection

from movies.foundation.leases import LeaseHeld, LeaseLost, lease
from movies.foundation.retries import failing_work, retried
from movies.models import Failure, Lease

pytestmark = pytest.mark.django_db


class Broken(Exception):
    """The work failed."""


def expire(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_lease SET expires_at = now() - interval '1 s' WHERE name = %s", [name])


def end_pause() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_failure SET next_try = now() - interval '1 s'")


def test_a_lease_has_one_holder_and_is_free_after_the_block() -> None:
    with lease("work", seconds=60):
        with pytest.raises(LeaseHeld), lease("work", seconds=60):
            pass
        with lease("other work", seconds=60):
            pass
    with lease("work", seconds=60):
        pass
    assert not Lease.objects.exists()


def test_an_expired_lease_is_renewed_unless_another_process_took_it() -> None:
    with lease("work", seconds=60) as first:
        expire("work")
        first.renew()
        with pytest.raises(LeaseHeld), lease("work", seconds=60):
            pass
        expire("work")
        with lease("work", seconds=60) as second:
            with pytest.raises(LeaseLost):
                first.renew()
            second.renew()


def test_a_block_that_lost_its_lease_does_not_release_the_next_holders() -> None:
    with lease("work", seconds=60):
        expire("work")
        mine = lease("work", seconds=60)
        owner = mine.__enter__().owner
    assert Lease.objects.get().owner == owner
    mine.__exit__(None, None, None)
    assert not Lease.objects.exists()


def test_a_failure_is_on_record_until_the_work_succeeds() -> None:
    with retried("work", Broken, first=10, longest=60) as due:
        assert due
        raise Broken("the\nreason")
    [problem] = failing_work().values()
    assert problem.startswith("The work has failed since ")
    assert problem.endswith("the reason")
    with retried("work", Broken, first=10, longest=60) as due:
        assert not due
    end_pause()
    with retried("work", Broken, first=10, longest=60) as due:
        assert due
    assert failing_work() == {}


def test_each_failure_in_a_row_makes_the_pause_longer_up_to_a_bound() -> None:
    pauses: list[int] = []
    for _ in range(5):
        end_pause()
        with retried("work", Broken, first=10, longest=60):
            raise Broken
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT round(extract(epoch FROM next_try - clock_timestamp())) FROM movies_failure"
            )
            pauses.append(int(cursor.fetchone()[0]))
    assert [round(pause, -1) for pause in pauses] == [10, 20, 40, 60, 60]
    assert Failure.objects.get().times == 5


def test_an_unexpected_error_is_recorded_and_raised() -> None:
    with pytest.raises(ZeroDivisionError), retried("work", Broken, first=10, longest=60):
        raise ZeroDivisionError
    assert Failure.objects.get().error == "ZeroDivisionError"


def test_work_that_another_process_does_is_neither_a_failure_nor_a_success() -> None:
    with retried("work", Broken, first=10, longest=60):
        raise Broken
    end_pause()
    with lease("work", seconds=60), retried("work", Broken, first=10, longest=60) as due:
        assert due
        with lease("work", seconds=60):
            pass
    assert Failure.objects.get().times == 1
