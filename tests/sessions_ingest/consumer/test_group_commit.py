"""Waiting batches are committed as a group; each thread gets the outcome, or the error, of its own batch."""

import threading

import pytest

from sessions_ingest.consumer.group_commit import GroupCommit
from sessions_ingest.consumer.protocols import HandlerUnavailable
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("error", "applied", "results"),
    [
        # of one batch: the others are applied without it
        (
            ZeroDivisionError,
            [[0], [1, 2, 3], [1], [2], [3]],
            {0: "applied 0", 1: "applied 1", 2: "failed", 3: "applied 3"},
        ),
        # of every batch: none is tried alone
        (HandlerUnavailable, [[0], [1, 2, 3]], {0: "applied 0", 1: "failed", 2: "failed", 3: "failed"}),
    ],
)
def test_waiting_batches_are_one_group_and_an_error_is_raised_for_its_batch_alone(
    error: type[Exception], applied: list[list[int]], results: dict[int, str]
) -> None:
    groups: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def apply(batches: list[int]) -> list[str]:
        if batches == [0]:
            first_is_in.set()
            go_on.wait(5)
        groups.append(sorted(batches))
        if 2 in batches:
            raise error
        return [f"applied {batch}" for batch in batches]

    group_commit = GroupCommit[int, str](apply, lambda: None)
    outcomes: dict[int, str] = {}

    def commit(batch: int) -> None:
        try:
            outcomes[batch] = group_commit.commit(batch)
        except error:
            outcomes[batch] = "failed"

    threads = [threading.Thread(target=commit, args=[batch]) for batch in range(4)]
    threads[0].start()
    assert first_is_in.wait(5)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: group_commit.waiting == 3)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert groups[:2] == applied[:2]
    assert sorted(groups) == sorted(applied)
    assert outcomes == results


def test_batches_that_arrive_while_others_are_gathered_are_in_their_group() -> None:
    groups: list[list[int]] = []

    def gather() -> None:
        wait_until(lambda: group_commit.waiting == 1)

    def apply(batches: list[int]) -> list[int]:
        groups.append(sorted(batches))
        return batches

    group_commit = GroupCommit[int, int](apply, lambda: None, gather)
    threads = [threading.Thread(target=group_commit.commit, args=[batch]) for batch in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert groups == [[0, 1]]


def test_after_an_error_the_next_batch_is_applied() -> None:
    def apply(batches: list[int]) -> list[int]:
        if batches == [1]:
            raise ZeroDivisionError
        return batches

    group_commit = GroupCommit[int, int](apply, lambda: None)
    with pytest.raises(ZeroDivisionError):
        group_commit.commit(1)
    group_commit.commit(2)


def test_all_is_applied_and_closed_in_one_thread_and_a_later_batch_starts_another() -> None:
    applied_in: set[int] = set()
    closed_in: list[int] = []

    def apply(batches: list[int]) -> list[int]:
        applied_in.add(threading.get_ident())
        return batches

    group_commit = GroupCommit[int, int](apply, lambda: closed_in.append(threading.get_ident()))
    group_commit.commit(1)
    group_commit.commit(2)
    group_commit.close()
    group_commit.close()
    assert list(applied_in) == closed_in != [threading.get_ident()]
    group_commit.commit(3)
    group_commit.close()
    assert len(closed_in) == 2
    assert threading.get_ident() not in applied_in
