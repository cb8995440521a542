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
    at: datetime  # what the event is ordered by: only a later one changes the entry
    back_at: datetime | None = None  # when it was brought back by hand, if that is later than `at`

    @property
    def place(self) -> datetime:
        """Its place in the row, latest first: brought back is as good as watched."""
        return self.back_at or self.at


@dataclass(frozen=True, slots=True)
class Finish:
    """A movie that a user finished, when, and when that was first told: when the message was sent."""

    movie_id: int
    at: datetime  # as stated: the same finish told again is known by it
    reported_at: datetime
    effective_at: datetime | None = None  # what it is ordered by, if that is not `at`

    @property
    def order(self) -> datetime:
        """Its place in time: what really came later is later than this, also where `at` lies ahead."""
        return self.effective_at or self.at

    def is_news_to(self, as_of: datetime) -> bool:
        """Whether a list as of then does not know it. Of the same instant, the finish comes after the list.

        Only sent times and event times decide, so the order in which a list and a finish arrive does not matter.
        """
        return self.reported_at >= as_of or self.order > as_of


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a session."""

    movie_id: int
    progress: float
    at: datetime  # as stated
    finished: bool  # progress is at or above the finished mark
    reported_at: datetime  # when the message was sent
    # where `at` lies ahead of the sending: what the event is ordered by instead, the time of the sending
    effective_at: datetime | None = None
    # the latest finish of this movie by this user on record, which `UserLists.finished` may have forgotten
    last_finish: datetime | None = None
    counted_before: bool = False  # a finish that is known to be on record: what it did to the lists is done

    @property
    def order(self) -> datetime:
        """Its place in time among all events."""
        return self.effective_at or self.at


@dataclass(frozen=True, slots=True)
class UserLists:
    """Everything kept about one user."""

    recommended: tuple[int, ...] = ()  # best first, as recommended
    recommended_at: datetime | None = None  # as of when; None: never
    watching: tuple[Entry, ...] = ()  # most recently watched or brought back first
    removed: tuple[Entry, ...] = ()  # taken off the row by hand, the latest first; their progress is kept
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
    for event in sorted(
        events, key=lambda event: (event.order, event.finished, event.progress, event.reported_at)
    ):
        lists = _finish(lists, event) if event.finished else _progress(lists, event)
    return lists


def superseded(before: UserLists, after: UserLists, events: Iterable[Event]) -> list[Event]:
    """Of the events that made `after` of `before`, those below the finished mark that are not shown by it.

    Something newer is known of their movie, or of so many other movies that it was forgotten at once.
    """
    events = list(events)
    reported_now = {(event.movie_id, event.order) for event in events if event.finished}
    kept = {entry.movie_id for entry in (*after.watching, *after.removed)} | {
        movie for movie, _ in reported_now
    }
    return [
        event
        for event in events
        if not event.finished
        and (
            event.movie_id not in kept
            or any(_is_older(event, entry) for entry in (*before.watching, *before.removed))
            or any(
                event.order <= at
                for at in _finishes(before, event)
                if (event.movie_id, at) not in reported_now
            )
        )
    ]


def _progress(lists: UserLists, event: Event) -> UserLists:
    known = _entry((*lists.watching, *lists.removed), event.movie_id)
    if known and (event.order, event.progress) <= (known.at, known.progress):
        return lists
    finishes = _finishes(lists, event)
    if finishes and event.order <= max(finishes):
        return lists
    back_at = known.back_at if known and known.back_at and known.back_at > event.order else None
    entry = Entry(event.movie_id, event.progress, event.order, back_at)
    return replace(
        lists,
        watching=_latest((*_without(lists.watching, event.movie_id), entry)),
        removed=_without(lists.removed, event.movie_id),
    )


def _finishes(lists: UserLists, event: Event) -> list[datetime]:
    """When the user is known to have finished the event's movie."""
    finishes = [finish.order for finish in lists.finished if finish.movie_id == event.movie_id]
    return [*finishes, event.last_finish] if event.last_finish else finishes


