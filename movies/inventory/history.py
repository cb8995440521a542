"""Reads the history of movies from the change records that the database's triggers write."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from movies.genres import GENRES, label
from movies.models import MovieChange

PAGE_SIZE = 50  # records
MAX_COUNTED = 10_000  # changes of a batch; a larger batch is shown as "more than"


@dataclass(frozen=True, slots=True)
class Difference:
    """The old and the new value of one field. `field` is title, hidden, or a genre."""

    field: str
    label: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Record:
    """A change as the admin shows it."""

    change: MovieChange
    what: str  # added, changed, hidden, shown again, deleted
    differences: list[Difference]

    @property
    def title(self) -> str:
        return str((self.change.after or self.change.before or {}).get("title", ""))

    @property
    def now(self) -> dict[str, Any] | None:
        return self.change.after


@dataclass(frozen=True, slots=True)
class Batch:
    """A bulk change or an import. `changes` is at most MAX_COUNTED + 1; `adds`: reverting it deletes movies."""

    id: uuid.UUID
    actor: str
    at: datetime
    changes: int
    adds: bool

    @property
    def how_many(self) -> str:
        return f"more than {MAX_COUNTED:,}" if self.changes > MAX_COUNTED else f"{self.changes:,}"


def of_movie(movie_id: int, *, before_version: int | None = None) -> list[Record]:
    """Up to PAGE_SIZE changes of a movie, the latest first, also of a deleted movie."""
    changes = MovieChange.objects.filter(movie_id=movie_id).order_by("-version")
    if before_version is not None:
        changes = changes.filter(version__lt=before_version)
    return [_record(change) for change in changes[:PAGE_SIZE]]


def latest(*, before: int | None = None) -> list[Record]:
    """Up to PAGE_SIZE changes of any movies, the latest first."""
    changes = MovieChange.objects.order_by("-id")
    if before is not None:
        changes = changes.filter(id__lt=before)
    return [_record(change) for change in changes[:PAGE_SIZE]]


def of_batch(batch: uuid.UUID, *, after: int = 0) -> list[Record]:
    """Up to PAGE_SIZE changes of a batch, the oldest first."""
    changes = MovieChange.objects.filter(batch=batch, id__gt=after).order_by("id")
    return [_record(change) for change in changes[:PAGE_SIZE]]


def batch_of(batch: uuid.UUID) -> Batch | None:
    """The batch, or None when no change of it is on record (any more)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), EXISTS (SELECT FROM movies_moviechange WHERE batch = %s AND before IS NULL) FROM (
                SELECT FROM movies_moviechange WHERE batch = %s LIMIT %s) AS counted
            """,
            [batch, batch, MAX_COUNTED + 1],  # `adds` decides about permissions, so it is exact
        )
        changes, adds = cursor.fetchone()
    first = MovieChange.objects.filter(batch=batch).order_by("id").first()
    return Batch(batch, first.actor, first.at, changes, adds) if first else None


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """The fields, genre by genre, in which two states of a movie differ."""
    old, new = before or {}, after or {}
    found = [
        Difference(field, name, old.get(field), new.get(field))
        for field, name in (("title", "Title"), ("hidden", "Hidden"))
        if old.get(field) != new.get(field)
    ]
    weights: tuple[Sequence[int], Sequence[int]] = (old.get("profile") or (), new.get("profile") or ())
    if all(weights):
        found += [
            Difference(genre, label(genre), was, became)
            for genre, was, became in zip(GENRES, *weights, strict=True)
            if was != became
        ]
    return found


def _record(change: MovieChange) -> Record:
    before, after = change.before, change.after
    if before is None:
        return Record(change, "added, hidden" if (after or {}).get("hidden") else "added", [])
    if after is None:
        return Record(change, "deleted", [])
    found = differences(before, after)
    hidden = [difference for difference in found if difference.field == "hidden"]
    if len(found) == 1 and hidden:
        return Record(change, "hidden" if after["hidden"] else "shown again", [])
    return Record(change, "changed", found)
