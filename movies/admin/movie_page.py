"""What the page of a movie says beside its form, and the page of a movie that does not exist."""

from dataclasses import dataclass

import orjson
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from movies.admin.history import movie_history
from movies.catalog.movie_cache import NO_PROGRESS, render_entry
from movies.catalog.popular_cache import STORED_LIST_LENGTH
from movies.foundation.numbers import whole_number
from movies.genres import GENRES, OVERALL, label
from movies.inventory import history
from movies.inventory.history import Record
from movies.models import Movie
from movies.staff_pages.bars import genre_bar
from movies.staff_pages.confirmation import ask
from movies.viewing import popularity
from movies.viewing.view_counting import views_of


@dataclass(frozen=True, slots=True)
class GenrePlace:
    """The movie in the popularity list of one genre, or of all (without a weight)."""

    name: str
    weight: int | None
    popularity: int  # views x weight
    place: int | None  # None: not in the stored list

    @property
    def popularity_in_words(self) -> str:
        return f"{self.popularity:,}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a movie beyond its form."""

    movie: Movie
    views: int
    places: list[GenrePlace]
    last_change: Record | None
    json: str  # as clients are answered

    @property
    def places_counted(self) -> int:
        return STORED_LIST_LENGTH

    @property
    def views_in_words(self) -> str:
        return f"{self.views:,}"

    @property
    def bar(self) -> SafeString:
        return genre_bar(self.movie.profile)


def facts_of(movie: Movie) -> Facts:
    """In three statements."""
    views = views_of(movie)
    places = {} if movie.hidden else popularity.places(movie.pk)
    weights = sorted(
        ((weight, genre) for genre, weight in zip(GENRES, movie.profile, strict=True) if weight),
        key=lambda share: -share[0],
    )
    answer = orjson.loads(render_entry(movie.pk, movie.title, movie.profile) + NO_PROGRESS)
    return Facts(
        movie,
        views,
        [
            *(
                GenrePlace(label(genre), weight, views * weight, places.get(genre))
                for weight, genre in weights
            ),
            GenrePlace(label(OVERALL), None, views, places.get(OVERALL)),
        ],
        next(iter(history.of_movie(movie.pk)), None),
        orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode(),
    )


def ask_to_delete(request: HttpRequest, movie: Movie) -> TemplateResponse:
    """The question; its answer goes to Django's view."""
    return ask(
        request,
        question=f"Delete movie {movie.pk}?",
        consequences=[
            f"“{movie.title}” disappears from every list at the next request.",
            "Its views are kept, and its page and the history restore it.",
        ],
        yes="Yes, delete",
        fields=[("post", "yes")],
        danger=True,
        back=reverse("admin:movies_movie_change", args=[movie.pk]),
    )


def missing_page(request: HttpRequest, object_id: str) -> TemplateResponse:
    """A page with the status 404: who deleted the movie and when, its history, and a button that restores it."""
    movie_id = whole_number(object_id)
    if movie_id is None:
        context = {**admin.site.each_context(request), "title": "No such movie"}
        response = TemplateResponse(request, "admin/movies/movie/missing.html", context)
    else:
        response = movie_history(request, movie_id)
        response.template_name = "admin/movies/movie/missing.html"
        records = response.context_data["records"] if response.context_data else []
        deleted = records[0] if records and records[0].now is None else None
        title = f"Movie {movie_id} was deleted" if deleted else f"There is no movie {movie_id}"
        response.context_data = {**(response.context_data or {}), "title": title, "deleted": deleted}
    response.status_code = 404
    return response
