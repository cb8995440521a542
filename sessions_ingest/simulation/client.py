"""An HTTP client of the service: one connection, every request timed."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from sessions_ingest.simulation.measurements import Measurements

Movie = dict[str, Any]
DEFAULT_LIMIT = 20  # movies of a genre, as the API's own default


class ServiceUnavailableError(Exception):
    """The service did not answer, or answered with an unexpected status."""


class Client:
    """For one thread. Every method raises ServiceUnavailableError."""

    def __init__(self, url: str, measurements: Measurements, key: str = "") -> None:
        self.address = urlsplit(url).netloc
        self.measurements = measurements
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = http.client.HTTPConnection(self.address, timeout=10)

    def lists(self, user_id: int) -> tuple[list[Movie], list[Movie]]:
        """The user's lists: recommendations and currently watching."""
        answer = self._get("recommendations", f"/tetraflix/recommendations/{user_id}")
        return answer["recommendations"], answer["currentlyWatching"]

    def genre(self, genre: str, limit: int = DEFAULT_LIMIT) -> list[Movie]:
        """The most popular movies of a genre."""
        return self._get("genre", f"/tetraflix/genre/{genre}?limit={limit}")["genre"]

    def movie(self, movie_id: int) -> Movie | None:
        """The movie; None if it is hidden or does not exist."""
        return self._get("movie", f"/tetraflix/movies/{movie_id}", absent=True) or None

    def _get(self, kind: str, path: str, *, absent: bool = False) -> dict[str, Any]:
        started = time.perf_counter()
        status = 0
        try:
            try:
                status, body = self._request(path)
            except ConnectionError:  # the server has closed the idle connection
                self._connection.close()
                status, body = self._request(path)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ServiceUnavailableError(
                f"http://{self.address}{path}: {error or type(error).__name__}"
            ) from error
        finally:
            ok = status == 200 or (absent and status == 404)
            self.measurements.record_response(kind, time.perf_counter() - started, ok=ok)
        if not ok:
            raise ServiceUnavailableError(f"http://{self.address}{path}: {status} {body[:200]!r}")
        return json.loads(body) if status == 200 else {}

    def _request(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=self.headers)
        response = self._connection.getresponse()
        return response.status, response.read()
