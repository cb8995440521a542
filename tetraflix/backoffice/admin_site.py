"""The admin's site: the theme's, without what odd addresses break in it."""

from typing import Any

from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from movies.foundation.numbers import whole_number


class Site(UnfoldAdminSite):
    """See UnfoldAdminSite."""

    def get_urls(self) -> list[Any]:
        """Without `r/<type>/<id>/`: none of our rows has a page of its own, and an id that is no UUID breaks it."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The theme's search of pages; a page of results that there is not is not found."""
        if whole_number(request.GET.get("page", "1")) is None:
            raise Http404
        try:
            return super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404 from error
