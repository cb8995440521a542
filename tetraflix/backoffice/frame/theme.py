"""The look and the menu of the admin, as settings of django-unfold; fonts, icons and charts are served locally."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _item(
    title: str, icon: str, link: str, permission: str | None = None, also: str = "", **more: Any
) -> dict[str, Any]:
    """An item of the menu; the page named `also` belongs to it, too, though its address does not say so."""
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(link), **more}
    if also:
        item["also"] = [reverse_lazy(also)]
    if permission:
        item["permission"] = _may(permission)
    return item


def _file(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tetraflix",
    "SITE_HEADER": "Tetraflix",
    "SITE_SUBHEADER": "Client services",
    "SITE_ICON": _file("site/icon.svg"),
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "href": _file("site/icon.svg"), "type": "image/svg+xml"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "DASHBOARD_CALLBACK": "tetraflix.backoffice.dashboard.dashboard_context",
    "ENVIRONMENT": lambda request: settings.ENVIRONMENT,  # the badge in the header
    "STYLES": [_file("movies/admin/admin.css"), _file("tetraflix/frame.css")],
    "SCRIPTS": [_file("tetraflix/keys.js")],
    "BORDER_RADIUS": "6px",
    # A blue primary colour, because red means danger. Weight 500 is lighter than in other palettes, because the theme
    # writes with it on dark backgrounds.
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#7fb5fb",
            "500": "#6aa7f8",
            "600": "#1d5bd6",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Monitoring",
                "items": [_item("Dashboard", "monitoring", "admin:index")],
            },
            {
                "title": "Inventory",
                "separator": True,
                "items": [
                    _item("Movies", "movie", "admin:movies_movie_changelist", "movies.view_movie"),
                    _item("History", "history", "admin:movies_moviechange_changelist", "movies.view_movie"),
                    _item("Bulk jobs", "checklist", "admin:movies_job_changelist", "movies.view_job"),
                ],
            },
            {
                "title": "Audience",
                "separator": True,
                "items": [
                    _item(
                        "Users",
                        "group",
                        "admin:recommendations_userlists_changelist",
                        "recommendations.view_userlists",
                    ),
                    _item(
                        "Experiments",
                        "science",
                        "admin:recommendations_experiment_changelist",
                        "recommendations.view_experiment",
                        also="experiment-planner",
                    ),
                ],
            },
            {
                "title": "Operation",
                "separator": True,
                "items": [
                    _item(
                        "Messages",
                        "mail",
                        "admin:sessions_ingest_recordedmessages_changelist",
                        "recommendations.view_userlists",
                    ),
                    _item(
                        "Dead letters",
                        "report",
                        "admin:sessions_ingest_deadletteract_changelist",
                        "sessions_ingest.view_deadletteract",
                        badge="tetraflix.backoffice.queue_panel.dead_letter_badge",
                    ),
                    _item("API keys", "key", "admin:tetraflix_apikey_changelist", "tetraflix.view_apikey"),
                    _item("Staff", "badge", "admin:auth_user_changelist", "auth.view_user"),
                    _item("Roles", "shield_person", "admin:auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
