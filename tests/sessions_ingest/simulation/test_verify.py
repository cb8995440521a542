"""What the simulation accepts as a user's lists, and what it reports as wrong."""

from datetime import UTC, datetime

import pytest

from sessions_ingest.simulation.users import SimulatedUser
from sessions_ingest.simulation.verify import differences
from tests.sessions_ingest.simulation.shown_lists import ShownLists

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def user(**more: object) -> SimulatedUser:
    """Was watching 50, started 60, and finished 70; had 1, 2 and 70 recommended."""
    new = SimulatedUser(7, {50: 0.5}, recommended=[1, 2, 70])
    new.watches(60, 0.3, NOW)
    new.watches(70, 1, NOW)
    for name, value in more.items():
        setattr(new, name, value)
    return new


def wrong(shown: ShownLists, of: SimulatedUser) -> list[str]:
    return [str(difference) for difference in differences(shown.client(), [of], seconds=0)]


WATCHING = {60: 0.3, 50: 0.5}


@pytest.mark.parametrize("own_list", [[1, 2], [8, 9, 1], list(range(100, 120))])
def test_any_list_of_the_services_own_is_right(own_list: list[int]) -> None:
    assert wrong(ShownLists(own_list, WATCHING), user()) == []


@pytest.mark.parametrize(
    ("recommended", "sentence"),
    [
        ([1, 70], "recommendations name [70], which the user finished or is watching"),
        ([50, 1, 60], "recommendations name [50, 60], which the user finished or is watching"),
        ([1, 2, 1], "recommendations name a movie twice: [1, 2, 1]"),
        (list(range(100, 121)), "recommendations are 21 movies, more than 20"),
        ([], "recommendations are empty, though there are movies left"),
    ],
)
def test_a_list_that_breaks_a_rule_is_reported(recommended: list[int], sentence: str) -> None:
    assert wrong(ShownLists(recommended, WATCHING), user()) == [f"user 7: {sentence}"]


def test_an_empty_list_is_right_when_no_movie_is_left() -> None:
    shown = ShownLists([], WATCHING)
    shown.hidden = {1, 2}
    assert wrong(shown, user()) == []


def test_currently_watching_is_exact() -> None:
    assert wrong(ShownLists([1], {50: 0.5, 60: 0.3}), user()) == [
        "user 7: currentlyWatching should be [(60, 0.3), (50, 0.5)] and is [(50, 0.5), (60, 0.3)]"
    ]


def test_a_list_from_the_bus_is_shown_exactly_without_what_was_taken_or_hidden() -> None:
    of = user(bus_list=[5, 60, 4, 70, 3])
    shown = ShownLists([5, 3], WATCHING)
    assert wrong(shown, of) == ["user 7: recommendations should be [5, 4, 3] and are [5, 3]"]
    shown.hidden = {4}
    assert wrong(shown, of) == []


def test_with_nothing_left_of_a_list_from_the_bus_any_other_list_is_right() -> None:
    of = user(bus_list=[60, 70])
    assert wrong(ShownLists([1, 2], WATCHING), of) == []
    assert wrong(ShownLists([70], WATCHING), of) != []
