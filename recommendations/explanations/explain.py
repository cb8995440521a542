"""Explains a user's lists to staff: both as served, and the reason for each movie that is not shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from movies.foundation.numbers import MAX_BIGINT
from movies.foundation.times import written
from movies.models import Movie
from movies.profiles import from_wire
from movies.viewing.view_counting import last_finishes
from recommendations import stores
from recommendations.recommender.arms import Kind
from recommendations.recommender.strategies import STRATEGIES
from recommendations.services import EARLIEST, shown_to
from recommendations.user_lists import BUS, GENERATED, Entry, Finish, UserLists


@dataclass(frozen=True, slots=True)
class Item:
    """A movie of a list. `why` is the reason that it is not shown; empty if it is shown."""

    movie_id: int
    title: str
    profile: tuple[int, ...] | None  # None: the movie does not exist
    why: str = ""
    progress: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`recommendations` and `watching` are the API's response; the other lists are what is stored."""

    user_id: int
    known: bool  # there is a record of the user; else it is a cold start
    popular: bool  # the overall most popular movies are shown, because the own list has nothing left to show
    recommendations: list[Item]
    watching: list[Item]
    stored: list[Item]
    stored_watching: list[Item]
    taken_off: list[Item]
    finished: list[Item]
    dismissed: list[Item]
    recommended_at: datetime | None
    source: str  # where the stored list came from, as a sentence
    strategy: str | None  # that made it, if it is our own

    @property
    def is_own(self) -> bool:
        """What is shown is a list of our own."""
        return self.strategy is not None and not self.popular

    @property
    def watched_at(self) -> datetime | None:
        """The latest event of currently watching."""
        return max((item.at for item in self.stored_watching if item.at), default=None)


def explain(user_id: int) -> Explanation:
    """The user's lists with reasons. At most two SQL statements besides those of `shown_to`.

    Raises StoreUnavailable, or django.db.OperationalError.
    """
    shown = shown_to(user_id)
    served = orjson.loads(shown.json())
    lists = stores.current().read(user_id)
    kept = lists or UserLists()
    movies = _movies(
        [
            *kept.recommended,
            *(entry.movie_id for entry in (*kept.watching, *kept.removed)),
            *(finish.movie_id for finish in kept.finished),
            *kept.dismissed,
        ]
    )
    watching = {entry.movie_id for entry in kept.watching}
    return Explanation(
        user_id,
        lists is not None,
        shown.popular,
        [_served(movie) for movie in served["recommendations"]],
        [_served(movie) for movie in served["currentlyWatching"]],
        [
            _item(movies, movie_id, why=reason_not_shown(kept, movie_id, movies.get(movie_id)))
            for movie_id in kept.recommended
        ],
        [
            _entry(movies, entry, why="was dismissed" if entry.movie_id in kept.dismissed else "")
            for entry in kept.watching
        ],
        [_entry(movies, entry, why="was removed by staff") for entry in kept.removed],
        [
            _item(
                movies,
                finish.movie_id,
                why=""
                if finish.movie_id in kept.recommended or finish.movie_id in watching
                else "was finished",
                at=finish.at,
            )
            for finish in sorted(kept.finished, key=lambda finish: finish.at, reverse=True)
        ],
        [_item(movies, movie_id, why="was dismissed") for movie_id in kept.dismissed],
        kept.recommended_at,
        source_sentence(kept),
        kept.recommended_by if is_own(kept) else None,
    )


