"""The rules of a user's two lists, as pure functions: what a session or a new list makes of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
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
    """A movie that a user finished, when, and when that was first told: when the message was sent."""

    movie_id: int
    at: datetime
    told: datetime

    def is_news_to(self, as_of: datetime) -> bool:
        """Whether a list as of then does not know it. Of the same instant, the finish comes after the list.

        Only sent times and event times decide, so the order in which a list and a finish arrive does not matter.
        """
        return self.told >= as_of or self.at > as_of


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a session."""

    movie_id: int
    progress: float
    at: datetime
    finished: bool  # progress is at or above the finished mark
    told: datetime  # when the message was sent
    # the latest finish of this movie by this user on record, which `UserLists.finished` may have forgotten
    last_finish: datetime | None = None
    counted_before: bool = False  # a finish that is known to be on record: what it did to the lists is done


@dataclass(frozen=True, slots=True)
class UserLists:
    """Everything kept about one user. `watching` and `removed` are most recently watched first."""

    recommended: tuple[int, ...] = ()  # best first, as recommended
    recommended_at: datetime | None = None  # as of when; None: never
    watching: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()  # taken off the row by hand; their progress is kept
    # those told last, latest first: lists on their way may not know them, and a replay is known for one
    finished: tuple[Finish, ...] = ()


NOBODY = UserLists()


def watched(lists: UserLists, events: Iterable[Event]) -> UserLists:
    """The lists after the events of any sessions, applied in time order.

    A finish leaves `watching`, and `recommended` unless that list was sent after the finish was told.

    Replaying events changes nothing, and their order of arrival does not matter, while at most LONGEST movies
    are in progress: one that left as the 21st is forgotten, so its events are news again. For `recommended`,
    while at most LONGEST finishes were told since the list, and none of them twice with that list in between.
    """
    for event in sorted(events, key=lambda event: (event.at, event.finished, event.progress, event.told)):
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
    finish = Finish(event.movie_id, event.at, event.told)
    known = next((f for f in lists.finished if (f.movie_id, f.at) == (finish.movie_id, finish.at)), None)
    if known:
        if finish.told >= known.told:
            return lists
        return replace(
            lists, finished=_told_last(finish if other is known else other for other in lists.finished)
        )
    if event.counted_before:  # and forgotten since: too long ago for any list on its way
        return lists
    recommended = lists.recommended
    if lists.recommended_at is None or finish.is_news_to(lists.recommended_at):
        recommended = tuple(movie for movie in recommended if movie != event.movie_id)
    return replace(
        lists,
        recommended=recommended,
        watching=tuple(e for e in lists.watching if e.movie_id != event.movie_id or e.at > event.at),
        removed=tuple(e for e in lists.removed if e.movie_id != event.movie_id or e.at > event.at),
        finished=_told_last((*lists.finished, finish)),
    )


def recommend(
    lists: UserLists,
    movie_ids: Iterable[int],
    at: datetime,
    known: Collection[int],
    finished_since: Collection[int] = (),
) -> UserLists:
    """The lists with a new recommendation list as of `at`, unless the one stored is newer.

    Ids not in `known` are dropped, duplicates keep their first place, the first LONGEST stay. Of those, the
    movies leave whose finish the list could not know: the latest finishes are kept with the lists, and
    `finished_since` are movies with any other finish after `at`.
    """
    if lists.recommended_at and at < lists.recommended_at:
        return lists
    finished = {finish.movie_id for finish in lists.finished if finish.is_news_to(at)}.union(finished_since)
    # cut before finishes leave: had they come after the list, no other movie would have moved up
    listed = [movie for movie in dict.fromkeys(movie_ids) if movie in known][:LONGEST]
    kept = tuple(movie for movie in listed if movie not in finished)
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


def _told_last(finishes: Iterable[Finish]) -> tuple[Finish, ...]:
    """Told last first; the one told longest ago is forgotten when there are too many."""
    return tuple(sorted(finishes, key=lambda f: (f.told, f.at, f.movie_id), reverse=True)[:LONGEST])
