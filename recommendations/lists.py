"""The rules of a user's two lists, as pure functions: what a session or a new list makes of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

LONGEST = 20  # movies in either list, and entries remembered of those taken off and of those finished


@dataclass(frozen=True, slots=True)
class Entry:
    """A movie that a user started and did not finish, as of the event that told so."""

    movie_id: int
    progress: float  # 0..1, below the finished mark
    at: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """A movie that a user finished, and when."""

    movie_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a session."""

    movie_id: int
    progress: float
    at: datetime
    finished: bool  # progress is at or above the finished mark
    # the latest finish of this movie by this user on record, which `UserLists.finished` may have forgotten
    last_finish: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserLists:
    """Everything kept about one user. `watching`, `removed` and `finished` are most recent first."""

    recommended: tuple[int, ...] = ()  # best first, as recommended
    recommended_at: datetime | None = None  # as of when; None: never
    watching: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()  # taken off the row by hand; their progress is kept
    finished: tuple[Finish, ...] = field(default=())  # the latest, so that a replay is known for one


NOBODY = UserLists()


def served(lists: UserLists, visible: Collection[int]) -> tuple[tuple[int, ...], tuple[Entry, ...]]:
    """What the user is shown: recommended ids in order, without overlap, and the entries being watched."""
    watching = {entry.movie_id for entry in lists.watching}
    return (
        tuple(movie for movie in lists.recommended if movie in visible and movie not in watching),
        tuple(entry for entry in lists.watching if entry.movie_id in visible),
    )


def watched(lists: UserLists, events: Iterable[Event]) -> UserLists:
    """The lists after a session's events, applied in time order.

    Replaying events changes nothing, and their order of arrival does not matter, while at most LONGEST movies
    are in progress: one that left as the 21st is forgotten, so its events are news again.
    """
    for event in sorted(events, key=lambda event: (event.at, event.finished, event.progress)):
        lists = _finish(lists, event) if event.finished else _progress(lists, event)
    return lists


def _progress(lists: UserLists, event: Event) -> UserLists:
    known = next((e for e in (*lists.watching, *lists.removed) if e.movie_id == event.movie_id), None)
    if known and (event.at, event.progress) <= (known.at, known.progress):
        return lists
    finishes = [finish.at for finish in lists.finished if finish.movie_id == event.movie_id]
    if event.last_finish:
        finishes.append(event.last_finish)
    if finishes and event.at <= max(finishes):
        return lists
    entry = Entry(event.movie_id, event.progress, event.at)
    return replace(
        lists,
        watching=_latest((*_without(lists.watching, event.movie_id), entry)),
        removed=_without(lists.removed, event.movie_id),
    )


def _finish(lists: UserLists, event: Event) -> UserLists:
    finish = Finish(event.movie_id, event.at)
    if finish in lists.finished:
        return lists
    return replace(
        lists,
        recommended=tuple(movie for movie in lists.recommended if movie != event.movie_id),
        watching=tuple(e for e in lists.watching if e.movie_id != event.movie_id or e.at > event.at),
        removed=tuple(e for e in lists.removed if e.movie_id != event.movie_id or e.at > event.at),
        finished=tuple(
            sorted((*lists.finished, finish), key=lambda f: (f.at, f.movie_id), reverse=True)[:LONGEST]
        ),
    )


def recommend(
    lists: UserLists,
    movie_ids: Iterable[int],
    at: datetime,
    known: Collection[int],
    finished_since: Collection[int] = (),
) -> UserLists:
    """The lists with a new recommendation list as of `at`, unless the one stored is newer.

    Ids not in `known` are dropped, duplicates keep their first place, the first LONGEST stay. The movies in
    `finished_since` were finished after `at`: the list could not know.
    """
    if lists.recommended_at and at < lists.recommended_at:
        return lists
    finished = {finish.movie_id for finish in lists.finished if finish.at > at}.union(finished_since)
    kept = tuple(movie for movie in dict.fromkeys(movie_ids) if movie in known and movie not in finished)[
        :LONGEST
    ]
    return replace(lists, recommended=kept, recommended_at=at)


def take_off(lists: UserLists, movie_id: int) -> UserLists:
    """The movie is no longer shown as being watched; its progress is kept. Unchanged if it was not there."""
    entry = next((e for e in lists.watching if e.movie_id == movie_id), None)
    if entry is None:
        return lists
    return replace(
        lists,
        watching=_without(lists.watching, movie_id),
        removed=_latest((*_without(lists.removed, movie_id), entry)),
    )


def bring_back(lists: UserLists, movie_id: int) -> UserLists:
    """A movie that was taken off is shown again. Unchanged if it was not taken off."""
    entry = next((e for e in lists.removed if e.movie_id == movie_id), None)
    if entry is None:
        return lists
    return replace(
        lists, watching=_latest((*lists.watching, entry)), removed=_without(lists.removed, movie_id)
    )


def _without(entries: tuple[Entry, ...], movie_id: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.movie_id != movie_id)


def _latest(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Most recently watched first; the one watched longest ago is forgotten when there are too many."""
    return tuple(sorted(entries, key=lambda e: (e.at, e.movie_id), reverse=True)[:LONGEST])
