"""The data that a browser sends for a movie's form, and the messages that a page shows."""

from typing import Any

from movies.genres import GENRES
from movies.models import Movie
from tests.movies.factories import profile


def movie_form(movie: Movie | None = None, /, **changed: Any) -> dict[str, Any]:
    """The form of this movie, or of a new one, with what the person changed."""
    weights = movie.profile if movie else profile(action=100)
    form: dict[str, Any] = {f"profile-{genre}": weight for genre, weight in zip(GENRES, weights, strict=True)}
    form["title"] = movie.title if movie else "Kahaani"
    if movie:
        form["seen"] = movie.version
        if movie.hidden:
            form["hidden"] = "on"
    return {name: value for name, value in (form | changed).items() if value is not None}


def says(response: Any) -> list[str]:
    """The messages that the page shows."""
    return [str(message) for message in response.context["messages"]]
