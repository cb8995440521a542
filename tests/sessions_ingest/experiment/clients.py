"""People at their screens: HTTP requests from several threads, each with the time that it took."""

import http.client
import itertools
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

THREADS = 6
BUSY = 503  # after 0.4 s without a free thread, on a machine that has other work
TRIES = 200


@dataclass(frozen=True)
class Seen:
    """What a user saw, and between which times it was answered."""

    user: int
    movies: tuple[int, ...]
    asked_at: datetime
    answered_at: datetime


class Clients:
    """Clients of the web processes at some ports, which take turns; `key` is that of a service."""

    def __init__(self, ports: Sequence[int], key: str) -> None:
        self._ports, self._key = itertools.cycle(ports), key
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="client")

    def close(self) -> None:
        self._pool.shutdown()

    def look(self, users: Iterable[int]) -> list[Seen]:
        """Each user's recommendations, from several threads; a user may be named more than once."""
        return list(self._pool.map(self._look, users))

    def give_preferences(self, profiles: dict[int, Sequence[int]]) -> None:
        """Gives each user the genre preferences."""

        def give(user: int) -> tuple[int, Any]:
            return self.request("PUT", f"/tetraflix/preferences/{user}", list(profiles[user]))

        refused = [answer for answer in self._pool.map(give, profiles) if answer[0] != 201]
        assert not refused, refused

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of the answer; asks again while the service is busy, as a client does."""
        for _ in range(TRIES):
            status, answer = self._answer(method, path, body)
            if status != BUSY:
                break
        return status, answer

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", next(self._ports), timeout=60)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)

    def _look(self, user: int) -> Seen:
        asked_at = datetime.now(UTC)
        status, body = self.request("GET", f"/tetraflix/recommendations/{user}")
        assert status == 200, body
        movies = tuple(movie["id"] for movie in body["recommendations"])
        return Seen(user, movies, asked_at, datetime.now(UTC))
