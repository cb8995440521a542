"""The list of movies at scale: keyset pages, counts that do not scan, filters over indexes."""

import base64
import json
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from movies import browsing
from movies.browsing import Number, Selection
from movies.genres import GENRE_POSITION
from movies.models import Movie
from movies.pages import END, ORDERS, Place

PLACE = "at"  # the parameter that says where the page begins
LAST = "end"
STATES = {"visible": False, "hidden": True}


class MovieChangeList(ChangeList):
    """A page of `selection`; `previous`, `following` and `last` are the addresses of the others, or None."""

    selection: Selection
    previous: str | None
    following: str | None
    last: str | None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Movie]:
        """All movies: bulk actions narrow it down to what was ticked, or take `selection` instead."""
        self._token = self.params.pop(PLACE, "")
        self.filter_params.pop(PLACE, None)
        found = self.get_filters(request)
        self.filter_specs, self.has_filters, _, _, self.has_active_filters = found
        genre, state = self.params.get("genre"), self.params.get("state")
        if genre not in {None, *GENRE_POSITION} or state not in {None, *STATES}:
            raise IncorrectLookupParameters
        self.selection = Selection(
            q=self.query.replace("\0", ""), genre=genre, hidden=STATES[state] if state else None
        )
        self.clear_all_filters_qs = self.get_query_string(remove=["genre", "state"])
        return self.root_queryset

    def get_results(self, request: HttpRequest) -> None:
        ordering = self._ordering()
        page = browsing.browse(
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

    def _ordering(self) -> str | None:
        """As movies.pages names it; None for the order of the id, or of the best match."""
        first = self.params.get(ORDER_VAR, "").split(".")[0]
        sign, number = first[:1] if first.startswith("-") else "", first.lstrip("-")
        if not number.isdigit() or int(number) >= len(self.list_display):
            return None
        name = self.get_ordering_field(self.list_display[int(number)])
        return f"{sign}{name}" if name in ORDERS else None

    def _place(self, ordering: str) -> Place | None:
        if not self._token:
            return None
        if self._token == LAST:
            return END
        try:
            value, movie_id, backward = json.loads(base64.urlsafe_b64decode(self._token.encode()))
        except ValueError as error:
            raise IncorrectLookupParameters from error
        kind = ORDERS[ordering.removeprefix("-")].kind
        if not self.selection.q and type(value) is not kind:
            raise IncorrectLookupParameters
        if type(movie_id) is not int or type(backward) is not bool or not 0 <= movie_id < 2**63:
            raise IncorrectLookupParameters
        return Place(value, movie_id, backward)

    def _address(self, place: Place | None) -> str | None:
        if place is None:
            return None
        token = json.dumps([place.value, place.movie_id, place.backward]).encode()
        return self.get_query_string({PLACE: base64.urlsafe_b64encode(token).decode()})
