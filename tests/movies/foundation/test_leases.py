"""Leases and retries: one holder at a time, a dead one is followed, failures are on record with growing pauses."""

import pytest
from django.db import connection

from movies.foundation.leases import LeaseHeld, LeaseLost, lease
from movies.foundation.retries import failing_work, retried
from movies.models import Failure, Lease

pytestmark = pytest.mark.django_db


class Broken(Exception):
    """The work failed."""


def run_out(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_lease SET expires_at = now() - interval '1 s' WHERE name = %s", [name])


def pause_is_over() -> None:
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


def test_a_lease_that_ran_out_is_renewed_unless_somebody_has_it() -> None:
    with lease("work", seconds=60) as first:
        run_out("work")
        first.renew()
        with pytest.raises(LeaseHeld), lease("work", seconds=60):
            pass
        run_out("work")
        with lease("work", seconds=60) as second:
            with pytest.raises(LeaseLost):
                first.renew()
            second.renew()


def test_the_end_of_a_block_that_lost_its_lease_takes_nothing_from_the_next_holder() -> None:
    with lease("work", seconds=60):
        run_out("work")
        mine = lease("work", seconds=60)
        owner = mine.__enter__().owner
    assert Lease.objects.get().owner == owner
    mine.__exit__(None, None, None)
    assert not Lease.objects.exists()


def test_a_failure_is_on_record_until_the_work_succeeds() -> None:
    with retried("work", Broken, first=10, longest=60) as due:
        assert due
        raise Broken("the\nreason")
    [problem] = failing_work()
    assert problem.startswith("The work has failed since ")
    assert problem.endswith("the reason")
    with retried("work", Broken, first=10, longest=60) as due:
        assert not due
    pause_is_over()
    with retried("work", Broken, first=10, longest=60) as due:
        assert due
    assert failing_work() == []


def test_each_failure_in_a_row_makes_the_pause_longer_up_to_a_bound() -> None:
    pauses: list[int] = []
    for _ in range(5):
        pause_is_over()
        with retried("work", Broken, first=10, longest=60):
            raise Broken
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT round(extract(epoch FROM next_try - clock_timestamp())) FROM movies_failure"
            )
            pauses.append(int(cursor.fetchone()[0]))
    assert [round(pause, -1) for pause in pauses] == [10, 20, 40, 60, 60]
    assert Failure.objects.get().times == 5


def test_an_unforeseen_error_is_recorded_and_goes_on_up() -> None:
    with pytest.raises(ZeroDivisionError), retried("work", Broken, first=10, longest=60):
        raise ZeroDivisionError
    assert Failure.objects.get().error == "ZeroDivisionError"


def test_work_that_another_process_is_at_is_neither_a_failure_nor_a_success() -> None:
    with retried("work", Broken, first=10, longest=60):
        raise Broken
    pause_is_over()
    with lease("work", seconds=60), retried("work", Broken, first=10, longest=60) as due:
        assert due
        with lease("work", seconds=60):
            pass
    assert Failure.objects.get().times == 1
