"""Reads the history of movies from the change records that the database's triggers write."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from movies.genres import GENRES, label
from movies.models import Movie, MovieChange

PAGE_SIZE = 50  # records
STATES: dict[Any, str] = {True: "hidden", False: "visible"}
PAST_TENSE = {"added, hidden": "added, hidden,", "hidden": "hid", "shown again": "showed"}
MAX_LATER = 100  # latest changes of a movie among which a revert is looked for

# For each movie: its changes, oldest first, and what each reverts. LATERAL and LIMIT make PostgreSQL read them by
# the movie, not all changes of a large batch.
FATES = """
WITH later AS MATERIALIZED (
    SELECT change.* FROM unnest(%(movies)s::bigint[]) AS movie (id) CROSS JOIN LATERAL (
        SELECT id, movie_id, version, batch FROM movies_moviechange WHERE movie_id = movie.id
        ORDER BY version DESC LIMIT %(limit)s) AS change
)
SELECT later.movie_id, later.version, coalesce(one.actor, many.actor), coalesce(one.at, many.at), many.batch,
       one.reverts_from, many.reverts
FROM later
LEFT JOIN movies_historyentry AS one ON one.id = later.id AND one.reverts_from IS NOT NULL
LEFT JOIN movies_historyentry AS many
    ON many.batch = later.batch AND many.reverts = ANY (%(batches)s::uuid[])
ORDER BY later.movie_id, later.version
"""


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
    current_version: int | None = None  # of the movie; of a deleted one, that of its deletion; see with_fates
    reverted: "Reversal | None" = None

    @property
    def verb(self) -> str:
        """What the actor did: `hid`."""
        return PAST_TENSE.get(self.what, self.what)

    @property
    def is_current(self) -> bool:
        """Whether the movie was not changed since."""
        return self.current_version == self.change.version

    @property
    def following(self) -> int:
        """The version after it, from which on a return to this one reverts."""
        return self.change.version + 1

    @property
    def deletes(self) -> bool:
        """Whether reverting it deletes the movie."""
        return self.change.before is None

    @property
    def title(self) -> str:
        return str((self.change.after or self.change.before or {}).get("title", ""))

    @property
    def now(self) -> dict[str, Any] | None:
        return self.change.after


@dataclass(frozen=True, slots=True)
class Reversal:
    """The revert that undid a change. `batch`: of a batch, else of the one movie."""

    actor: str
    at: datetime
    batch: uuid.UUID | None
    movie_id: int


@dataclass(frozen=True, slots=True)
class Seeded:
    """What is known of version 1 of a movie that no record shows being added."""

    at: datetime | None  # None: the movie is deleted
    by_seeding: bool  # else its record may have been deleted, because it is old


def of_movie(movie_id: int, *, before_version: int | None = None) -> list[Record]:
    """Up to PAGE_SIZE changes of a movie, the latest first, also of a deleted movie."""
    changes = MovieChange.objects.filter(movie_id=movie_id).order_by("-version")
    if before_version is not None:
        changes = changes.filter(version__lt=before_version)
    return [_record(change) for change in changes[:PAGE_SIZE]]


def of_ids(ids: Iterable[int]) -> dict[int, Record]:
    """These changes by their ids."""
    return {change.pk: _record(change) for change in MovieChange.objects.filter(id__in=list(ids))}


def of_batch(batch: uuid.UUID, *, after: int = 0) -> list[Record]:
    """Up to PAGE_SIZE changes of a batch, the oldest first."""
    changes = MovieChange.objects.filter(batch=batch, id__gt=after).order_by("id")
    return [_record(change) for change in changes[:PAGE_SIZE]]


def is_addition(movie_id: int, version: int) -> bool:
    """Whether the movie was added by the change to this version."""
    return MovieChange.objects.filter(movie_id=movie_id, version=version, before__isnull=True).exists()


def with_fates(records: Sequence[Record]) -> list[Record]:
    """The records with what became of each: whether it is its movie's current state, and what reverted it."""
    movies = sorted({record.change.movie_id for record in records})
    batches = [record.change.batch for record in records if record.change.batch]
    if not movies:
        return []
    with connection.cursor() as cursor:
        cursor.execute(FATES, {"movies": movies, "limit": MAX_LATER, "batches": batches})
        later = cursor.fetchall()
    current = {movie_id: version for movie_id, version, *_ in later}  # the last one in order of versions
    found = []
    for record in records:
        change = record.change
        reversal = next(
            (
                Reversal(actor, at, batch, movie_id)
                for movie_id, version, actor, at, batch, first, reverts in later
                if movie_id == change.movie_id and version > change.version
                if (first is not None and first <= change.version)
                or (reverts is not None and reverts == change.batch)
            ),
            None,
        )
        found.append(replace(record, current_version=current.get(change.movie_id), reverted=reversal))
    return found


def seeded(movie_id: int, oldest: Record | None) -> Seeded | None:
    """How version 1 came to be if its record is missing; `oldest` is its first record. None: it is on record."""
    if oldest and oldest.change.version == 1:
        return None
    created = Movie.objects.filter(pk=movie_id).values_list("created", flat=True).first()
    if created is None and oldest is None:
        return None  # there never was such a movie
    kept_since = timezone.now() - timedelta(days=settings.CHANGES_KEPT_DAYS)
    return Seeded(created, created is not None and created > kept_since)


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """The fields, genre by genre, in which two states of a movie differ."""
    old, new = before or {}, after or {}
    found: list[Difference] = []
    for field, name, in_words in (("title", "Title", {}), ("hidden", "State", STATES)):
        was, became = old.get(field), new.get(field)
        if was != became:
            found.append(Difference(field, name, in_words.get(was, was), in_words.get(became, became)))
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
