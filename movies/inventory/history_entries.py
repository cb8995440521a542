"""Lines of the history: a batch is one line, and so is a change without a batch."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from movies.models import HistoryEntry

PAGE_SIZE = 50  # lines
MAX_ACTORS = 100  # offered as filters
MAX_OF_MOVIE = 1_000  # latest changes of a movie among which its lines are searched

# What a line says that its actor did, by the entry's kind.
VERBS = {
    "added": "added",
    "changed": "changed",
    "hidden": "hid",
    "shown": "showed",
    "deleted": "deleted",
    "imported": "imported",
    "reverted": "reverted",
}
# One step of the index for each actor, however many lines each has.
ACTORS = """
WITH RECURSIVE known AS (
    (SELECT actor FROM movies_historyentry ORDER BY actor LIMIT 1)
    UNION ALL
    SELECT (SELECT actor FROM movies_historyentry WHERE actor > known.actor ORDER BY actor LIMIT 1)
    FROM known WHERE known.actor IS NOT NULL
)
SELECT actor FROM known WHERE actor <> '' LIMIT %s
"""
# LATERAL and LIMIT make PostgreSQL read the movie's changes by their own index, not all changes of a large batch.
OF_MOVIE = """
WITH changes AS MATERIALIZED (
    SELECT id, batch FROM movies_moviechange WHERE movie_id = %s ORDER BY version DESC LIMIT %s
)
SELECT entry.id FROM movies_historyentry AS entry JOIN changes USING (id)
UNION
SELECT entry.id FROM movies_historyentry AS entry JOIN changes ON changes.batch = entry.batch
"""


@dataclass(frozen=True, slots=True)
class Act:
    """What a service knows of its changes beyond the changes: the fields of HistoryEntry of the same names."""

    kind: str = ""
    about: str = ""
    reverts: uuid.UUID | None = None
    reverts_from: int | None = None

    def as_json(self) -> str:
        """For the trigger."""
        given = {"kind": self.kind, "about": self.about, "reverts_from": self.reverts_from}
        known: dict[str, Any] = {name: value for name, value in given.items() if value}
        if self.reverts:
            known["reverts"] = str(self.reverts)
        return json.dumps(known)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which lines: of an actor, of a kind, of a movie, from a day on, until a day (UTC, both included)."""

    actor: str = ""
    kind: str = ""
    movie_id: int | None = None
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return self != Filters()


def latest(
    filters: Filters, *, start: tuple[datetime, int] | None = None, backward: bool = False
) -> list[HistoryEntry]:
    """Up to PAGE_SIZE + 1 lines, the newest first: those older than `start`, or newer ones if `backward`."""
    found = HistoryEntry.objects.all()
    if filters.actor:
        found = found.filter(actor=filters.actor)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.since:
        found = found.filter(at__gte=_midnight(filters.since))
    if filters.until:
        found = found.filter(at__lt=_midnight(filters.until + timedelta(days=1)))
    if filters.movie_id is not None:
        found = found.filter(id__in=_of_movie(filters.movie_id))
    if start:
        at, entry_id = start
        same = Q(at__gt=at) | Q(id__gt=entry_id) if backward else Q(at__lt=at) | Q(id__lt=entry_id)
        found = found.filter(same, **{f"at__{'gte' if backward else 'lte'}": at})
    lines = list(found.order_by(*(("at", "id") if backward else ("-at", "-id")))[: PAGE_SIZE + 1])
    return lines[::-1] if backward else lines


def of_batch(batch: uuid.UUID) -> HistoryEntry | None:
    """The line of the batch, or None when no change of it is on record (any more)."""
    return HistoryEntry.objects.filter(batch=batch).first()


def reverting(batch: uuid.UUID) -> HistoryEntry | None:
    """The batch that reverted this one, if any did."""
    return HistoryEntry.objects.filter(reverts=batch).order_by("id").first()


def reverting_all(batches: Sequence[uuid.UUID]) -> dict[uuid.UUID, HistoryEntry]:
    """By batch, the batch that reverted it, for those that were reverted."""
    found = HistoryEntry.objects.filter(reverts__in=batches).order_by("-id") if batches else ()
    return {entry.reverts: entry for entry in found if entry.reverts}


def actors() -> list[str]:
    """Who is on record, in alphabetical order, at most MAX_ACTORS."""
    with connection.cursor() as cursor:
        cursor.execute(ACTORS, [MAX_ACTORS])
        return [actor for (actor,) in cursor.fetchall()]


def sentence(entry: HistoryEntry) -> str:
    """What the line says after the name of its actor: `hid 11,987 movies with Western`."""
    many = f"{entry.movies:,} {'movie' if entry.movies == 1 else 'movies'}"
    if entry.kind == "imported":
        new = f", {entry.added:,} of them new" if entry.added else ""
        return f"imported {many}{new}, from {entry.about or 'a file'}"
    if entry.kind == "reverted":
        if entry.reverts_from:
            return entry.about
        return f"reverted {many}: {entry.about or 'an earlier change'}"
    if entry.about and entry.movies != 1:
        return f"{VERBS[entry.kind]} {entry.movies:,} {entry.about}"
    return f"{VERBS[entry.kind]} {many}"


def in_words(entry: HistoryEntry) -> str:
    """The line in quotation marks, with its actor: what a revert says that it reverts."""
    return f"“{entry.actor or 'unknown'} {sentence(entry)}”"


def _of_movie(movie_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(OF_MOVIE, [movie_id, MAX_OF_MOVIE])
        return [entry_id for (entry_id,) in cursor.fetchall()]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
