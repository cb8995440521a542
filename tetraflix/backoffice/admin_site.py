"""The admin's site: the theme's site, with one name a page, and 404 for URLs on which it would fail."""

from typing import Any

from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from movies.foundation.numbers import whole_number


class Site(UnfoldAdminSite):
    """UnfoldAdminSite with `menu_page` for the breadcrumb, and without its errors for unusual URLs."""

    def get_urls(self) -> list[Any]:
        """Without `r/<type>/<id>/`: no model has a page on the site, and an id that is no UUID raises there."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

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

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The theme's search, with 404 for a page of results that does not exist."""
        if whole_number(request.GET.get("page", "1")) is None:
            raise Http404
        try:
            return super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404 from error

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
