"""Verifies over HTTP that the service shows each simulated user the lists that their messages lead to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sessions_ingest.simulation.client import Client
from sessions_ingest.simulation.users import SimulatedUser

RETRY_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Difference:
    """A list of a user that is not as expected."""

    user_id: int
    part: str
    expected: Sequence[object]
    shown: Sequence[object]

    def __str__(self) -> str:
        return f"user {self.user_id}: {self.part} should be {self.expected} and is {self.shown}"


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
        found = [(user, difference) for user in left if (difference := _difference(client, user))]
        left = [user for user, _ in found]
        progress(len(left))
        if not left or time.monotonic() > until:
            return [difference for _, difference in found]
        time.sleep(RETRY_SECONDS)


def _difference(client: Client, user: SimulatedUser) -> Difference | None:
    recommended, watching = client.lists(user.id)
    shown = {movie["id"] for movie in (*recommended, *watching)}

    def visible(movie: int) -> bool:
        return movie in shown or client.movie(movie) is not None

    expected_watching = [(movie, progress) for movie, progress in user.watching() if visible(movie)]
    shown_watching = [(movie["id"], movie["progress"]) for movie in watching]
    if expected_watching != shown_watching:
        return Difference(user.id, "currentlyWatching", expected_watching, shown_watching)
    expected = [movie for movie in user.recommendations() if visible(movie)]
    ids = [movie["id"] for movie in recommended]
    if not expected:  # popular movies are shown instead; which ones depends on all users
        taken = user.touched()
        expected = [movie for movie in ids if movie not in taken]
    if expected != ids:
        return Difference(user.id, "recommendations", expected, ids)
    return None
