"""The look and the menu of the admin, as settings of django-unfold; fonts, icons and charts are served locally."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _item(title: str, icon: str, link: str, permission: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(link)}
    if permission:
        item["permission"] = _may(permission)
    return item


def _file(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tetraflix",
    "SITE_HEADER": "Tetraflix",
    "SITE_SUBHEADER": "Client services",
    "SITE_SYMBOL": "movie",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "href": _file("site/icon.svg"), "type": "image/svg+xml"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "DASHBOARD_CALLBACK": "tetraflix.backoffice.dashboard.dashboard_context",
    "STYLES": [_file("movies/admin/admin.css")],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .013 17.38)",
            "100": "oklch(93.6% .032 17.717)",
            "200": "oklch(88.5% .062 18.334)",
            "300": "oklch(80.8% .114 19.571)",
            "400": "oklch(70.4% .191 22.216)",
            "500": "oklch(63.7% .237 25.331)",
            "600": "oklch(57.7% .245 27.325)",
            "700": "oklch(50.5% .213 27.518)",
            "800": "oklch(44.4% .177 26.899)",
            "900": "oklch(39.6% .141 25.723)",
            "950": "oklch(25.8% .092 26.042)",
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
                    ),
                    _item("API keys", "key", "admin:tetraflix_apikey_changelist", "tetraflix.view_apikey"),
                    _item("Staff", "badge", "admin:auth_user_changelist", "auth.view_user"),
                    _item("Roles", "shield_person", "admin:auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
