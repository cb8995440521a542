"""The schedule of faults is a function of its seed, and shrinks to the shortest prefix that fails."""

import pytest

from benchmarks.faults.schedule import Kind, by_kind, schedule, shortest_failing_prefix


def test_the_same_seed_gives_the_same_schedule() -> None:
    one = schedule(7, messages=10_000, faults=300)
    assert one == schedule(7, messages=10_000, faults=300)
    assert one != schedule(8, messages=10_000, faults=300)
    assert [fault.after for fault in one] == sorted(fault.after for fault in one)
    assert {0 < fault.after <= 10_000 for fault in one} == {True}


@pytest.mark.parametrize("mongodb", [False, True])
def test_every_kind_occurs_if_there_are_as_many_faults(mongodb: bool) -> None:
    kinds = len(Kind) - (not mongodb)
    drawn = by_kind(schedule(1, messages=100, faults=kinds, mongodb=mongodb))
    assert [number for _, number in drawn] == [1] * kinds
    assert (Kind.MONGODB_KILLED in dict(drawn)) is mongodb
    assert sum(number for _, number in by_kind(schedule(1, messages=100, faults=1_000))) == 1_000


def test_movies_are_deleted_after_the_middle_only() -> None:
    faults = schedule(3, messages=1_000, faults=1_000)
    assert min(fault.after for fault in faults if fault.kind is Kind.MOVIES_DELETED) > 500
    assert min(fault.after for fault in faults if fault.kind is Kind.CONSUMER_KILLED) < 500


@pytest.mark.parametrize("length", [0, 1, 2, 25, 1_000])
def test_a_failing_schedule_shrinks_to_its_shortest_failing_prefix(length: int) -> None:
    for shortest in {0, length // 3, length - 1, length} - {-1}:
        runs: list[int] = []

        def fails(prefix: int, shortest: int = shortest, runs: list[int] = runs) -> bool:
            runs.append(prefix)
            return prefix >= shortest

        assert shortest_failing_prefix(length, fails) == shortest
        assert len(runs) <= length.bit_length() + 1
        assert len(set(runs)) == len(runs)


def test_a_prefix_that_was_not_seen_to_fail_is_never_the_result() -> None:
    assert shortest_failing_prefix(1_000, lambda prefix: False) == 1_000
