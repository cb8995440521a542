"""Portions that wait for their turn go together; each thread hears of its own."""

import threading

import pytest

from sessions_ingest.combine import Combiner
from tests.waiting import wait_until


def test_what_waits_is_applied_together_and_an_error_reaches_everyone_of_it() -> None:
    together: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def apply(portions: list[int]) -> None:
        if portions == [0]:
            first_is_in.set()
            go_on.wait(5)
        together.append(sorted(portions))
        if 2 in portions:
            raise ZeroDivisionError

    combiner = Combiner(apply, lambda: None)
    heard: dict[int, str] = {}

    def bring(portion: int) -> None:
        try:
            combiner(portion)
            heard[portion] = "applied"
        except ZeroDivisionError:
            heard[portion] = "failed"

    threads = [threading.Thread(target=bring, args=[portion]) for portion in range(4)]
    threads[0].start()
    assert first_is_in.wait(5)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: combiner._waiting.qsize() == 3)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert together == [[0], [1, 2, 3]]
    assert heard == {0: "applied", 1: "failed", 2: "failed", 3: "failed"}


def test_after_an_error_the_next_portion_is_applied() -> None:
    def apply(portions: list[int]) -> None:
        if portions == [1]:
            raise ZeroDivisionError

    combiner = Combiner(apply, lambda: None)
    with pytest.raises(ZeroDivisionError):
        combiner(1)
    combiner(2)


def test_all_is_applied_and_closed_in_one_thread_and_a_later_portion_begins_another() -> None:
    applied_in: set[int] = set()
    closed_in: list[int] = []
    combiner = Combiner[int](
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
