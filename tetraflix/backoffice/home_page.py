"""The home page at `/`: shows any user, genre or search as a client would, and why each movie is there."""

import functools
from collections.abc import Sequence

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from movies.catalog.movie_cache import NO_PROGRESS
from movies.catalog.popular_cache import popular_movies
from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES, OVERALL, label
from movies.palette import COLOURS
from movies.search.engine import search
from recommendations import stores
from recommendations.recommender import changed_users
from recommendations.user_lists import UserLists
from tetraflix.backoffice import site_data
from tetraflix.web.error_responses import UNAVAILABLE_ERRORS

SAMPLE_USERS = 5  # offered as examples
LONG_ID = 10**9  # ids above it are hard to read, so others come first
CANDIDATES = 60  # users of whom the examples are chosen
NEW_USER_ID = 534356757834  # without any record: shows the cold start
SAMPLE_TITLES = 20  # of the most popular movies, of which one is misspelt as an example
SHORTEST_WORD, LONGEST_TITLE = 5, 28  # letters


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`; without examples while the database is unavailable."""
    try:
        users, example = sample_users(), _misspelt(_popular_titles())
        allowed = site_data.may_explain(request)
    except UNAVAILABLE_ERRORS:
        users, example, allowed = [], "", False
    genres = [{"name": name, "label": label(name), "colour": COLOURS[name]} for name in GENRES]
    context = {
        "users": users,
        "new": NEW_USER_ID,
        "largest": MAX_BIGINT,
        "example": example,
        "refused": "" if allowed else site_data.NOT_ALLOWED,
        "genres": genres,
        "genres_json": orjson.dumps(genres).decode(),
    }
    return render(request, "site/home.html", context)


def sample_users() -> list[int]:
    """Users with something in most rows first; of those, users who just finished a movie: their lists will change."""
    store = stores.current()
    latest = changed_users.latest(SAMPLE_USERS)
    known = store.read_each(latest)
    found = {user_id: known.get(user_id, UserLists()) for user_id in latest}
    found |= {user_id: lists for user_id, lists in store.scan(0, CANDIDATES) if user_id not in found}
    return sorted(found, key=lambda user_id: (-_rows(found[user_id]), user_id > LONG_ID))[:SAMPLE_USERS]


def _rows(lists: UserLists) -> int:
    """How many of the rows a user may have: recommendations, currently watching, movies like a finished one."""
    return bool(lists.recommended) + bool(lists.watching) + bool(lists.finished)


def _popular_titles() -> tuple[tuple[int, str], ...]:
    entries = popular_movies(OVERALL).entries[:SAMPLE_TITLES]
    movies = [orjson.loads(entry + NO_PROGRESS) for entry in entries]
    return tuple((movie["id"], movie["title"]) for movie in movies)


@functools.lru_cache(maxsize=1)
def _misspelt(movies: Sequence[tuple[int, str]]) -> str:
    """The title of one of the movies with two letters swapped, such that the search finds it; empty if none is."""
    for movie_id, title in movies:
        word = max(title.split(), key=len)
        if not word.isalpha() or len(word) < SHORTEST_WORD or not 10 <= len(title) <= LONGEST_TITLE:
            continue
        middle = len(word) // 2
        swapped = f"{word[: middle - 1]}{word[middle]}{word[middle - 1]}{word[middle + 1 :]}"
        query = title.replace(word, swapped).lower()
        if swapped != word and search(query, limit=1) == [movie_id]:
            return query
    return ""
