"""Why a user sees what they see: both lists as served, and the reason for each movie that is not there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie
from movies.profiles import from_wire
from movies.viewing.view_counting import last_finishes
from recommendations import stores
from recommendations.lists import Entry, Finish, UserLists
from recommendations.services import EVER, shown_to


@dataclass(frozen=True, slots=True)
class Item:
    """A movie of a list. `why` says why it is not shown; empty when it is."""

    movie_id: int
    title: str
    profile: tuple[int, ...] | None  # None: the movie does not exist
    why: str = ""
    progress: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """`recommendations` and `watching` are what the API answers; the others are what it is made from."""

    user_id: int
    known: bool  # else nobody has heard of this user: a cold start
    popular: (
        bool  # the overall most popular movies are shown, as nothing of the user's own list is left to show
    )
    recommendations: list[Item]
    watching: list[Item]
    stored: list[Item]
    stored_watching: list[Item]
    taken_off: list[Item]
    finished: list[Item]
    recommended_at: datetime | None

    @property
    def watched_at(self) -> datetime | None:
        """The latest event of currently watching."""
        return max((item.at for item in self.stored_watching if item.at), default=None)


def explain(user_id: int) -> Explained:
    """Raises StoreUnavailable, or django.db.OperationalError. At most two SQL statements beside `shown_to`'s."""
    shown = shown_to(user_id)
    served = orjson.loads(shown.json())
    lists = stores.current().read(user_id)
    kept = lists or UserLists()
    movies = _movies(
        [
            *kept.recommended,
            *(entry.movie_id for entry in (*kept.watching, *kept.removed)),
            *(finish.movie_id for finish in kept.finished),
        ]
    )
    watching = {entry.movie_id for entry in kept.watching}
    return Explained(
        user_id,
        lists is not None,
        shown.popular,
        [_served(movie) for movie in served["recommendations"]],
        [_served(movie) for movie in served["currentlyWatching"]],
        [
            _item(movies, movie_id, why="is being watched" if movie_id in watching else "")
            for movie_id in kept.recommended
        ],
        [_entry(movies, entry) for entry in kept.watching],
        [_entry(movies, entry, why="was taken off by hand") for entry in kept.removed],
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
        kept.recommended_at,
    )


def why(user_id: int, movie_id: int) -> list[str]:
    """Everything that decides whether this user sees this movie, in sentences."""
    shown = shown_to(user_id)
    lists = stores.current().read(user_id)
    if lists is None:
        return ["Nobody has heard of this user: what is shown are the most popular movies of all."]
    movie = _movies([movie_id]).get(movie_id)
    found = []
    if movie is None:
        found.append("There is no such movie: it is dropped from every list that names it.")
    elif movie.hidden:
        found.append("The movie is hidden: it is shown to nobody.")
    for entry in lists.watching:
        if entry.movie_id == movie_id:
            found.append(
                f"Is in currently watching ({entry.progress:.0%}, {_said(entry.at)}), so not recommended."
            )
    for entry in lists.removed:
        if entry.movie_id == movie_id:
            found.append(
                f"Was taken off currently watching by hand; its progress is kept ({entry.progress:.0%})."
            )
    at = last_finishes([(user_id, movie_id, EVER)]).get((user_id, movie_id))
    if at:
        # forgotten: told before the last 20 finishes were
        remembered = (
            finish for finish in lists.finished if (finish.movie_id, finish.order) == (movie_id, at)
        )
        finish = next(remembered, Finish(movie_id, at, reported_at=at))
        later = lists.recommended_at is not None and not finish.is_news_to(lists.recommended_at)
        tail = "; the list is newer and may name it all the same" if later else ", so it left recommendations"
        found.append(f"Was finished {_said(at)}{tail}.")
    if movie_id in lists.recommended:
        place = lists.recommended.index(movie_id) + 1
        found.append(f"Is number {place} of the list as of {_said(lists.recommended_at)}.")
    elif lists.recommended_at is None:
        found.append("No list of recommendations ever came for this user.")
    else:
        found.append(f"The list as of {_said(lists.recommended_at)}, as it is kept, does not name it.")
    if shown.popular:
        named = movie_id in {each["id"] for each in orjson.loads(shown.json())["recommendations"]}
        found.append(
            "Nothing of the user's own list is left to show, so the most popular movies of all are shown instead; "
            f"this movie is {'' if named else 'not '}among them."
        )
    return found


def _said(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "never"


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
        return Item(movie_id, "", None, "does not exist (any more)", progress, at)
    return Item(
        movie_id, movie.title, tuple(movie.profile), "is hidden" if movie.hidden else why, progress, at
    )
