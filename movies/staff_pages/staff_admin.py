"""Base classes of all admin pages: they validate addresses and ticked ids, and name the actor of a change."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db import DataError, NotSupportedError, ProgrammingError
from django.db.models import IntegerField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.text import Truncator, capfirst
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from movies.foundation.numbers import whole_number

SELECT_ACROSS = "select_across"  # the form's field that selects all matches of the list, not only ticked rows
EVERYTHING = "1"  # its only value that does so
MAX_NAMED = 20  # rows that a message names
# Raised for a filter value that fits no column: a bad regular expression, a NUL, year 0.
INVALID_FILTER = (DataError, NotSupportedError, ProgrammingError, OverflowError, TypeError, ValueError)


def actor_of(request: HttpRequest) -> str:
    """`staff:<username>`, as change records store it."""
    return f"staff:{request.user.get_username()}"


def selects_everything(request: HttpRequest) -> bool:
    """Whether an action applies to all matches of the list: only if the form says so with an explicit 1."""
    return request.POST.get(SELECT_ACROSS) == EVERYTHING


class CheckedChangeList(ChangeList):
    """A list that redirects to the unfiltered list when the database cannot compare a filter's value."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
            len(self.result_list)  # queries the database now, not in the template
        except INVALID_FILTER as error:
            raise IncorrectLookupParameters(error) from error


class StaffAdmin(ModelAdmin):
    """The base of every ModelAdmin. An invalid id matches no row and changes nothing."""

    # Facets count the rows of each value of each filter in one statement: minutes, for 300,000 movies.
    show_facets = ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CheckedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Names the list as the menu does, and removes Django's mark of a bad filter (`e=1`), with which it reports
        the next one as a database error."""
        extra_context = {"title": capfirst(self.opts.verbose_name_plural)} | (extra_context or {})
        if ERROR_FLAG in request.GET and len(request.GET) > 1:
            query = request.GET.copy()
            del query[ERROR_FLAG]
            request.GET = query  # type: ignore[assignment]
        return super().changelist_view(request, extra_context)

    def name_of(self, row: Model) -> str:
        """The name of the row's page."""
        return str(row)

    def context_of(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page of the row shows beside its form."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The form, named after its row unless the page has a title of its own."""
        generic = {f"{verb} {self.opts.verbose_name}" for verb in ("Change", "View")}
        if obj is not None:
            if context["title"] in generic:
                context["title"] = self.name_of(obj)
            context |= self.context_of(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """A page that says so, instead of the dashboard with a message."""
        raise Http404(f"There is no {opts.verbose_name} with the id {object_id}.")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """The row with this id; None for an invalid id (int() would accept `+5` and `1_0`)."""
        field = self.opts.get_field(from_field) if from_field else self.opts.pk
        if isinstance(field, IntegerField) and whole_number(object_id) is None:
            return None
        return super().get_object(request, object_id, from_field or None)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if "\0" in search_term:  # PostgreSQL's text cannot hold one
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponseBase | None:
        """Runs an action on ticked rows that exist, or on everything if the form says so; else on nothing."""
        data = request.POST.copy()
        if selects_everything(request):
            ids = data.getlist(ACTION_CHECKBOX_NAME)
        else:
            data[SELECT_ACROSS] = "0"  # Django reads anything but 0 and "false" as a yes
            ids = self._existing(request, queryset)
            if not ids:
                return None
        data.setlist(ACTION_CHECKBOX_NAME, ids)
        request.POST = data  # type: ignore[assignment]
        return super().response_action(request, queryset)

    def _existing(self, request: HttpRequest, queryset: QuerySet) -> list[str]:
        """The ticked ids that exist, each once. A message names invalid and missing ones."""
        numbers: list[int] = []
        for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
            number = whole_number(text)
            if number is None:
                shown = Truncator(text).chars(40)
                messages.error(request, f"Nothing was changed: “{shown}” is not an id. Tick the rows again.")
                return []
            numbers.append(number)
        existing = set(queryset.filter(pk__in=numbers).values_list("pk", flat=True))
        missing = [str(number) for number in dict.fromkeys(numbers) if number not in existing]
        if missing:
            named = f"{', '.join(missing[:MAX_NAMED])}{' and more' if len(missing) > MAX_NAMED else ''}"
            nothing = "" if existing else "Nothing was changed. "
            messages.warning(request, f"{nothing}There is no {self.opts.verbose_name} with the id {named}.")
        return [str(number) for number in dict.fromkeys(numbers) if number in existing]


class ReadOnlyAdmin(StaffAdmin):
    """Rows that no form adds, changes or deletes; pages change them through services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
