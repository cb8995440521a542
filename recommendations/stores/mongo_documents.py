"""Converts one user's lists to the fields of a MongoDB document, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.int64 import Int64
from msgspec.structs import replace

from recommendations.list_reads import Unread
from recommendations.stores.time_codec import finish_times, from_microseconds, to_finish, to_microseconds
from recommendations.user_lists import BUS, Entry, Trial, UserLists

# The projection of the hot read; the rest of a document is as large again.
SERVED_FIELDS = {"recommended": 1, "watching": 1, "progress": 1, "dismissed": 1, "_id": 0}
SERVED_OR_UNREAD_FIELDS = SERVED_FIELDS | {"recommended_at": 1, "recommended_by": 1, "trial": 1, "read_at": 1}

SAMPLED_FIELDS = {"recommended": 1, "recommended_at": 1, "recommended_by": 1}


def document(lists: UserLists) -> dict[str, Any]:
    """The fields of the lists, without the user's id and the document's revision.

    Times are microseconds, because BSON's dates have millisecond precision: the stores would order events
    differently. Movie ids are as wide as they need (32 or 64 bits; MongoDB compares them by value).
    """
    return {
        "recommended": list(lists.recommended),
        "recommended_at": _int64(lists.recommended_at) if lists.recommended_at else None,
        # parallel arrays, most recent first: about half the bytes of an array of documents
        "watching": [entry.movie_id for entry in lists.watching],
        "progress": [entry.progress for entry in lists.watching],
        "watched_at": [_int64(entry.at) for entry in lists.watching],
        "brought_back_at": [_int64(e.back_at) if e.back_at else None for e in lists.watching]
        if any(entry.back_at for entry in lists.watching)
        else None,
        "removed": [[e.movie_id, e.progress, _int64(e.at)] for e in lists.removed],
        "finished": [[finish.movie_id, *map(Int64, finish_times(finish))] for finish in lists.finished],
        "recommended_by": lists.recommended_by if lists.recommended_by != BUS else None,
        "dismissed": list(lists.dismissed) or None,
        "trial": {
            "experiment": Int64(lists.trial.experiment),
            "arm": lists.trial.arm,
            "other": list(lists.trial.other),
        }
        if lists.trial
        else None,
        "read_at": _int64(lists.read_at) if lists.read_at else None,
    }


def lists(found: Mapping[str, Any]) -> UserLists:
    """The inverse of `document`. Documents of earlier releases do not have every field."""
    back_at = found.get("brought_back_at") or [None] * len(found["watching"])
    read_at = found.get("read_at")
    return replace(
        recommended(found),
        watching=tuple(
            Entry(
                movie_id,
                progress,
                from_microseconds(at),
                from_microseconds(back) if back is not None else None,
            )
            for movie_id, progress, at, back in zip(
                found["watching"], found["progress"], found["watched_at"], back_at, strict=True
            )
        ),
        removed=tuple(
            Entry(movie_id, progress, from_microseconds(at)) for movie_id, progress, at in found["removed"]
        ),
        finished=tuple(to_finish(movie_id, times) for movie_id, *times in found["finished"]),
        dismissed=tuple(found.get("dismissed") or ()),
        trial=_trial(found),
        read_at=from_microseconds(read_at) if read_at is not None else None,
    )


def unread(found: Mapping[str, Any]) -> Unread | None:
    """What SERVED_OR_UNREAD_FIELDS say of the list; None if there is none, or a read of it is logged."""
    at = found.get("recommended_at")
    if at is None or found.get("read_at") is not None:
        return None
    return Unread(from_microseconds(at), found.get("recommended_by") or BUS, _trial(found))


def recommended(found: Mapping[str, Any]) -> UserLists:
    """The recommended list alone, from SAMPLED_FIELDS."""
    at = found["recommended_at"]
    return UserLists(
        recommended=tuple(found["recommended"]),
        recommended_at=from_microseconds(at) if at is not None else None,
        recommended_by=found.get("recommended_by") or BUS,  # documents of earlier releases have none
    )


def mark_read(user_id: int, made_at: datetime, read_at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The selection of the document, if it has the list unread, and the change that marks it as read."""
    return (
        {"_id": Int64(user_id), "recommended_at": _int64(made_at), "read_at": None},
        {"$set": {"read_at": _int64(read_at)}, "$inc": {"rev": Int64(1)}},
    )


def _trial(found: Mapping[str, Any]) -> Trial | None:
    trial = found.get("trial")
    return Trial(trial["experiment"], trial["arm"], tuple(trial["other"])) if trial else None


def _int64(at: datetime) -> Int64:
    return Int64(to_microseconds(at))
