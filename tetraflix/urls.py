"""The URLs of the service, the busiest first, because Django tries them in order."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from movies.api.reads import GenreView
from movies.api.writes import Movies, OneMovie
from recommendations.api.experiments import ExperimentReport
from recommendations.api.preferences import Preferences
from recommendations.api.reads import RecommendationsView
from recommendations.api.writes import CurrentlyWatching, Dismissed
from sessions_ingest.api import SessionData, UserRecs
from tetraflix.access.idempotency import idempotent
from tetraflix.backoffice import dashboard, planner_page, site_data
from tetraflix.backoffice.frame import command_palette
from tetraflix.backoffice.home_page import home
from tetraflix.openapi.views import DocsView, SchemaView
from tetraflix.web import error_responses

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("tetraflix/recommendations/<str:user_id>", RecommendationsView.as_view(), name="recommendations"),
    path("tetraflix/genre/<str:genre>", GenreView.as_view(), name="genre"),
    path("tetraflix/movies/<str:movie_id>", OneMovie.as_view(), name="movie"),
    path("tetraflix/movies", idempotent(Movies.as_view()), name="movies"),
    path("tetraflix/sessionData", idempotent(SessionData.as_view(), counts_once=True), name="session-data"),
    path("tetraflix/userRecs", idempotent(UserRecs.as_view(), counts_once=True), name="user-recs"),
    path(
        "tetraflix/currentlyWatching/<str:user_id>/<str:movie_id>",
        CurrentlyWatching.as_view(),
        name="currently-watching",
    ),
    path("tetraflix/dismissed/<str:user_id>/<str:movie_id>", Dismissed.as_view(), name="dismissed"),
    path("tetraflix/preferences/<str:user_id>", Preferences.as_view(), name="preferences"),
    path("tetraflix/experiments/<str:name>", ExperimentReport.as_view(), name="experiment-report"),
    path("tetraflix/schema", SchemaView.as_view(), name="schema"),
    path("tetraflix/docs", DocsView.as_view(), name="docs"),
    path("", home, name="home"),
    path("site/why/<str:user>/<str:movie>", site_data.why_json, name="site-why"),
    path("site/rows/<str:user>", site_data.rows_json, name="site-rows"),
    path("site/live", site_data.live_json, name="site-live"),
    path("tetraflix/<path:rest>", error_responses.unknown_address),
    path("tetraflix", error_responses.unknown_address),
    path("admin/dashboard.json", admin.site.admin_view(dashboard.dashboard_json), name="dashboard-figures"),
    path("admin/search/", admin.site.admin_view(command_palette.palette), name="palette"),
    path("admin/planner/", admin.site.admin_view(planner_page.planner_page), name="experiment-planner"),
    path("admin/", admin.site.urls),
]

handler400 = error_responses.bad_request
handler403 = error_responses.permission_denied
handler404 = error_responses.not_found
handler500 = error_responses.server_error
