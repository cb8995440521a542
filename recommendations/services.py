"""Services of a user: the JSON of both lists that clients get, corrections of the lists by hand, and preferences."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, NamedTuple

from django.conf import settings
from django.db import transaction
from msgspec.structs import replace

from movies.catalog.movie_cache import movie_cache, render_list
from movies.catalog.popular_cache import popular_movies, popular_unfinished
from movies.foundation.database_clock import database_time
from movies.foundation.events import Activity, activity_subscribers
from movies.genres import OVERALL
from movies.viewing.view_counting import existing, finished_after
from recommendations import lists, preferences, showing, stores
from recommendations.list_reads import FirstRead, Unread, first_read_subscribers
from recommendations.recommender import changed_users
from recommendations.stores.base import Change, ServedRow
from recommendations.user_lists import EMPTY_LISTS, UserLists

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime.fromisoformat("0001-01-02T00:00:00+00:00")  # before any event


class NoSuchMovie(Exception):
    """The movie does not exist. The message is a sentence."""


class TooManyDismissed(Exception):
    """The user has dismissed as many movies as are kept. The message is a sentence."""


class FixedPreferences(NamedTuple):
    """Genre preferences that never change, as whole weights that sum to 100."""

    weights: tuple[int, ...]
    source: Literal["given", "finishes"]  # given by PUT, or those of the user's first finishes


class Shown(NamedTuple):
    """Both lists as `showing.shown` selects them, in JSON."""

    recommended: Sequence[bytes]  # movies without their progress, as `movie_cache.render_entry` makes them
    watching: Sequence[bytes]  # complete movies
    popular: bool = False  # the overall most popular, because the user's own list has nothing left to show

    def json(self) -> bytes:
        """The body of the response."""
        return b'{"recommendations":%b,"currentlyWatching":[%b]}' % (
            render_list(self.recommended),
            b",".join(self.watching),
        )


def lists_for(user_id: int) -> bytes:
    """The JSON of the user's lists, published as activity; a first read is published, too.

    Raises what `shown_to` raises.
    """
    row, version = stores.current().served(user_id, unread=bool(first_read_subscribers))
    shown = _shown(user_id, row, version)
    if row is not None and row.unread is not None and not shown.popular:
        _publish_first_read(user_id, row, row.unread, version)
    return _published(user_id, shown)


def popular_instead(user_id: int) -> bytes:
    """The JSON for a user while the store of lists is unavailable: the overall most popular movies.

    Raises django.db.OperationalError if PostgreSQL is unavailable, too.
    """
    return _published(user_id, _popular())


def shown_to(user_id: int) -> Shown:
    """The user's lists; the overall most popular movies if the own list has nothing left to show.

    At most two SQL statements for a list of the user's own, four if it has nothing left to show, and a few more
    if the popular list is short or the user has finished nearly all of it.

    Raises StoreUnavailable, or django.db.OperationalError, if the store or the database is unavailable.
    """
    return _shown(user_id, *stores.current().served(user_id))


def _shown(user_id: int, row: ServedRow | None, version: int) -> Shown:
    if row is None:  # a user without any record has finished nothing
        return _popular()
    shown = _own(row, version)
    if shown.recommended:
        return shown
    kept = stores.current().read(user_id) or EMPTY_LISTS
    # without a view are those finished by a mark that was lowered since they were watched
    finished = [finish.movie_id for finish in kept.finished]
    left_out = [*row.watching, *row.dismissed, *finished]
    return Shown(_popular_for(user_id, left_out), shown.watching, popular=True)


def _own(row: ServedRow, version: int) -> Shown:
    recommended, watching = showing.shown(
        row.recommended,
        row.watching,
        row.progress,
        row.dismissed,
        partial(movie_cache.find, version),
        settings.FINISHED_MARK,
    )
    return Shown(recommended, [b"%b%b}" % pair for pair in watching])


def _publish_first_read(user_id: int, row: ServedRow, unread: Unread, version: int) -> None:
    def visible(movie_ids: Sequence[int]) -> list[int | None]:
        entries = movie_cache.find(version, movie_ids)
        return [movie if entry else None for movie, entry in zip(movie_ids, entries, strict=True)]

    def as_shown(movie_ids: Sequence[int]) -> tuple[int, ...]:
        recommended, _ = showing.shown(
            list(movie_ids), row.watching, row.progress, row.dismissed, visible, settings.FINISHED_MARK
        )
        return tuple(recommended)

    trial = replace(unread.trial, other=as_shown(unread.trial.other)) if unread.trial else None
    milliseconds = time.time_ns() // 1_000_000
    read = FirstRead(
        user_id,
        unread.made_at,
        EPOCH + timedelta(milliseconds=milliseconds),
        unread.made_by,
        as_shown(row.recommended),
        trial,
    )
    for notify in first_read_subscribers:
        notify(read)


def _popular() -> Shown:
    return Shown(popular_movies(OVERALL).entries[: lists.MAX_LIST_LENGTH], (), popular=True)


def _popular_for(user_id: int, left_out: Sequence[int]) -> list[bytes]:
    """The overall most popular movies, without those left out and those that the user has ever finished."""
    popular = popular_movies(OVERALL)
    excluded = finished_after([(user_id, popular.ids, EARLIEST)])[0].union(left_out)
    found = [
        entry for movie, entry in zip(popular.ids, popular.entries, strict=True) if movie not in excluded
    ][: lists.MAX_LIST_LENGTH]
    missing = lists.MAX_LIST_LENGTH - len(found)
    if missing and not popular.complete:
        found += popular_unfinished(user_id, excluding=(*popular.ids, *left_out), limit=missing)
    return found


def _published(user_id: int, shown: Shown) -> bytes:
    number = len(shown.recommended) + len(shown.watching)
    for notify in activity_subscribers:
        notify(Activity("user-data", user_id, number, time.time()))
    return shown.json()


def take_off(*, user_id: int, movie_id: int) -> bool:
    """Takes the movie off currently watching until it is brought back or watched again, keeping its progress.

    False, without any change, if it is neither being watched nor taken off.
    """
    return _change(user_id, movie_id, lists.take_off)


def bring_back(*, user_id: int, movie_id: int) -> bool:
    """Brings a movie that was taken off back to the front of currently watching, with its progress.

    False, without any change, if it is neither being watched nor taken off.
    """
    return _change(user_id, movie_id, partial(lists.bring_back, at=database_time()))


def _change(user_id: int, movie_id: int, change: Callable[[UserLists, int], UserLists]) -> bool:
    found = False

    def change_if_there(before: UserLists) -> UserLists:
        nonlocal found
        kept = lists.drop_finished(before, settings.FINISHED_MARK)
        found = movie_id in {entry.movie_id for entry in (*kept.watching, *kept.removed)}
        return change(kept, movie_id)

    stores.current().update({user_id: change_if_there})
    return found


def dismiss(*, user_id: int, movie_id: int) -> None:
    """Has the movie shown to the user in no list until that is undone. May be repeated.

    Its progress is kept. Raises NoSuchMovie and TooManyDismissed.
    """
    if not existing([movie_id]):
        raise NoSuchMovie(f"There is no movie {movie_id}.")
    with transaction.atomic():
        _, after = _change_and_mark(user_id, partial(lists.dismiss, movie_id=movie_id))
        if movie_id not in after.dismissed:
            raise TooManyDismissed(
                f"User {user_id} has dismissed {lists.MAX_DISMISSED:,} movies, which is the limit. "
                "Undo the dismissal of another movie first."
            )


def undo_dismissal(*, user_id: int, movie_id: int) -> None:
    """Has the movie shown where the lists have it, with its progress. May be repeated.

    Raises NoSuchMovie if the movie neither exists nor was dismissed.
    """
    with transaction.atomic():
        before, _ = _change_and_mark(user_id, partial(lists.undo_dismissal, movie_id=movie_id))
    if movie_id not in before.dismissed and not existing([movie_id]):
        raise NoSuchMovie(f"There is no movie {movie_id}.")


def _change_and_mark(user_id: int, change: Change) -> tuple[UserLists, UserLists]:
    """Changes the user's lists, and marks the user for a new list of our own. Returns the lists before and after."""
    before = after = EMPTY_LISTS

    def recorded(stored: UserLists) -> UserLists:
        nonlocal before, after
        before, after = stored, change(stored)
        return after

    changed_users.mark([user_id])  # first: everybody locks marks before lists
    stores.current().update({user_id: recorded})
    return before, after


def give_preferences(*, user_id: int, weights: Sequence[int]) -> bool:
    """Stores the weights, which are a profile, as the user's fixed preferences. False if some were given before."""
    with transaction.atomic():
        given = preferences.give(user_id, weights)
        if given:
            changed_users.mark([user_id])
    return given


def fixed_preferences(user_id: int) -> FixedPreferences | None:
    """The preferences that the user was given, else those of the first finishes; None while there are neither."""
    if given := preferences.given([user_id]).get(user_id):
        return FixedPreferences(given, "given")
    first = preferences.of_first_finishes(user_id)
    return FixedPreferences(first, "finishes") if first else None
