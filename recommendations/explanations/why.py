"""Why a user is shown a movie, or not, as JSON: its place, its list, what was left out before it, and its score."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import orjson

from movies.catalog.popular_cache import popular_movies
from movies.foundation.numbers import MAX_BIGINT
from movies.foundation.times import written
from movies.genres import GENRES, OVERALL
from movies.models import Movie
from movies.profiles import TOTAL
from movies.viewing.view_counting import views_of
from recommendations import stores
from recommendations.explanations.explain import is_own, reason_not_shown, source_sentence
from recommendations.recommender.recommender import own_strategy
from recommendations.recommender.records import Record, records_of
from recommendations.recommender.score_explanation import Scores, words
from recommendations.recommender.snapshot import Current
from recommendations.services import Shown, shown_to
from recommendations.user_lists import EMPTY_LISTS, UserLists

RULES = {
    "mixture": "the user's taste times the movie's share of each genre's recent views, summed over the genres.",
    "euclid": "how near the movie's profile is to the user's taste. The share is of what they have in common.",
    "popular": "the movie's share of all recent views, whatever the user's taste.",
}
MAX_LEFT_OUT = 5  # movies that are named; the rest is counted
Shelf = Literal["recommendations", "currentlyWatching"]  # a list of the API's response


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read about the user."""

    user_id: int
    shown: Shown
    served: dict[Shelf, list[int]]  # movie ids as the API answers them
    lists: UserLists
    record: Record | None  # None: nothing but popularity decides what the user is shown


def why(user_id: int, movie_id: int, movies: Current | None) -> dict[str, Any] | None:
    """The explanation; None if there is no such movie. About eight SQL statements.

    `movies` scores the movie; without them, as right after the start of a process, `scorePending` is true.

    Raises StoreUnavailable, or django.db.OperationalError.
    """
    known = _read(user_id)
    scores = None
    if known.record and movies:
        made_by = known.lists.recommended_by if is_own(known.lists) else own_strategy()
        scores = Scores(user_id, made_by, record=known.record, movies=movies)
    left_out = _left_out(known, movie_id, scores)
    found = _movies([movie_id, *left_out[:MAX_LEFT_OUT]])
    if movie_id not in found:
        return None
    movie = found[movie_id]
    shelf = next((name for name, ids in known.served.items() if movie_id in ids), None)
    return {
        "user": user_id,
        "movie": {
            "id": movie_id,
            "title": movie.title,
            "profile": {genre: weight for genre, weight in zip(GENRES, movie.profile, strict=True) if weight},
            "views": views_of(movie),
            "hidden": movie.hidden,
        },
        "shownIn": shelf,
        "place": known.served[shelf].index(movie_id) + 1 if shelf else None,
        "of": len(known.served[shelf]) if shelf else None,
        "because": _because(known, movie, shelf),
        "list": _list(known, movie_id),
        "leftOutBefore": [
            {
                "id": one,
                "title": found[one].title if one in found else None,
                "why": _reason(known.lists, one, found.get(one)),
            }
            for one in left_out[:MAX_LEFT_OUT]
        ],
        "leftOutCount": len(left_out),
        "score": _score(movie, scores) if scores else None,
        "scorePending": known.record is not None and movies is None,
    }


def _read(user_id: int) -> _Known:
    shown = shown_to(user_id)
    body = orjson.loads(shown.json())
    names: tuple[Shelf, ...] = ("recommendations", "currentlyWatching")
    served: dict[Shelf, list[int]] = {name: [movie["id"] for movie in body[name]] for name in names}
    if shown.popular:
        return _Known(user_id, shown, served, stores.current().read(user_id) or EMPTY_LISTS, None)
    record = records_of([user_id])[user_id]
    return _Known(user_id, shown, served, record.lists, record)


