"""The admin of movies: their list, form, history and bulk actions."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, F, Func, QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from movies.admin import import_export
from movies.admin.bulk_actions import BulkActions
from movies.admin.forms import MovieForm
from movies.admin.history import movie_history
from movies.admin.listing import MovieChangeList, without_empty_filters
from movies.admin.movie_page import ask_to_delete, facts_of, missing_page
from movies.admin.reverting import may_revert, undo_change_button
from movies.admin.row_acts import set_hidden
from movies.foundation.numbers import whole_number
from movies.inventory import services
from movies.models import Movie, RetiredId
from movies.search import selections
from movies.search.selections import Selection
from movies.staff_pages.bars import legend
from movies.staff_pages.staff_admin import actor_of

MAX_AUTOCOMPLETED = 20  # movies offered


class FewRows(Paginator):
    """Counts rows by reading them, which saves a statement."""

    @cached_property
    def count(self) -> int:
        return len(self.object_list)


@admin.register(Movie)
class MovieAdmin(BulkActions):
    form = MovieForm
    fields = ["title", "profile", "hidden", "seen"]
    list_per_page = 50
    search_fields = ["title"]
    search_help_text = "Title (misspellings are found, too) or id"
    warn_unsaved_form = True
    paginator = FewRows  # of autocompletion; the list has cursors
    show_full_result_count = False

    # -- the list ------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MovieChangeList]:
        return MovieChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        cleaned = without_empty_filters(request.GET)
        if request.method == "GET" and cleaned:
            return HttpResponseRedirect(cleaned)
        context = {
            "title": "Movies",
            "legend": legend(),
            "may_import": _may_import(request),
            "has_change_permission": self.has_change_permission(request),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Movie], search_term: str
    ) -> tuple[QuerySet[Movie], bool]:
        """Autocompletion: only the best matches, in their order, without a count."""
        words = "" if "\0" in search_term else search_term.strip()
        found = selections.matching_ids(Selection(q=words))[:MAX_AUTOCOMPLETED] if words else []
        ids = Value(found, output_field=ArrayField(BigIntegerField()))
        rank = Func(ids, F("pk"), function="array_position")
        return queryset.filter(pk__in=found).order_by(rank), False

    # -- one movie -----------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Movie, form: MovieForm, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in ("title", "profile", "hidden")}
        if change:
            seen = form.cleaned_data["seen"]
            movie = services.change_movie(
                actor=actor_of(request),
                movie_id=obj.pk,
                expected_versions=None if seen is None else {seen},
                **given,
            )
            if movie.version > obj.version and may_revert(request, deletes=False):
                request._undo = undo_change_button(request, obj.pk, movie.version)  # type: ignore[attr-defined]
        else:
            movie = services.add_movie(actor=actor_of(request), **given)
        obj.pk, obj.version, obj.title = movie.pk, movie.version, movie.title

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        movie_id = whole_number(object_id)
        context = {"title": f"Movie {movie_id}" if object_id else "Add movie", **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except services.InventoryBusy as error:
            request._refusal = str(error)  # type: ignore[attr-defined]
            return _busy(super().changeform_view(request, object_id, form_url, context))
        except (services.ChangedMeanwhile, services.NoSuchMovie):
            # The movie changed after the form was validated and before it was locked: now the form says so.
            return super().changeform_view(request, object_id, form_url, context)

    def context_of(self, request: HttpRequest, row: Movie) -> dict[str, Any]:
        """What is known of the movie. A form that is shown again has changed `row` to what was typed."""
        return {"facts": facts_of(row if request.method == "GET" else Movie.objects.get(pk=row.pk))}

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Django redirects to the dashboard; this page says what became of the movie."""
        return missing_page(request, object_id)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.refusal = getattr(request, "_refusal", "")
        return form

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        movie_id = whole_number(object_id)
        movie = Movie.objects.filter(pk=movie_id).first() if movie_id else None
        if movie and request.method == "GET" and self.has_delete_permission(request):
            return ask_to_delete(request, movie)
        try:
            return super().delete_view(request, object_id, extra_context)
        except services.InventoryBusy as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:movies_movie_change", args=[object_id]))

    def delete_model(self, request: HttpRequest, obj: Movie) -> None:
        services.delete_movie(actor=actor_of(request), movie_id=obj.pk)
        deleted_at = RetiredId.objects.get(pk=obj.pk).version
        request._undo = undo_change_button(request, obj.pk, deleted_at)  # type: ignore[attr-defined]

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Django's message of a change, with Undo."""
        undo = getattr(request, "_undo", "")
        super().message_user(
            request, format_html("{} {}", message, undo) if undo else message, *args, **kwargs
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Deletes nothing else: views are kept, and lists drop the movie when they are served."""
        forbidden = set() if self.has_delete_permission(request) else {"movie"}
        return [f"Movie {movie.pk}: {movie}" for movie in objs], {"movies": len(objs)}, forbidden, []

    def _skip_log(self, *args: Any) -> None:
        """Django's log stays empty, because the database keeps the history."""

    log_addition = log_change = log_deletion = log_deletions = _skip_log

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        movie_id = whole_number(object_id)
        if movie_id is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return movie_history(request, movie_id)

    # -- files ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        return [
            path("import/", view(import_export.upload), name="movies_movie_import"),
            path("export/<str:form>", view(import_export.export), name="movies_movie_export"),
            path("<path:object_id>/hide/", view(set_hidden), {"hidden": True}, name="movies_movie_hide"),
            path("<path:object_id>/show/", view(set_hidden), {"hidden": False}, name="movies_movie_show"),
            *super().get_urls(),
        ]


def _busy(response: HttpResponse) -> HttpResponse:
    response.status_code = 503
    response["Retry-After"] = str(services.RETRY_AFTER_SECONDS)
    return response


def _may_import(request: HttpRequest) -> bool:
    return request.user.has_perm("movies.import_movies")
