"""The planner of experiments: how many users and days a lift takes, from what users did in the last weeks.

All users' weeks are read for it, so a background thread does that, and the page shows what was found last.
"""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from recommendations.experiments.planning import planner
from recommendations.experiments.planning.history import TooFewData
from recommendations.experiments.statistics.lifts import MIN_USERS
from tetraflix.health.background_cache import BackgroundCache

LIFTS = (1, 2, 3, 5, 10, 15, 20, 30)  # percent
KEEP_SECONDS = 600.0
MAX_AGE_SECONDS = 3_600.0  # an older one is not shown
RELOAD_SECONDS = 5


def _plan() -> dict[str, Any]:
    try:
        users = planner.recent_users()
        needed = {lift: planner.needs(users, lift=lift / 100) for lift in LIFTS}
    except TooFewData as error:
        return {"problem": str(error)}
    finally:
        connection.close()  # of the thread that plans: minutes pass until the next time
    rows = [
        {"lift": lift, **{which: _with_interval(found[which]) for which in ("raw", "adjusted")}}
        for lift, found in needed.items()
    ]
    return needed[LIFTS[0]] | {"rows": rows}


def _with_interval(needed: dict[str, int]) -> dict[str, int]:
    """The same with at least the users without whom there is no interval."""
    return needed | {"users_per_arm": max(needed["users_per_arm"], MIN_USERS)}


_cached = BackgroundCache(_plan, keep_seconds=KEEP_SECONDS, max_age_seconds=MAX_AGE_SECONDS)


def planner_page(request: HttpRequest) -> HttpResponse:
    """`GET /admin/planner/`: a row for each of LIFTS; reloads itself while nothing is known yet."""
    may_run = request.user.has_perm("recommendations.run_experiment")
    if not may_run and not request.user.has_perm("recommendations.view_experiment"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": "Planner of experiments",
        "plan": _cached.get(),
        "reload_seconds": RELOAD_SECONDS,
        "may_run": may_run,
    }
    return TemplateResponse(request, "admin/planner.html", context)


def forget() -> None:
    """The next request plans again."""
    _cached.clear()
