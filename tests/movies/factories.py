"""Creates movies, other connections and waiting threads for tests."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from django.db import connection

from movies.genres import GENRES
from movies.models import Movie, MovieChange
from movies.profiles import to_wire
from movies.viewing import view_counting
from tests.waiting import wait_until


def profile(**weights: int) -> list[int]:
    """`profile(action=60, drama=40)`: the 15 weights."""
    assert sum(weights.values()) == 100, weights
    return [weights.pop(genre, 0) for genre in GENRES]


def movie(
    title: str = "Kahaani", *, hidden: bool = False, movie_id: int | None = None, **weights: int
) -> Movie:
    """A stored movie; all action if no weights are given."""
    return Movie.objects.create(
        id=movie_id, title=title, hidden=hidden, profile=profile(**(weights or {"action": 100}))
    )


def wire(stored: Movie, progress: float = 0) -> dict[str, Any]:
    """The movie as clients see it."""
    return {"id": stored.id, "title": stored.title, "profile": to_wire(stored.profile), "progress": progress}


def change_records(*fields: str, **filters: Any) -> list[tuple[Any, ...]]:
    """The fields of the change records, oldest first."""
    return list(MovieChange.objects.filter(**filters).order_by("id").values_list(*fields))


@contextmanager
def other_connection() -> Iterator[Any]:
    """A second connection to the test's database, as of another process; rolled back at the end."""
    parameters = connection.get_connection_params()
    other = psycopg2.connect(
        **{name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters}
    )
    try:
        yield other
    finally:
        other.rollback()
        other.close()


def waits_for_lock(pid: int) -> bool:
    """Whether that server process waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [pid])
        row = cursor.fetchone()
    return bool(row and row[0])


@contextmanager
def waits_meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Runs `work` in a thread that waits for a lock which the block releases; it has ended after the block."""
    pids: list[int] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: bool(pids) and waits_for_lock(pids[0]))
    yield
    thread.join()


def count_views(finishes: Iterable[view_counting.Finish]) -> set[view_counting.Finish]:
    """Stores and counts the finishes as ingestion does; returns those not counted before."""
    new = view_counting.record_views(dict.fromkeys(finishes))
    view_counting.raise_counters(new)
    return new