def _because(known: _Known, movie: Movie, shelf: Shelf | None) -> list[str]:
    """Sentences: what decides that the user is shown the movie, or not."""
    user, lists, movie_id = known.user_id, known.lists, movie.pk
    found = []
    if shelf == "currentlyWatching":
        entry = next(entry for entry in lists.watching if entry.movie_id == movie_id)
        found.append(f"User {user} watched {entry.progress:.0%} of it, last at {written(entry.at)}.")
        found.append("What is half watched is offered to continue, and not recommended.")
    elif shelf and known.shown.popular:
        found.append(
            f"User {user} has nothing left in a list of their own, so the most popular movies are shown."
            if lists.recommended_at
            else "New user: no data yet, so the most popular movies are shown."
        )
    elif shelf:
        place, length = known.served[shelf].index(movie_id) + 1, len(known.served[shelf])
        found.append(f"Number {place} of {length} movies recommended to user {user}.")
    elif movie.hidden:
        found.append("The movie is hidden: hidden movies appear in no list.")
    elif movie_id in lists.recommended or movie_id in _unwanted(known):
        reason = _reason(lists, movie_id, movie)
        found.append(f"It is not recommended to user {user}, because it {reason}.")
    else:
        found.append(f"It is not in the lists of user {user}.")
    if shelf == "recommendations" or not shelf:
        found.append(source_sentence(lists))
        if lists.trial:
            found.append(f"It is made for the arm {lists.trial.arm} of an experiment.")
    return found


def _list(known: _Known, movie_id: int) -> dict[str, Any] | None:
    """The stored list of recommendations; None if there never was one."""
    lists = known.lists
    if lists.recommended_at is None:
        return None
    return {
        "madeBy": lists.recommended_by,
        "asOf": lists.recommended_at,
        "place": lists.recommended.index(movie_id) + 1 if movie_id in lists.recommended else None,
        "length": len(lists.recommended),
    }


def _left_out(known: _Known, movie_id: int, scores: Scores | None) -> list[int]:
    """The movies that would stand before this one and are not recommended, best first."""
    recommended = known.served["recommendations"]
    if known.shown.popular:
        popular = popular_movies(OVERALL).ids
        ahead: Sequence[int] = popular[: popular.index(movie_id)] if movie_id in popular else ()
    else:
        stored = known.lists.recommended
        ahead = stored[: stored.index(movie_id)] if movie_id in stored else ()
        if scores and is_own(known.lists):
            ahead = [*ahead, *scores.better(movie_id, sorted(_unwanted(known)))]
    return [one for one in dict.fromkeys(ahead) if one not in recommended]


def _unwanted(known: _Known) -> Collection[int]:
    if known.record:
        return known.record.unwanted
    finished = {finish.movie_id for finish in known.lists.finished}
    return finished | {entry.movie_id for entry in known.lists.removed} | set(known.lists.dismissed)


def _reason(lists: UserLists, movie_id: int, movie: Movie | None) -> str:
    """Why a movie that the list would have is not recommended."""
    if reason := reason_not_shown(lists, movie_id, movie):
        return reason
    if any(entry.movie_id == movie_id for entry in lists.removed):
        return "was removed from currently watching by staff"
    finished: datetime | None = max(
        (finish.at for finish in lists.finished if finish.movie_id == movie_id), default=None
    )
    return f"was finished at {written(finished)}" if finished else "was finished"


def _score(movie: Movie, scores: Scores) -> dict[str, Any]:
    """What taste and profile have in common, genre by genre. `share` is of the score; null for a hidden movie."""
    terms = scores.shares([movie.pk]).get(movie.pk)
    total = float(terms.sum()) if terms is not None else 0.0
    shares = (terms / total).tolist() if terms is not None and total > 0 else [None] * len(GENRES)
    profile = (np.array(movie.profile) / TOTAL).tolist()
    rows = zip(GENRES, scores.taste.tolist(), profile, shares, strict=True)
    return {
        "strategy": scores.name,
        "rule": RULES[scores.strategy],
        "summary": words(terms) if terms is not None else None,
        "terms": [
            {
                "genre": genre,
                "taste": round(taste, 4),
                "profile": weight,
                "share": None if share is None else round(share, 4),
            }
            for genre, taste, weight, share in rows
        ],
    }


def _movies(movie_ids: Collection[int]) -> dict[int, Movie]:
    """With their views. One statement."""
    possible = [movie_id for movie_id in movie_ids if 0 < movie_id <= MAX_BIGINT]
    return Movie.objects.select_related("viewcount").in_bulk(possible)
