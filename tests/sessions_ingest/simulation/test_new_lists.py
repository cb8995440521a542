"""The time from a finish to a new list: what counts as new, and what is printed."""

import threading
import time

import pytest

from sessions_ingest.management.commands.simulate_traffic import new_lists
from sessions_ingest.simulation.measurements import Measurements
from sessions_ingest.simulation.new_lists import GIVE_UP_SECONDS, MAX_AWAITED, NewLists, is_new
from tests.sessions_ingest.simulation.shown_lists import ShownLists


@pytest.mark.parametrize(
    ("shown", "new"),
    [
        ([1, 2, 3], False),
        ([1, 3], False),  # 2 was finished
        ([], False),
        ([1, 3, 4], True),
        ([3, 1], True),
    ],
)
def test_a_list_is_new_if_more_than_removals_leads_to_it(shown: list[int], new: bool) -> None:
    assert is_new(shown, [1, 2, 3]) is new


def test_a_finish_is_measured_when_another_list_is_shown() -> None:
    shown, measurements = ShownLists([1, 2, 3]), Measurements()
    measuring = NewLists(shown.client(), measurements, threading.Event())
    measuring.watch(7, [1, 2, 3], time.monotonic() - 2)
    shown.recommended = [1, 3]
    measuring.poll()
    assert new_lists(measurements) == "Finish to new list: nothing measured yet."

    shown.recommended = [4, 1, 3]
    measuring.poll()
    measuring.poll()  # is not measured twice
    seen, p50, p95 = measurements.new_lists()
    assert (seen, p50 == p95, p50 >= 2) == (1, True, True)
    assert new_lists(measurements) == f"Finish to new list: p50 {p50:.1f} s, p95 {p95:.1f} s (1 finishes)."
    measurements.record_new_list(None)
    assert new_lists(measurements).endswith(" (1 finishes; no new list within 30 s of 1 finishes).")


def test_without_a_recommender_the_sentence_says_that_no_list_was_seen() -> None:
    shown, measurements = ShownLists([1, 2, 3]), Measurements()
    measuring = NewLists(shown.client(), measurements, threading.Event())
    for user in range(MAX_AWAITED + 3):
        measuring.watch(user, [1, 2, 3], time.monotonic() - GIVE_UP_SECONDS)
    measuring.poll()
    assert new_lists(measurements) == (
        f"Finish to new list: no new list within {GIVE_UP_SECONDS:g} s of {MAX_AWAITED} finishes."
    )
