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
        "brought_back_at": [microseconds(e.back_at) if e.back_at else None for e in lists.watching]
        if any(entry.back_at for entry in lists.watching)
        else None,
        "removed": [[e.movie_id, e.progress, microseconds(e.at)] for e in lists.removed],
        "finished": [_finish(finish) for finish in lists.finished],
    }


def _finish(finish: Finish) -> list[int]:
    times = [finish.at, finish.reported_at, *([finish.effective_at] if finish.effective_at else [])]
    return [finish.movie_id, *map(microseconds, times)]


def lists(found: Mapping[str, Any]) -> UserLists:
    """What `document` laid out."""
    recommended_at = found["recommended_at"]
    back_at = found.get("brought_back_at") or [None] * len(found["watching"])
    return UserLists(
        recommended=tuple(found["recommended"]),
        recommended_at=time(recommended_at) if recommended_at is not None else None,
        watching=tuple(
            Entry(movie_id, progress, time(at), time(back) if back is not None else None)
            for movie_id, progress, at, back in zip(
                found["watching"], found["progress"], found["watched_at"], back_at, strict=True
            )
        ),
        removed=tuple(Entry(movie_id, progress, time(at)) for movie_id, progress, at in found["removed"]),
        finished=tuple(Finish(movie_id, *map(time, times)) for movie_id, *times in found["finished"]),
    )


def microseconds(at: datetime) -> Int64:
    return Int64((at - EPOCH) // MICROSECOND)


def time(since_1970: int) -> datetime:
    return EPOCH + since_1970 * MICROSECOND
