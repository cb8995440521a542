"""How one user's lists are laid out in a MongoDB document, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.int64 import Int64

from recommendations.lists import Entry, Finish, UserLists

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# What the hot read fetches; the rest of a document is as large again.
SERVED_FIELDS = {"recommended": 1, "watching": 1, "progress": 1, "_id": 0}


def document(lists: UserLists) -> dict[str, Any]:
    """The fields of the lists, without the user's id and the document's revision.

    Times are whole microseconds: BSON's own dates keep milliseconds, and then two stores would order events
    differently. Movie ids are as wide as they need (32 or 64 bits; MongoDB compares them by value).
    """
    return {
        "recommended": list(lists.recommended),
        "recommended_at": microseconds(lists.recommended_at) if lists.recommended_at else None,
        # parallel arrays, most recent first: a third of the bytes of an array of documents
        "watching": [entry.movie_id for entry in lists.watching],
        "progress": [entry.progress for entry in lists.watching],
        "watched_at": [microseconds(entry.at) for entry in lists.watching],
        "removed": [[e.movie_id, e.progress, microseconds(e.at)] for e in lists.removed],
        "finished": [[f.movie_id, microseconds(f.at), microseconds(f.told)] for f in lists.finished],
    }


def lists(found: Mapping[str, Any]) -> UserLists:
    """What `document` laid out."""
    recommended_at = found["recommended_at"]
    return UserLists(
        recommended=tuple(found["recommended"]),
        recommended_at=time(recommended_at) if recommended_at is not None else None,
        watching=tuple(
            Entry(movie_id, progress, time(at))
            for movie_id, progress, at in zip(
                found["watching"], found["progress"], found["watched_at"], strict=True
            )
        ),
        removed=tuple(Entry(movie_id, progress, time(at)) for movie_id, progress, at in found["removed"]),
        finished=tuple(Finish(movie_id, time(at), time(told)) for movie_id, at, told in found["finished"]),
    )


def microseconds(at: datetime) -> Int64:
    return Int64((at - EPOCH) // MICROSECOND)


def time(since_1970: int) -> datetime:
    return EPOCH + since_1970 * MICROSECOND
