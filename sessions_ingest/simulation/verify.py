"""Verifies over HTTP that the service shows each simulated user the lists that their messages lead to."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sessions_ingest.simulation.client import Client
from sessions_ingest.simulation.users import MAX_LIST_LENGTH, SimulatedUser

RETRY_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Difference:
    """A list of a user that is not as it must be."""

    user_id: int
    sentence: str

    def __str__(self) -> str:
        return f"user {self.user_id}: {self.sentence}"


def differences(
    client: Client,
    users: list[SimulatedUser],
    *,
    seconds: float,
    progress: Callable[[int], None] = lambda left: None,
) -> list[Difference]:
    """The differences that remain after `seconds`, the time for ingestion. Raises ServiceUnavailableError.

    Hidden and deleted movies are not expected, because the inventory may change during the run.
    """
    until = time.monotonic() + seconds
    left = users
    while True:
        found = [(user, sentence) for user in left if (sentence := _difference(client, user))]
        left = [user for user, _ in found]
        progress(len(left))
        if not left or time.monotonic() > until:
            return [Difference(user.id, sentence) for user, sentence in found]
        time.sleep(RETRY_SECONDS)


def _difference(client: Client, user: SimulatedUser) -> str:
    """What is wrong with the user's lists; empty if nothing is."""
    recommended, watching = client.lists(user.id)
    shown = {movie["id"] for movie in (*recommended, *watching)}

    def visible(movie: int) -> bool:
        return movie in shown or client.movie(movie) is not None

    expected_watching = [(movie, progress) for movie, progress in user.watching() if visible(movie)]
    shown_watching = [(movie["id"], movie["progress"]) for movie in watching]
    if expected_watching != shown_watching:
        return f"currentlyWatching should be {expected_watching} and is {shown_watching}"
    ids = [movie["id"] for movie in recommended]
    expected = [movie for movie in user.left_of_bus_list() if visible(movie)]
    if expected:
        return "" if expected == ids else f"recommendations should be {expected} and are {ids}"
    return _broken_rule(user, ids, visible)


def _broken_rule(user: SimulatedUser, ids: list[int], visible: Callable[[int], bool]) -> str:
    """Which rule for every list this one breaks: the service's own list, or popular movies."""
    if taken := [movie for movie in ids if movie in user.touched()]:
        return f"recommendations name {taken}, which the user finished or is watching"
    if len(set(ids)) < len(ids):
        return f"recommendations name a movie twice: {ids}"
    if len(ids) > MAX_LIST_LENGTH:
        return f"recommendations are {len(ids)} movies, more than {MAX_LIST_LENGTH}"
    # Movies that were recommended before are left to show, unless the user took them or staff hid them.
    if not ids and any(visible(movie) for movie in user.recommended if movie not in user.touched()):
        return "recommendations are empty, though there are movies left"
    return ""
