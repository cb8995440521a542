"""The rules of a user's two lists, as pure functions: what events and new lists change."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from recommendations.user_lists import BUS, Entry, Event, Finish, Trial, UserLists

MAX_LIST_LENGTH = 20  # movies in either list, and entries kept of movies taken off and of finishes
MAX_DISMISSED = 1_000  # movies that a user may have dismissed at once


def apply_events(lists: UserLists, events: Iterable[Event]) -> UserLists:
    """The lists after the events of any sessions, applied in time order.

    A finish removes the movie from `watching`, and from `recommended` if that list was sent before the finish
    was reported. From a list that is not the bus's a movie leaves whenever it is watched or finished, and so it
    leaves the other arm's list.

    Replaying events changes nothing and their order of arrival does not matter, as long as at most
    MAX_LIST_LENGTH movies are in progress (an older one is forgotten, so its events count as new), and at most
    as many finishes are reported after a list, none of them both before and after it.
    """
    for event in sorted(
        events, key=lambda event: (event.order, event.finished, event.progress, event.reported_at)
    ):
        lists = _finish(lists, event) if event.finished else _progress(lists, event)
    return lists


def superseded(before: UserLists, after: UserLists, events: Iterable[Event]) -> list[Event]:
    """Those of the events that turned `before` into `after` that changed nothing, except finishes.

    A newer event of the movie is on record, or newer events of so many others that it was forgotten at once.
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
        lists if lists.recommended_by == BUS else _unlisted(lists, event.movie_id),
        watching=_latest((*_without(lists.watching, event.movie_id), entry)),
        removed=_without(lists.removed, event.movie_id),
    )


def _finishes(lists: UserLists, event: Event) -> list[datetime]:
    """The known finishes of the event's movie by the user."""
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
            lists, finished=_latest_reported(first if other is known else other for other in lists.finished)
        )
    if event.counted_before:  # no longer kept: too old for any list not received yet
        return lists
    leaves = (
        lists.recommended_by != BUS
        or lists.recommended_at is None
        or finish.is_newer_than(lists.recommended_at)
    )
    return replace(
        _unlisted(lists, event.movie_id) if leaves else lists,
        watching=tuple(e for e in lists.watching if e.movie_id != event.movie_id or e.at > event.order),
        removed=tuple(e for e in lists.removed if e.movie_id != event.movie_id or e.at > event.order),
        finished=_latest_reported((*lists.finished, finish)),
    )


def _first_reported(one: Finish, other: Finish) -> Finish:
    """A finish that was reported twice, as it was reported first."""
    order = min(one.order, other.order)
    reported_at = min(one.reported_at, other.reported_at)
    return Finish(one.movie_id, one.at, reported_at, order if order != one.at else None)


def recommend(
    lists: UserLists,
    movie_ids: Iterable[int],
    at: datetime,
    known: Collection[int],
    finished_since: Collection[int] = (),
    *,
    hold: timedelta,
) -> UserLists:
    """The lists with a new list from the bus, sent at `at`.

    Unchanged if the stored list is from the bus and newer, or is not from the bus and at least `hold` newer.

    Drops ids that are not in `known`, keeps duplicates at their first place, and keeps the first MAX_LIST_LENGTH.
    Of those, drops movies with a finish that the list may not know of: one of the kept finishes, or, for the
    movies in `finished_since`, any other finish after `at`.
    """
    if lists.recommended_at:
        newer_by = lists.recommended_at - at
        if newer_by > timedelta(0) if lists.recommended_by == BUS else newer_by >= hold:
            return lists
    finished = {finish.movie_id for finish in lists.finished if finish.is_newer_than(at)}.union(
        finished_since
    )
    # cut before finished movies are dropped: no other movie moves up, as if the finishes had come later
    listed = [movie for movie in dict.fromkeys(movie_ids) if movie in known][:MAX_LIST_LENGTH]
    kept = tuple(movie for movie in listed if movie not in finished)
    return _with_list(lists, kept, at, BUS, None)


def recommend_own(
    lists: UserLists,
    movie_ids: Iterable[int],
    at: datetime,
    strategy: str,
    hold: timedelta,
    trial: Trial | None = None,
) -> UserLists:
    """The lists with a list of our own recommender, as of `at`, and with the other arm's if it is for an experiment.

    Unchanged if the stored list is from the bus and less than `hold` older, or is not from the bus and newer. So
    which of several lists stays does not depend on their order of arrival.

    From both, drops what the user finished, is watching or took off, as events that come later do. Keeps what the
    user dismissed: it is not shown, and has its place when that is undone.
    """
    if lists.recommended_at:
        older_by = at - lists.recommended_at
        if older_by < (hold if lists.recommended_by == BUS else timedelta(0)):
            return lists
    begun_or_finished = {
        *(entry.movie_id for entry in (*lists.watching, *lists.removed)),
        *(finish.movie_id for finish in lists.finished),
    }

    def kept(movie_ids: Iterable[int]) -> tuple[int, ...]:
        listed = list(dict.fromkeys(movie_ids))[:MAX_LIST_LENGTH]
        return tuple(movie for movie in listed if movie not in begun_or_finished)

    if trial:
        trial = replace(trial, other=kept(trial.other))
    return _with_list(lists, kept(movie_ids), at, strategy, trial)


