"""A client for the simulation whose service shows what a test says."""

from typing import Any, cast

from sessions_ingest.simulation.client import Client, Movie


class ShownLists:
    """Shows every user the same lists. All movies are visible but those in `hidden`."""

    def __init__(self, recommended: list[int], watching: dict[int, float] | None = None) -> None:
        self.recommended, self.watching = recommended, watching or {}
        self.hidden: set[int] = set()

    def lists(self, user_id: int) -> tuple[list[Movie], list[Movie]]:
        return (
            [{"id": movie, "progress": 0} for movie in self.recommended],
            [{"id": movie, "progress": progress} for movie, progress in self.watching.items()],
        )

    def movie(self, movie_id: int) -> dict[str, Any] | None:
        return None if movie_id in self.hidden else {"id": movie_id}

    def client(self) -> Client:
        return cast(Client, self)
