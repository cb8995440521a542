"""Changes the inventory: each function is one transaction, recorded with its actor."""

import json
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction

from movies.foundation import advisory_locks
from movies.foundation.database_errors import is_lock_timeout
from movies.foundation.events import inventory_changed
from movies.foundation.numbers import MAX_BIGINT
from movies.inventory.history_entries import Act
from movies.inventory.validation import BadMovie, BadMovies, NewMovie, checked, checked_all
from movies.models import Movie
from movies.viewing.view_counting import existing


class NoSuchMovie(LookupError):
    """There is no movie with this id."""

    def __init__(self, movie_id: int) -> None:
        super().__init__(f"There is no movie {movie_id}.")
        self.movie_id = movie_id


class ChangedMeanwhile(ValueError):
    """The movie is not at a version that the caller expects. Nothing was changed."""

    def __init__(self, movie: Movie) -> None:
        super().__init__(f"Movie {movie.id} was changed meanwhile: it is at version {movie.version}.")
        self.movie = movie


RETRY_AFTER_SECONDS = 5  # most bulk changes take less; one of 300,000 movies takes longer


class InventoryBusy(Exception):
    """Another change of the inventory takes longer than this one may wait. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "Another change of the inventory is in progress, so this change was not made. Try again in a moment."
        )


class _Unchanged(Enum):
    UNCHANGED = 0


UNCHANGED: Final = _Unchanged.UNCHANGED  # default for fields that a change leaves as they are

_inside_change: ContextVar[bool] = ContextVar("a change of the inventory is open", default=False)

# A change waits settings.INVENTORY_LOCK_TIMEOUT_MS for the locks of other short changes. After one such timeout, the
# changes of the next SHORT_WAITS_SECONDS wait only SHORT_WAIT_MS, so that waits do not take
# all threads of a web process.
SHORT_WAITS_SECONDS = 2.0
SHORT_WAIT_MS = 20
BULK_WAIT_SECONDS = 10.0  # a bulk change waits for changes in progress, while new ones are refused

short_waits_until = 0.0  # by time.monotonic()


@contextmanager
def change(*, actor: str, batch: uuid.UUID | None = None, act: Act | None = None) -> Iterator[None]:
    """One transaction in which every change of a movie is recorded with the actor and the batch.

    `act` is what the history says of the changes beyond what they say themselves. Locks the inventory until it ends.
    A change inside a change is part of the outer one, with its actor, batch and act. Sends `inventory_changed` once
    after the commit. Raises InventoryBusy: at once during a bulk change, else after
    settings.INVENTORY_LOCK_TIMEOUT_MS.
    """
    if _inside_change.get():
        with transaction.atomic():
            yield
        return
    request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    with _busy_on_lock_timeout(), transaction.atomic():
        lock_timeout = _lock_as(
            actor=actor, batch=str(batch or ""), request_id=request_id, act=act.as_json() if act else ""
        )
        token = _inside_change.set(True)
        try:
            yield
        finally:
            _inside_change.reset(token)
        # A caller's transaction may continue, and its later changes are not this actor's.
        _restore(lock_timeout)
        transaction.on_commit(lambda: inventory_changed.send(sender="movies"), robust=True)


def refuse_other_changes() -> None:
    """Makes every other change raise InventoryBusy until the transaction ends. For bulk changes, one at a time.

    Raises InventoryBusy during another bulk change; the transaction can only be rolled back then.
    """
    try:
        advisory_locks.acquire(advisory_locks.BULK_CHANGE, seconds=BULK_WAIT_SECONDS)
    except advisory_locks.LockHeld as error:
        raise InventoryBusy from error


def add_movie(*, actor: str, title: Any, profile: Any, hidden: Any = False, movie_id: Any = None) -> Movie:
    """Adds the movie under the given id or the next one; returns it as stored. Raises BadMovie."""
    movie = NewMovie(title=title, profile=profile, hidden=hidden, movie_id=movie_id)
    try:
        return add_movies(actor=actor, movies=[movie])[0]
    except BadMovies as error:
        raise BadMovie(error.errors[0]) from None


def add_movies(*, actor: str, movies: Sequence[NewMovie], batch: uuid.UUID | None = None) -> list[Movie]:
    """Adds all movies or none; returns them in order, as stored. Raises BadMovies. At most four statements."""
    rows, errors = checked_all(movies)
    with change(actor=actor, batch=batch):
        places = {row["id"]: place for place, row in enumerate(rows) if row.get("id")}
        for movie_id in existing(places):
            errors.setdefault(places[movie_id], {})["id"] = f"There is a movie {movie_id} already."
        if errors:
            raise BadMovies(dict(sorted(errors.items())))
        return list(
            Movie.objects.raw(
                """
                INSERT INTO movies_movie (id, title, profile, hidden)
                SELECT coalesce(id, nextval(pg_get_serial_sequence('movies_movie', 'id'))),
                       title, profile, hidden
                FROM ROWS FROM (
                    jsonb_to_recordset(%s) AS (id bigint, title text, profile smallint[], hidden boolean)
                ) WITH ORDINALITY AS new (id, title, profile, hidden, place)
                ORDER BY place
                RETURNING *
                """,
                [json.dumps(rows)],
            )
        )


def change_movie(
    *,
    actor: str,
    movie_id: int,
    expected_versions: Collection[int] | None = None,
    title: Any = UNCHANGED,
    profile: Any = UNCHANGED,
    hidden: Any = UNCHANGED,
) -> Movie:
    """Changes the given fields; returns the movie as stored. Raises NoSuchMovie, ChangedMeanwhile, BadMovie."""
    given = {"title": title, "profile": profile, "hidden": hidden}
    new, errors = checked({field: value for field, value in given.items() if value is not UNCHANGED})
    with change(actor=actor):
        movie = _stored(movie_id, expected_versions)
        if errors:
            raise BadMovie(errors)
        if any(getattr(movie, field) != value for field, value in new.items()):
            Movie.objects.filter(id=movie_id).update(**new)
            movie.refresh_from_db()
        return movie


def delete_movie(*, actor: str, movie_id: int, expected_versions: Collection[int] | None = None) -> None:
    """Deletes the movie, but not its views, because it may come back. Raises NoSuchMovie, ChangedMeanwhile."""
    with change(actor=actor):
        _stored(movie_id, expected_versions)
        delete_movies(actor=actor, movie_ids=[movie_id])


def hide_movies(*, actor: str, movie_ids: Iterable[int], batch: uuid.UUID | None = None) -> int:
    """Hides the movies from clients as one batch, which can be reverted; returns how many were visible."""
    return _set_hidden(True, actor, movie_ids, batch)


def show_movies(*, actor: str, movie_ids: Iterable[int], batch: uuid.UUID | None = None) -> int:
    """Shows the movies again as one batch, which can be reverted; returns how many were hidden."""
    return _set_hidden(False, actor, movie_ids, batch)


def delete_movies(*, actor: str, movie_ids: Iterable[int], batch: uuid.UUID | None = None) -> int:
    """Deletes the movies as one batch, which can be reverted; returns how many existed."""
    with change(actor=actor, batch=batch or uuid.uuid4()), connection.cursor() as cursor:
        cursor.execute("DELETE FROM movies_movie WHERE id = ANY (%s::bigint[])", [_possible(movie_ids)])
        return cursor.rowcount


def _set_hidden(hidden: bool, actor: str, movie_ids: Iterable[int], batch: uuid.UUID | None) -> int:
    with change(actor=actor, batch=batch or uuid.uuid4()), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE movies_movie SET hidden = %s WHERE id = ANY (%s::bigint[]) AND hidden <> %s",
            [hidden, _possible(movie_ids), hidden],
        )
        return cursor.rowcount


def _possible(movie_ids: Iterable[int]) -> list[int]:
    return [movie_id for movie_id in movie_ids if 0 < movie_id <= MAX_BIGINT]


def _stored(movie_id: int, expected_versions: Collection[int] | None) -> Movie:
    movie = Movie.objects.filter(id__in=_possible([movie_id])).first()
    if movie is None:
        raise NoSuchMovie(movie_id)
    if expected_versions is not None and movie.version not in expected_versions:
        raise ChangedMeanwhile(movie)
    return movie


@contextmanager
def _busy_on_lock_timeout() -> Iterator[None]:
    global short_waits_until  # noqa: PLW0603 - one for the process, whose requests run one after the other
    try:
        yield
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        short_waits_until = time.monotonic() + SHORT_WAITS_SECONDS
        raise InventoryBusy from error


def _lock_as(*, actor: str, batch: str, request_id: str, act: str) -> str:
    """Locks the inventory, before any other lock, and sets what the triggers write into the change records.

    Returns the previous lock_timeout. Raises InventoryBusy.
    """
    short = time.monotonic() < short_waits_until
    milliseconds = SHORT_WAIT_MS if short else settings.INVENTORY_LOCK_TIMEOUT_MS
    with connection.cursor() as cursor:
        # MATERIALIZED is evaluated before the row is locked, and the row is not locked during a bulk change.
        cursor.execute(
            """
            WITH free AS MATERIALIZED (
                SELECT current_setting('lock_timeout') AS lock_timeout, set_config('lock_timeout', %s, true),
                       set_config('tetraflix.actor', %s, true), set_config('tetraflix.batch', %s, true),
                       set_config('tetraflix.request_id', %s, true), set_config('tetraflix.act', %s, true),
                       pg_try_advisory_xact_lock_shared(%s) AS no_bulk_change
            )
            SELECT lock_timeout FROM free CROSS JOIN movies_inventory WHERE no_bulk_change
            FOR UPDATE OF movies_inventory
            """,
            [f"{milliseconds}ms", actor, batch, request_id, act, advisory_locks.BULK_CHANGE],
        )
        row = cursor.fetchone()
    if row is None:
        raise InventoryBusy
    return str(row[0])


def _restore(lock_timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('tetraflix.actor', '', true), set_config('tetraflix.batch', '', true),"
            " set_config('tetraflix.request_id', '', true), set_config('tetraflix.act', '', true),"
            " set_config('lock_timeout', %s, true)",
            [lock_timeout],
        )
