"""The list of movies at scale: keyset pages, counts that do not scan, filters over indexes."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from unfold.views import ChangeList

from movies.foundation import strict_json
from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.genres import GENRE_POSITION
from movies.models import Movie
from movies.search import selections
from movies.search.keyset_pagination import END, ORDERS, Place
from movies.search.selections import Number, Selection

PLACE = "at"  # the parameter that says where the page begins
LAST = "end"
STATES = {"visible": False, "hidden": True}
FILTERS = frozenset((SEARCH_VAR, "genre", "state"))  # the parameters that say which movies


def selection_of(query: Mapping[str, Any]) -> Selection:
    """Which movies an address is about. Raises IncorrectLookupParameters for a filter that there is not."""
    words, genre, state = query.get(SEARCH_VAR, ""), query.get("genre"), query.get("state")
    if "\0" in words or genre not in {None, *GENRE_POSITION} or state not in {None, *STATES}:
        raise IncorrectLookupParameters
    return Selection(q=words, genre=genre, hidden=STATES[state] if state else None)


class MovieChangeList(ChangeList):
    """A page of `selection`; `previous`, `following` and `last` are the addresses of the others, or None."""

    selection: Selection
    previous: str | None
    following: str | None
    last: str | None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Movie]:
        """All movies: bulk actions narrow it down to what was ticked, or take the selection instead."""
        self._token = self.params.pop(PLACE, "")
        self.filter_params.pop(PLACE, None)
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
            place=self._place(ordering or "id"),
            limit=self.list_per_page,
        )
        movies = Movie.objects.select_related("viewcount").in_bulk(page.ids)
        self.result_list = [movies[movie_id] for movie_id in page.ids if movie_id in movies]
        self.result_count: Number = page.number
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all, self.multi_page = False, bool(page.previous or page.following)
        self.paginator = self.model_admin.get_paginator(request, self.result_list, self.list_per_page)
        self.previous = self._address(page.previous)
        self.following = self._address(page.following)
        self.last = self.get_query_string({PLACE: LAST}) if page.following else None

    @property
    def first(self) -> str | None:
        return self.get_query_string() if self.previous else None

    @property
    def filters(self) -> str:
        """The part of the address that says which movies; empty when the list is of all."""
        given = {name: self.params[name] for name in sorted(FILTERS) if self.params.get(name)}
        return f"?{urlencode(given)}" if given else ""

    def _ordering(self) -> str | None:
        """As movies.search.keyset_pagination names it; None for the order of the id, or of the best match."""
        first = self.params.get(ORDER_VAR, "").split(".")[0]
        sign, column = ("-", first[1:]) if first.startswith("-") else ("", first)
        number = whole_number(column, least=0, most=len(self.list_display) - 1)
        name = None if number is None else self.get_ordering_field(self.list_display[number])
        return f"{sign}{name}" if name in ORDERS else None

    def _place(self, ordering: str) -> Place | None:
        """Where the page begins. Raises IncorrectLookupParameters for a mark that no page of ours gave out."""
        if not self._token:
            return None
        if self._token == LAST:
            return END
        try:
            mark = strict_json.loads(base64.urlsafe_b64decode(self._token.encode()))
        except ValueError as error:
            raise IncorrectLookupParameters from error
        if not isinstance(mark, list) or len(mark) != 3:
            raise IncorrectLookupParameters
        value, movie_id, backward = mark
        kind: type = type(None) if self.selection.q else ORDERS[ordering.removeprefix("-")].kind
        if type(value) is not kind or not _is_of_the_database(value):
            raise IncorrectLookupParameters
        if type(movie_id) is not int or type(backward) is not bool or not 0 <= movie_id <= MAX_BIGINT:
            raise IncorrectLookupParameters
        return Place(value, movie_id, backward)

    def _address(self, place: Place | None) -> str | None:
        if place is None:
            return None
        token = json.dumps([place.value, place.movie_id, place.backward]).encode()
        return self.get_query_string({PLACE: base64.urlsafe_b64encode(token).decode()})


def _is_of_the_database(value: Any) -> bool:
    """Whether a column could have this value: no text there has a NUL or half of a surrogate pair."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or 0 <= value <= MAX_BIGINT
