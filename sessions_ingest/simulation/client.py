"""A client of the service, over HTTP: one connection, every request timed."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from sessions_ingest.simulation.measurements import Figures

Movie = dict[str, Any]


class ServiceUnavailableError(Exception):
    """The service did not answer, or not with what it promises."""


class Client:
    """For one thread. Every method raises ServiceUnavailableError."""

    def __init__(self, url: str, figures: Figures, key: str = "") -> None:
        self.address = urlsplit(url).netloc
        self.figures = figures
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = http.client.HTTPConnection(self.address, timeout=10)

    def lists(self, user_id: int) -> tuple[list[Movie], list[Movie]]:
        """What the user is shown: recommendations, and what is being watched."""
        answer = self._get("recommendations", f"/tetraflix/recommendations/{user_id}")
        return answer["recommendations"], answer["currentlyWatching"]

    def genre(self, genre: str, limit: int = 20) -> list[Movie]:
        """The most popular movies of a genre."""
        return self._get("genre", f"/tetraflix/genre/{genre}?limit={limit}")["genre"]

    def movie(self, movie_id: int) -> Movie | None:
        """The movie, if it can be seen."""
        return self._get("movie", f"/tetraflix/movies/{movie_id}", absent=True) or None

    def _get(self, kind: str, path: str, *, absent: bool = False) -> dict[str, Any]:
        started = time.perf_counter()
        status = 0
        try:
            try:
                status, body = self._ask(path)
            except ConnectionError:  # an idle connection that the server gave up meanwhile
                self._connection.close()
                status, body = self._ask(path)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ServiceUnavailableError(
                f"http://{self.address}{path}: {error or type(error).__name__}"
            ) from error
        finally:
            well = status == 200 or (absent and status == 404)
            self.figures.answered(kind, time.perf_counter() - started, well=well)
        if not well:
            raise ServiceUnavailableError(f"http://{self.address}{path}: {status} {body[:200]!r}")
        return json.loads(body) if status == 200 else {}

    def _ask(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=self.headers)
        response = self._connection.getresponse()
        return response.status, response.read()