def reasons_for(user_id: int, movie_id: int) -> list[str]:
    """Sentences about everything that decides whether the user is shown the movie. Raises as `explain` does."""
    shown = shown_to(user_id)
    lists = stores.current().read(user_id)
    if lists is None:
        return ["New user: no data yet, so the most popular movies are shown."]
    movie = _movies([movie_id]).get(movie_id)
    found = []
    if movie is None:
        found.append("The movie does not exist: it is dropped from every list.")
    elif movie.hidden:
        found.append("The movie is hidden: no user is shown it.")
    found += _decided(lists, movie_id)
    at = last_finishes([(user_id, movie_id, EARLIEST)]).get((user_id, movie_id))
    if at:
        # else the finish is too old to be kept with the lists, and its report time is unknown
        remembered = (
            finish for finish in lists.finished if (finish.movie_id, finish.order) == (movie_id, at)
        )
        finish = next(remembered, Finish(movie_id, at, reported_at=at))
        later = (
            lists.recommended_by == BUS
            and lists.recommended_at is not None
            and not finish.is_newer_than(lists.recommended_at)
        )
        tail = (
            "; the list is newer and may have it again"
            if later
            else ", so it was removed from recommendations"
        )
        found.append(f"Was finished {written(at)}{tail}.")
    if lists.recommended_at is None:
        found.append(source_sentence(lists))
    elif movie_id in lists.recommended:
        place = lists.recommended.index(movie_id) + 1
        found.append(
            f"Is number {place} of the list of {written(lists.recommended_at)}. {source_sentence(lists)}"
        )
    else:
        found.append(f"Is not in the list of {written(lists.recommended_at)}. {source_sentence(lists)}")
    if shown.popular:
        named = movie_id in {each["id"] for each in orjson.loads(shown.json())["recommendations"]}
        found.append(
            "The user's own list has nothing left to show, so the most popular movies are shown instead; "
            f"this movie is {'' if named else 'not '}among them."
        )
    return found


def _decided(lists: UserLists, movie_id: int) -> list[str]:
    """Sentences about the movie being dismissed, watched, or taken off."""
    found = []
    if movie_id in lists.dismissed:
        found.append("Was dismissed: the user is shown it in no list until that is undone.")
    found += [
        f"Is in currently watching ({entry.progress:.0%}, {written(entry.at)}), so not recommended."
        for entry in lists.watching
        if entry.movie_id == movie_id
    ]
    found += [
        f"Was removed from currently watching by staff; its progress is kept ({entry.progress:.0%})."
        for entry in lists.removed
        if entry.movie_id == movie_id
    ]
    return found


def reason_not_shown(lists: UserLists, movie_id: int, movie: Movie | None) -> str:
    """Why a movie of the stored list is not recommended, the first reason that holds; empty if it is."""
    if movie is None:
        return "does not exist"
    if movie.hidden:
        return "is hidden"
    if movie_id in lists.dismissed:
        return "was dismissed"
    return "is being watched" if any(entry.movie_id == movie_id for entry in lists.watching) else ""


def is_own(lists: UserLists) -> bool:
    """Whether the stored list is one of our own recommender."""
    return Kind.named(lists.recommended_by).strategy in STRATEGIES


def source_sentence(lists: UserLists) -> str:
    """Where the stored list came from, as a sentence."""
    if lists.recommended_at is None:
        return "No list of recommendations was ever made for this user."
    if lists.recommended_by == BUS:
        return "The list came from the Recommendations service."
    if lists.recommended_by == GENERATED:
        return "The list was generated, by seed_users."
    return f"The list is our own, by the strategy {lists.recommended_by}."


def _movies(movie_ids: Iterable[int]) -> dict[int, Movie]:
    return Movie.objects.in_bulk([movie_id for movie_id in movie_ids if 0 < movie_id <= MAX_BIGINT])


def _served(movie: dict[str, Any]) -> Item:
    return Item(movie["id"], movie["title"], from_wire(movie["profile"]), progress=movie["progress"])


def _entry(movies: dict[int, Movie], entry: Entry, why: str = "") -> Item:
    return _item(movies, entry.movie_id, why=why, progress=entry.progress, at=entry.at)


def _item(
    movies: dict[int, Movie],
    movie_id: int,
    *,
    why: str = "",
    progress: float | None = None,
    at: datetime | None = None,
) -> Item:
    movie = movies.get(movie_id)
    if movie is None:
        return Item(movie_id, "", None, "does not exist", progress, at)
    return Item(
        movie_id, movie.title, tuple(movie.profile), "is hidden" if movie.hidden else why, progress, at
    )
