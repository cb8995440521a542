"""The admin's list of movies, fast at any size: keyset pagination, bounded counts, indexed filters."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from unfold.views import ChangeList

from movies.foundation.numbers import whole_number
from movies.genres import GENRE_POSITION
from movies.models import Movie
from movies.search import selections
from movies.search.cursors import LAST_PAGE, BadCursor, Cursor, Offset
from movies.search.keyset_pagination import ORDERS, key_type
from movies.search.selections import ApproximateCount, Selection

CURSOR = "at"  # the parameter that holds the cursor of the page
LAST = "end"  # its value for the last page
STATES = {"visible": False, "hidden": True}
FILTERS = frozenset((SEARCH_VAR, "genre", "state"))  # the parameters that select movies


def selection_of(query: Mapping[str, Any]) -> Selection:
    """The selection of an address. Raises IncorrectLookupParameters for an invalid filter."""
    words, genre, state = query.get(SEARCH_VAR, ""), query.get("genre"), query.get("state")
    if "\0" in words or genre not in {None, *GENRE_POSITION} or state not in {None, *STATES}:
        raise IncorrectLookupParameters
    return Selection(q=words, genre=genre, hidden=STATES[state] if state else None)


class MovieChangeList(ChangeList):
    """A page of `selection`; `previous`, `following` and `last` are addresses of other pages, or None."""

    selection: Selection
    previous: str | None
    following: str | None
    last: str | None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Movie]:
        """All movies; bulk actions narrow this to the ticked ones, or use the selection instead."""
        self._cursor = self.params.pop(CURSOR, "")
        self.filter_params.pop(CURSOR, None)
        found = self.get_filters(request)
        self.filter_specs, self.has_filters, _, _, self.has_active_filters = found
        self.selection = selection_of(request.GET)
        self.clear_all_filters_qs = self.get_query_string(remove=["genre", "state"])
        return self.root_queryset

    def get_results(self, request: HttpRequest) -> None:
        ordering = self._ordering()
        page = selections.browse(
            self.selection,
            ordering=ordering,
            cursor=self._decoded_cursor(ordering or "id"),
            limit=self.list_per_page,
        )
        movies = Movie.objects.select_related("viewcount").in_bulk(page.ids)
        self.result_list = [movies[movie_id] for movie_id in page.ids if movie_id in movies]
        self.result_count: ApproximateCount = page.count
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all, self.multi_page = False, bool(page.previous or page.following)
        self.paginator = self.model_admin.get_paginator(request, self.result_list, self.list_per_page)
        self.previous = self._address(page.previous)
        self.following = self._address(page.following)
        self.last = self.get_query_string({CURSOR: LAST}) if page.following else None

    @property
    def first(self) -> str | None:
        return self.get_query_string() if self.previous else None

    @property
    def filters(self) -> str:
        """The filters of the address as a query string; empty for the list of all movies."""
        given = {name: self.params[name] for name in sorted(FILTERS) if self.params.get(name)}
        return f"?{urlencode(given)}" if given else ""

    def _ordering(self) -> str | None:
        """A key of keyset_pagination.ORDERS, with its sign; None for the default, by id or best match first."""
        first = self.params.get(ORDER_VAR, "").split(".")[0]
        sign, column = ("-", first[1:]) if first.startswith("-") else ("", first)
        number = whole_number(column, least=0, most=len(self.list_display) - 1)
        name = None if number is None else self.get_ordering_field(self.list_display[number])
        return f"{sign}{name}" if name in ORDERS else None

    def _decoded_cursor(self, ordering: str) -> Cursor | Offset | None:
        """Where the page begins. Raises IncorrectLookupParameters."""
        if not self._cursor:
            return None
        if self._cursor == LAST:
            return LAST_PAGE
        try:
            if self.selection.q:
                return Offset.decode(self._cursor)
            return Cursor.decode(self._cursor, key_type(ordering))
        except BadCursor as error:
            raise IncorrectLookupParameters from error

    def _address(self, cursor: Cursor | Offset | None) -> str | None:
        return None if cursor is None else self.get_query_string({CURSOR: cursor.encode()})
