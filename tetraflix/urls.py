"""Where every address leads. The busiest come first: Django tries them in order."""

from django.urls import URLPattern, URLResolver, path

from movies.api.reads import GenreView, MovieView
from recommendations.api.reads import RecommendationsView
from tetraflix import errors

urlpatterns: list[URLPattern | URLResolver] = [
    path("tetraflix/recommendations/<str:user_id>", RecommendationsView.as_view(), name="recommendations"),
    path("tetraflix/genre/<str:genre>", GenreView.as_view(), name="genre"),
    path("tetraflix/movies/<str:movie_id>", MovieView.as_view(), name="movie"),
    path("tetraflix/<path:rest>", errors.unknown_address),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
