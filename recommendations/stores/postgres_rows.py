"""Converts one user's lists to the columns of a row in PostgreSQL, and back."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from recommendations.list_reads import Unread
from recommendations.stores.time_codec import finish_times, from_microseconds, to_finish, to_microseconds
from recommendations.user_lists import BUS, Entry, Trial, UserLists

_TO_JSON = msgspec.json.Encoder().encode
_FROM_JSON = msgspec.json.Decoder().decode
_UNREAD = msgspec.json.Decoder(tuple[datetime, str | None, int | None, Any, Any])


def lists_of(row: tuple) -> UserLists:
    """The lists in the columns `postgres.COLUMNS`."""
    (_, recommended, recommended_at, recommended_by, watching, progress, watched_at, back_at) = row[:8]
    removed, finished, dismissed, experiment, arm, other, read_at = row[8:]
    return UserLists(
        recommended=tuple(recommended),
        recommended_at=recommended_at,
        watching=tuple(map(Entry, watching, progress, watched_at, back_at or itertools.repeat(None))),
        removed=tuple(
            Entry(movie_id, share, from_microseconds(at)) for movie_id, share, at in _json(removed)
        ),
        finished=tuple(to_finish(movie_id, times) for movie_id, *times in _json(finished)),
        recommended_by=recommended_by or BUS,
        dismissed=tuple(dismissed or ()),
        trial=Trial(experiment, arm, tuple(other)) if experiment is not None else None,
        read_at=read_at,
    )


def unread_of(row: str) -> Unread:
    """What `postgres.SERVED_OR_UNREAD` says of a list of which no read is logged."""
    made_at, made_by, experiment, arm, other = _UNREAD.decode(row)
    trial = Trial(experiment, arm, tuple(other)) if experiment is not None else None
    return Unread(made_at, made_by or BUS, trial)


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """The rows as one list for each column."""
    return [list(column) for column in zip(*rows, strict=True)]


def texts(lists: UserLists, stored: UserLists | None = None) -> tuple[str | None, ...]:
    """The columns of the lists, without the user's id, as literals for casts; None for those that are as stored."""
    recommended = recommended_at = recommended_by = removed = finished = dismissed = read_at = None
    watching: tuple[str | None, ...] = None, None, None, None
    trial: tuple[str | None, ...] = None, None, None
    if stored is None or lists.recommended != stored.recommended:
        recommended = _array(lists.recommended)
    if lists.recommended_at and (stored is None or lists.recommended_at != stored.recommended_at):
        recommended_at = lists.recommended_at.isoformat()
    if lists.recommended_by != (BUS if stored is None else stored.recommended_by):
        recommended_by = lists.recommended_by
    if stored is None or lists.watching != stored.watching:
        watching = _watching(lists.watching)
    if stored is None or lists.removed != stored.removed:
        removed = _TO_JSON([[e.movie_id, e.progress, to_microseconds(e.at)] for e in lists.removed]).decode()
    if stored is None or lists.finished != stored.finished:
        finished = _TO_JSON([[f.movie_id, *finish_times(f)] for f in lists.finished]).decode()
    if lists.dismissed != (() if stored is None else stored.dismissed):
        dismissed = _array(lists.dismissed)
    if lists.trial != (None if stored is None else stored.trial):
        trial = _trial(lists.trial)
    if lists.read_at != (None if stored is None else stored.read_at):
        read_at = lists.read_at.isoformat() if lists.read_at else ""
    return (
        *(recommended, recommended_at, recommended_by, *watching, removed, finished, dismissed),
        *(*trial, read_at),
    )


def _watching(entries: Sequence[Entry]) -> tuple[str | None, ...]:
    """The columns watching, progress, watched_at and brought_back_at."""
    return (
        _array([entry.movie_id for entry in entries]),
        _array([entry.progress for entry in entries]),
        _array([entry.at for entry in entries]),
        _array([entry.back_at for entry in entries]) if any(entry.back_at for entry in entries) else None,
    )


def _trial(trial: Trial | None) -> tuple[str | None, ...]:
    """The columns experiment, arm and other; an empty arm for none."""
    return (str(trial.experiment), trial.arm, _array(trial.other)) if trial else (None, "", None)


def _array(values: Sequence[float | datetime | None]) -> str:
    """The literal of an array: PostgreSQL reads the JSON of numbers, times and null in it."""
    return f"{{{_TO_JSON(values)[1:-1].decode()}}}"


def _json(value: Any) -> Any:
    # Django's connections return jsonb as text, for JSONField to parse
    return _FROM_JSON(value) if isinstance(value, str) else value