def _is_older(event: Event, known: Entry) -> bool:
    return event.movie_id == known.movie_id and (event.order, event.progress) < (known.at, known.progress)


def _finish(lists: UserLists, event: Event) -> UserLists:
    finish = Finish(event.movie_id, event.at, event.reported_at, event.effective_at)
    known = next((f for f in lists.finished if (f.movie_id, f.at) == (finish.movie_id, finish.at)), None)
    if known:
        first = _first_reported(known, finish)
        if first == known:
            return lists
        return replace(
            lists, finished=_reported_last(first if other is known else other for other in lists.finished)
        )
    if event.counted_before:  # and forgotten since: too long ago for any list on its way
        return lists
    recommended = lists.recommended
    if lists.recommended_at is None or finish.is_news_to(lists.recommended_at):
        recommended = tuple(movie for movie in recommended if movie != event.movie_id)
    return replace(
        lists,
        recommended=recommended,
        watching=tuple(e for e in lists.watching if e.movie_id != event.movie_id or e.at > event.order),
        removed=tuple(e for e in lists.removed if e.movie_id != event.movie_id or e.at > event.order),
        finished=_reported_last((*lists.finished, finish)),
    )


def _first_reported(one: Finish, other: Finish) -> Finish:
    """Of one finish that was told twice: as it was told first."""
    order = min(one.order, other.order)
    reported_at = min(one.reported_at, other.reported_at)
    return Finish(one.movie_id, one.at, reported_at, order if order != one.at else None)


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
    """The movie is no longer shown as being watched; its progress is kept. Unchanged if it was not there.

    With LONGEST movies taken off before, the one taken off longest ago is forgotten.
    """
    entry = _entry(lists.watching, movie_id)
    if entry is None:
        return lists
    removed = (replace(entry, back_at=None), *_without(lists.removed, movie_id))
    return replace(lists, watching=_without(lists.watching, movie_id), removed=removed[:LONGEST])


def bring_back(lists: UserLists, movie_id: int, at: datetime) -> UserLists:
    """A movie that was taken off is shown again, as if watched at `at`. Unchanged if it was not taken off.

    With LONGEST movies in the row the last of them leaves and is forgotten.
    """
    entry = _entry(lists.removed, movie_id)
    if entry is None:
        return lists
    back = replace(entry, back_at=at if at > entry.at else None)
    return replace(
        lists,
        watching=_latest((*lists.watching[: LONGEST - 1], back)),
        removed=_without(lists.removed, movie_id),
    )


def leave_finished(lists: UserLists, mark: float) -> UserLists:
    """What is finished by this mark leaves all lists, as of its event: the mark was higher when it was stored."""
    for entry in (*lists.watching, *lists.removed):
        if entry.progress >= mark:
            finish = Event(entry.movie_id, entry.progress, entry.at, finished=True, reported_at=entry.at)
            lists = _finish(lists, finish)
            recommended = tuple(movie for movie in lists.recommended if movie != entry.movie_id)
            lists = replace(lists, recommended=recommended)
    return lists


def _entry(entries: Iterable[Entry], movie_id: int) -> Entry | None:
    return next((entry for entry in entries if entry.movie_id == movie_id), None)


def _without(entries: tuple[Entry, ...], movie_id: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.movie_id != movie_id)


def _latest(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The latest first; the one watched longest ago is forgotten when there are too many."""
    return tuple(sorted(entries, key=lambda e: (e.place, e.movie_id), reverse=True)[:LONGEST])


def _reported_last(finishes: Iterable[Finish]) -> tuple[Finish, ...]:
    """Told last first; the one told longest ago is forgotten when there are too many."""
    return tuple(sorted(finishes, key=lambda f: (f.reported_at, f.at, f.movie_id), reverse=True)[:LONGEST])
