"""The admin's site: the theme's site, with 404 for URLs on which it would fail."""

from typing import Any

from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from movies.foundation.numbers import whole_number


class Site(UnfoldAdminSite):
    """UnfoldAdminSite without its errors for unusual URLs."""

    def get_urls(self) -> list[Any]:
        """Without `r/<type>/<id>/`: no model has a page on the site, and an id that is no UUID raises there."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The theme's search, with 404 for a page of results that does not exist."""
        if whole_number(request.GET.get("page", "1")) is None:
            raise Http404
        try:
            return super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404 from error