def _with_list(
    lists: UserLists, movie_ids: tuple[int, ...], at: datetime, by: str, trial: Trial | None
) -> UserLists:
    """The lists with this list, which nobody read yet, unless it is the stored one that arrives again."""
    again = (lists.recommended_at, lists.recommended_by) == (at, by)
    return replace(
        lists,
        recommended=movie_ids,
        recommended_at=at,
        recommended_by=by,
        trial=trial,
        read_at=lists.read_at if again else None,
    )


def is_held(lists: UserLists, at: datetime, hold: timedelta) -> bool:
    """Whether the stored list stays before one of our own: it is of the bus, less than `hold` old and not used up.

    It is used up when all of it is finished, being watched or dismissed, or when it was sent empty.
    """
    sent = lists.recommended_at
    if lists.recommended_by != BUS or sent is None or at >= sent + hold:
        return False
    watching = (entry.movie_id for entry in lists.watching)
    return bool(set(lists.recommended).difference(watching, lists.dismissed))


def dismiss(lists: UserLists, movie_id: int) -> UserLists:
    """Has the movie shown in neither list until that is undone. Unchanged if MAX_DISMISSED others are dismissed.

    Both lists keep it, with its progress, so that undoing shows it in its place again.
    """
    if movie_id in lists.dismissed or len(lists.dismissed) >= MAX_DISMISSED:
        return lists
    return replace(lists, dismissed=(movie_id, *lists.dismissed))


def undo_dismissal(lists: UserLists, movie_id: int) -> UserLists:
    """Has the movie shown in its place again. Unchanged if it was not dismissed."""
    return replace(lists, dismissed=tuple(movie for movie in lists.dismissed if movie != movie_id))


def take_off(lists: UserLists, movie_id: int) -> UserLists:
    """Removes the movie from `watching`, keeping its progress. Unchanged if it is not there.

    Keeps MAX_LIST_LENGTH movies taken off; the one taken off longest ago is forgotten.
    """
    entry = _entry(lists.watching, movie_id)
    if entry is None:
        return lists
    removed = (replace(entry, back_at=None), *_without(lists.removed, movie_id))
    return replace(lists, watching=_without(lists.watching, movie_id), removed=removed[:MAX_LIST_LENGTH])


def bring_back(lists: UserLists, movie_id: int, at: datetime) -> UserLists:
    """Returns a movie that was taken off to `watching`, as if watched at `at`. Unchanged if it was not taken off.

    If `watching` is full, its last movie is forgotten.
    """
    entry = _entry(lists.removed, movie_id)
    if entry is None:
        return lists
    back = replace(entry, back_at=at if at > entry.at else None)
    return replace(
        lists,
        watching=_latest((*lists.watching[: MAX_LIST_LENGTH - 1], back)),
        removed=_without(lists.removed, movie_id),
    )


def drop_finished(lists: UserLists, mark: float) -> UserLists:
    """Finishes the movies whose progress is at or above the mark, which was higher when they were stored."""
    for entry in (*lists.watching, *lists.removed):
        if entry.progress >= mark:
            finish = Event(entry.movie_id, entry.progress, entry.at, finished=True, reported_at=entry.at)
            lists = _unlisted(_finish(lists, finish), entry.movie_id)
    return lists


def _entry(entries: Iterable[Entry], movie_id: int) -> Entry | None:
    return next((entry for entry in entries if entry.movie_id == movie_id), None)


def _unlisted(lists: UserLists, movie_id: int) -> UserLists:
    """The lists with this movie neither recommended nor in the other arm's list."""
    recommended = tuple(movie for movie in lists.recommended if movie != movie_id)
    if lists.trial is None:
        return replace(lists, recommended=recommended)
    other = tuple(movie for movie in lists.trial.other if movie != movie_id)
    return replace(lists, recommended=recommended, trial=replace(lists.trial, other=other))


def _without(entries: tuple[Entry, ...], movie_id: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.movie_id != movie_id)


def _latest(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sorted, latest first, and cut to MAX_LIST_LENGTH."""
    return tuple(
        sorted(entries, key=lambda e: (e.moved_to_front_at, e.movie_id), reverse=True)[:MAX_LIST_LENGTH]
    )


def _latest_reported(finishes: Iterable[Finish]) -> tuple[Finish, ...]:
    """Sorted, latest reported first, and cut to MAX_LIST_LENGTH."""
    return tuple(
        sorted(finishes, key=lambda f: (f.reported_at, f.at, f.movie_id), reverse=True)[:MAX_LIST_LENGTH]
    )
