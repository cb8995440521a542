"""What every page of the admin keeps to: how rows are named, what a form's ids may be, who is at work."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db import DataError, NotSupportedError, ProgrammingError
from django.db.models import IntegerField, Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.text import Truncator
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from movies.foundation.numbers import whole_number

SELECT_ACROSS = "select_across"  # the form's field: all that the list matches, not only what is ticked
EVERYTHING = "1"  # its one value that means so
NAMED = 20  # rows that a message names
# What a filter of an address comes to when its value fits no column: a bad regular expression, a NUL, year 0.
UNFIT = (DataError, NotSupportedError, ProgrammingError, OverflowError, TypeError, ValueError)


def actor_of(request: HttpRequest) -> str:
    """`staff:<username>`, as change records have it."""
    return f"staff:{request.user.get_username()}"


def everything_is_meant(request: HttpRequest) -> bool:
    """Whether an action is about all that the list matches. Only the form's explicit 1 says so."""
    return request.POST.get(SELECT_ACROSS) == EVERYTHING


class CheckedChangeList(ChangeList):
    """A list whose address holds a value that the database cannot compare leads back to the whole list."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
            len(self.result_list)  # asks the database now, not in the template
        except UNFIT as error:
            raise IncorrectLookupParameters(error) from error


class StaffAdmin(ModelAdmin):
    """The base of every ModelAdmin here. An id that cannot be read changes nothing, and is nobody's."""

    # Facets count the rows of each value of each filter in one statement: minutes, for 300,000 movies.
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CheckedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A bad address leads to `?e=1`, the whole list; behind another bad one Django would blame the database."""
        if ERROR_FLAG in request.GET and len(request.GET) > 1:
            query = request.GET.copy()
            del query[ERROR_FLAG]
            request.GET = query  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """The row of this id; None for an id that is no number of ours (int() would take `+5` and `1_0`)."""
        field = self.opts.get_field(from_field) if from_field else self.opts.pk
        if isinstance(field, IntegerField) and whole_number(object_id) is None:
            return None
        return super().get_object(request, object_id, from_field or None)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if "\0" in search_term:  # no text in PostgreSQL has one
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponseBase | None:
        """An action is about rows that exist, or about everything if the form says so; else nothing is done."""
        data = request.POST.copy()
        if everything_is_meant(request):
            ids = data.getlist(ACTION_CHECKBOX_NAME)
        else:
            data[SELECT_ACROSS] = "0"  # Django takes anything but 0 and "false" for a yes
            ids = self._existing(request, queryset)
            if not ids:
                return None
        data.setlist(ACTION_CHECKBOX_NAME, ids)
        request.POST = data  # type: ignore[assignment]
        return super().response_action(request, queryset)

    def _existing(self, request: HttpRequest, queryset: QuerySet) -> list[str]:
        """The ticked rows that are there, each once. Says why when there are none, or fewer than were ticked."""
        numbers: list[int] = []
        for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
            number = whole_number(text)
            if number is None:
                shown = Truncator(text).chars(40)
                messages.error(request, f"Nothing was changed: “{shown}” is not an id. Tick the rows again.")
                return []
            numbers.append(number)
        there = set(queryset.filter(pk__in=numbers).values_list("pk", flat=True))
        gone = [str(number) for number in dict.fromkeys(numbers) if number not in there]
        if gone:
            named = f"{', '.join(gone[:NAMED])}{' and more' if len(gone) > NAMED else ''}"
            nothing = "" if there else "Nothing was changed. "
            messages.warning(request, f"{nothing}There is no {self.opts.verbose_name} with the id {named}.")
        return [str(number) for number in dict.fromkeys(numbers) if number in there]


class ReadOnlyAdmin(StaffAdmin):
    """Nobody adds, changes or deletes these by a form; what a page lets people do, it does through services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
