"""Error pages for people: a sentence, and links to where they can go on. Staff see them inside the admin."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

ADMIN = "/admin/"
OF_THE_SITE = (("Front page", "/"), ("API documentation", "/tetraflix/docs"), ("Admin", ADMIN))


def page(request: HttpRequest, *, status: int, title: str, detail: str) -> HttpResponse:
    """The page inside the admin for staff in the admin, else one without menu."""
    if not (
        request.path.startswith(ADMIN) and hasattr(request, "user") and admin.site.has_permission(request)
    ):
        return bare_page(status=status, title=title, detail=detail)
    context = admin.site.each_context(request)
    above = context["menu_page"]
    ways_on = [(above["title"], above["link"])] if above else []
    if not above or above["link"] != ADMIN:
        ways_on.append(("Dashboard", ADMIN))
    context |= {"title": title, "detail": detail, "ways_on": ways_on}
    return HttpResponse(render_to_string("admin/error.html", context, request), status=status)


def bare_page(
    *, status: int, title: str, detail: str, ways_on: Sequence[tuple[str, str]] = OF_THE_SITE
) -> HttpResponse:
    """The page that needs no database, no session and no other file."""
    return HttpResponse(
        render_to_string("error.html", {"title": title, "detail": detail, "ways_on": ways_on}), status=status
    )
