"""The admin's list of movies, fast at any size: keyset pagination, bounded counts, indexed filters, light rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from movies.foundation.numbers import whole_number
from movies.foundation.times import ago, written
from movies.genres import GENRE_POSITION, GENRES, label
from movies.models import Movie
from movies.search import selections
from movies.search.cursors import LAST_PAGE, BadCursor, Cursor, Offset
from movies.search.keyset_pagination import key_type
from movies.search.selections import ApproximateCount, Selection, views_in_words
from movies.staff_pages.bars import genre_bar
from movies.viewing.view_counting import views_of

CURSOR = "at"  # the parameter that holds the cursor of the page
LAST = "end"  # its value for the last page
STATES = {"visible": False, "hidden": True}
GENRE, STATE, VIEWS_FROM, VIEWS_TO, CHANGED = "genre", "state", "views_from", "views_to", "changed"
FILTERS = frozenset((SEARCH_VAR, GENRE, STATE, VIEWS_FROM, VIEWS_TO, CHANGED))  # what selects movies
TIME_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d")  # of CHANGED, in UTC; the first is what a browser sends
# The columns and the orders of keyset_pagination that they sort by; ORDER_VAR counts them from 1.
COLUMNS = (
    ("Id", "id"),
    ("Title", "title"),
    ("Genres", None),
    ("Views", "popularity"),
    ("Popularity", None),
    ("State", None),
    ("Changed", "updated"),
)
MOST_FIRST = frozenset(("popularity", "updated"))  # orders that a first click sorts downwards


class Row(NamedTuple):
    """A movie as the list shows it."""

    id: int
    title: str
    genres: SafeString
    views: str
    popularity: str
    hidden: bool
    changed: SafeString | str


class Heading(NamedTuple):
    """The head of a column; `address` sorts by it, `sorted` is ascending, descending or empty."""

    name: str
    address: str | None
    sorted: str


class Chip(NamedTuple):
    """A filter in words, and the address of the list without it."""

    words: str
    without: str


def selection_of(query: Mapping[str, Any]) -> Selection:
    """The selection of an address. Raises IncorrectLookupParameters for an invalid filter."""
    words, genre, state = query.get(SEARCH_VAR, ""), query.get(GENRE), query.get(STATE)
    if "\0" in words or genre not in {None, *GENRE_POSITION} or state not in {None, *STATES}:
        raise IncorrectLookupParameters
    return Selection(
        q=words,
        genre=genre,
        hidden=STATES[state] if state else None,
        views_from=_number(query.get(VIEWS_FROM)),
        views_to=_number(query.get(VIEWS_TO)),
        changed_since=_time(query.get(CHANGED)),
    )


def without_empty_filters(query: QueryDict) -> str | None:
    """The address without the empty fields that a form sends; None if it has none."""
    left = query.copy()
    for name in FILTERS:
        if name in left and not left[name]:
            del left[name]
    return None if len(left) == len(query) else f"?{left.urlencode()}"


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
        if not FILTERS.issuperset(self.get_filters_params()):
            raise IncorrectLookupParameters
        self.selection = selection_of(self.params)
        self.has_filters = self.has_active_filters = False  # of Django's filters
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

    def rows(self) -> list[Row]:
        return [_row(movie) for movie in self.result_list]

    def headings(self) -> list[Heading]:
        ordering = self._ordering() or ("" if self.selection.q else "id")
        current, down = ordering.removeprefix("-"), ordering.startswith("-")
        found = []
        for number, (name, order) in enumerate(COLUMNS, 1):
            is_current = order is not None and order == current
            turned = not down if is_current else order in MOST_FIRST
            address = self.get_query_string({ORDER_VAR: f"{'-' if turned else ''}{number}"})
            direction = ("descending" if down else "ascending") if is_current else ""
            found.append(Heading(name, address if order else None, direction))
        return found

    def chips(self) -> list[Chip]:
        """The active filters."""
        chosen = self.selection
        words = {
            SEARCH_VAR: f"“{chosen.q}”" if chosen.q else "",
            GENRE: label(chosen.genre) if chosen.genre else "",
            STATE: self.params.get(STATE, "").capitalize(),
            "views": views_in_words(chosen.views_from, chosen.views_to).capitalize(),
            CHANGED: f"Changed since {written(chosen.changed_since)}" if chosen.changed_since else "",
        }
        return [Chip(text, self.get_query_string(remove=[name])) for name, text in words.items() if text]

    @property
    def without_filters(self) -> str:
        return self.get_query_string(remove=[*FILTERS])

    @property
    def changed(self) -> str:
        """The value of the field that asks for the time of the last change."""
        since = self.selection.changed_since
        return f"{since:{TIME_FORMATS[0]}}" if since else ""

    def genre_options(self) -> list[tuple[str, str]]:
        return [(genre, label(genre)) for genre in GENRES]

    def state_options(self) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in STATES]

    def _ordering(self) -> str | None:
        """A key of keyset_pagination.ORDERS, with its sign; None for the default, by id or best match first."""
        first = self.params.get(ORDER_VAR, "").split(".")[0]
        sign, column = ("-", first[1:]) if first.startswith("-") else ("", first)
        number = whole_number(column, most=len(COLUMNS))
        order = None if number is None else COLUMNS[number - 1][1]
        return None if order is None else f"{sign}{order}"

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


def _number(text: str | None) -> int | None:
    number = whole_number(text, least=0)
    if text is not None and number is None:
        raise IncorrectLookupParameters
    return number


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    for form in TIME_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise IncorrectLookupParameters


def _row(movie: Movie) -> Row:
    views = views_of(movie)
    weight, genre = max(zip(movie.profile, GENRES, strict=True), key=lambda share: share[0])
    return Row(
        movie.pk,
        movie.title,
        genre_bar(movie.profile),
        f"{views:,}",
        f"{views * weight:,} in {label(genre)}",
        movie.hidden,
        ago(movie.updated),
    )
