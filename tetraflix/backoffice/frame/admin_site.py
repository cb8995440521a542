"""The admin's site: the theme's site, with one name a page, and without pages of the theme that fail."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite


class Site(UnfoldAdminSite):
    """UnfoldAdminSite with `menu_page` for the breadcrumb, and without pages that fail or that nothing links to."""

    def get_urls(self) -> list[Any]:
        """Without `r/<type>/<id>/`, where an id that is no UUID raises, and without the theme's search, which reads
        whole tables; command_palette.py searches."""
        unwanted = {"view_on_site", "search"}
        return [url for url in super().get_urls() if getattr(url, "name", None) not in unwanted]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With `menu_page`, the item of the menu that a page belongs to: each page is named after it."""
        context = super().each_context(request)
        context["menu_page"] = self._mark_active(request, context["sidebar_navigation"])
        return context

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The dashboard instead of the list of an app's models, because the menu lists all pages."""
        return HttpResponseRedirect(reverse("admin:index"))

    def _mark_active(self, request: HttpRequest, navigation: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The permitted item with the longest link (or `also`) that starts the address; only it is active."""
        items = [item for group in navigation for item in group["items"]]
        for item in items:
            item["active"] = False
        starts = [
            (len(str(link)), item)
            for item in items
            if item["has_permission"]
            for link in (item["link"], *item.get("also", ()))
            if request.path.startswith(str(link))
        ]
        if not starts:
            return None
        _, found = max(starts, key=lambda start: start[0])
        found["active"] = True
        return found
