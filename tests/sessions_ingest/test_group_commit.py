"""What waits for its turn is applied together; each thread hears of its own."""

import threading

import pytest

from sessions_ingest.consumer import HandlerUnavailable
from sessions_ingest.group_commit import GroupCommit
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("error", "applied", "heard"),
    [
        # of one portion: the others are applied without it
        (
            ZeroDivisionError,
            [[0], [1, 2, 3], [1], [2], [3]],
            {0: "applied", 1: "applied", 2: "failed", 3: "applied"},
        ),
        # of no portion: each would fail the same
        (HandlerUnavailable, [[0], [1, 2, 3]], {0: "applied", 1: "failed", 2: "failed", 3: "failed"}),
    ],
)
def test_what_waits_is_applied_together_and_an_error_reaches_those_whose_it_is(
    error: type[Exception], applied: list[list[int]], heard: dict[int, str]
) -> None:
    together: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def apply(portions: list[int]) -> None:
        if portions == [0]:
            first_is_in.set()
            go_on.wait(5)
        together.append(sorted(portions))
        if 2 in portions:
            raise error

    combiner = GroupCommit(apply, lambda: None)
    outcomes: dict[int, str] = {}

    def bring(portion: int) -> None:
        try:
            combiner(portion)
            outcomes[portion] = "applied"
        except error:
            outcomes[portion] = "failed"

    threads = [threading.Thread(target=bring, args=[portion]) for portion in range(4)]
    threads[0].start()
    assert first_is_in.wait(5)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: combiner._waiting.qsize() == 3)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert together[:2] == applied[:2]
    assert sorted(together) == sorted(applied)
    assert outcomes == heard


def test_after_an_error_the_next_portion_is_applied() -> None:
    def apply(portions: list[int]) -> None:
        if portions == [1]:
            raise ZeroDivisionError

    combiner = GroupCommit(apply, lambda: None)
    with pytest.raises(ZeroDivisionError):
        combiner(1)
    combiner(2)


def test_all_is_applied_and_closed_in_one_thread_and_a_later_portion_begins_another() -> None:
    applied_in: set[int] = set()
    closed_in: list[int] = []
    combiner = GroupCommit[int](
        lambda _: applied_in.add(threading.get_ident()), lambda: closed_in.append(threading.get_ident())
    )
    combiner(1)
    combiner(2)
    combiner.close()
    combiner.close()
    assert list(applied_in) == closed_in != [threading.get_ident()]
    combiner(3)
    combiner.close()
    assert len(closed_in) == 2
    assert threading.get_ident() not in applied_in
