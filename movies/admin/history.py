"""Pages of the history: of the inventory a batch in a line, of one batch, and of one movie."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from movies.admin.reverting import may_revert, revert_batch, revert_change
from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.inventory import history, history_entries
from movies.inventory.history import Record
from movies.inventory.history_entries import VERBS, Filters
from movies.models import HistoryEntry, Job, Movie, MovieChange
from movies.search.cursors import BadCursor, Cursor
from movies.staff_pages.staff_admin import ReadOnlyAdmin

DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class FilterForm(forms.Form):
    """The filters of the history, in its address."""

    actor = forms.CharField(required=False, max_length=200)
    kind = forms.ChoiceField(required=False, choices=[("", ""), *((kind, kind) for kind in VERBS)])
    movie = forms.IntegerField(required=False, min_value=1, max_value=MAX_BIGINT)
    since = forms.DateField(required=False, validators=DAYS)
    until = forms.DateField(required=False, validators=DAYS)

    def filters(self) -> Filters:
        """What the person asked for, without the invalid fields."""
        self.full_clean()
        given = self.cleaned_data
        return Filters(
            actor=given.get("actor") or "",
            kind=given.get("kind") or "",
            movie_id=given.get("movie"),
            since=given.get("since"),
            until=given.get("until"),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history as the page shows it; `record`: the change, if the line is one change."""

    entry: HistoryEntry
    says: str
    record: Record | None
    reverted: HistoryEntry | None
    may_revert: bool


@admin.register(MovieChange)
class ChangeAdmin(ReadOnlyAdmin):
    """Read only, because the database writes these records."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("movies.view_movie")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FilterForm(request.GET)
        filters = form.filters()
        start = _cursor(request.GET.get("at", ""))
        backward = start is not None and start.backward
        found = history_entries.latest(
            filters, start=(start.value, start.movie_id) if start else None, backward=backward
        )
        more = len(found) > history_entries.PAGE_SIZE
        entries = found[1:] if more and backward else found[: history_entries.PAGE_SIZE]
        context = {
            **self.admin_site.each_context(request),
            "title": "History",
            "lines": _lines(request, entries),
            "form": form,
            "filtered": bool(filters),
            "kinds": VERBS,
            "actors": history_entries.actors(),
            "newer": _page(request, entries[:1], backward=True) if (more if backward else start) else None,
            "older": _page(request, entries[-1:], backward=False) if backward or more else None,
        }
        return TemplateResponse(request, "admin/movies/moviechange/list.html", context)

    def batch_view(self, request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
        """GET shows the batch, POST reverts it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        entry = history_entries.of_batch(batch_id)
        if entry is None:
            raise Http404(f"There are no records of batch {batch_id}.")
        if request.method == "POST":
            return revert_batch(request, entry)
        records = history.of_batch(batch_id, after=whole_number(request.GET.get("after")) or 0)
        reverted = history_entries.reverting(batch_id)
        context = {
            **self.admin_site.each_context(request),
            "title": "Batch",
            "crumbs": [],
            "entry": entry,
            "says": history_entries.sentence(entry),
            "job": Job.objects.filter(pk=batch_id).first(),
            "reverted": reverted,
            "may_revert": not reverted and may_revert(request, deletes=bool(entry.added)),
            **_records(request, records),
            "newer": f"?after={records[-1].change.pk}" if len(records) == history.PAGE_SIZE else None,
        }
        return TemplateResponse(request, "admin/movies/moviechange/batch.html", context)

    def revert_view(self, request: HttpRequest, movie: str) -> HttpResponse:
        """Reverts changes of one movie."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if (movie_id := whole_number(movie)) is None:
            raise Http404(f"“{movie}” is not the id of a movie.")
        return revert_change(request, movie_id)

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        return [
            path("batch/<uuid:batch_id>/", view(self.batch_view), name="movies_moviechange_batch"),
            path("movie/<str:movie>/revert/", view(self.revert_view), name="movies_moviechange_revert"),
            path("", view(self.changelist_view), name="movies_moviechange_changelist"),
        ]


def movie_history(request: HttpRequest, movie_id: int) -> TemplateResponse:
    """The changes of one movie, also of a deleted one."""
    before = whole_number(request.GET.get("before"))
    records = history.of_movie(movie_id, before_version=before)
    older = f"?before={records[-1].change.version}" if len(records) == history.PAGE_SIZE else None
    exists = Movie.objects.filter(pk=movie_id).exists()
    context = {
        **admin.site.each_context(request),
        "title": f"History of movie {movie_id}",
        "crumbs": [(f"Movie {movie_id}", reverse("admin:movies_movie_change", args=[movie_id]))]
        if exists
        else [],
        **_records(request, records),
        "of_movie": movie_id,
        "exists": exists,
        "seeded": None if older else history.seeded(movie_id, records[-1] if records else None),
        "older": older,
    }
    return TemplateResponse(request, "admin/movies/moviechange/history.html", context)


def _records(request: HttpRequest, records: list[Record]) -> dict[str, Any]:
    """What records.html needs."""
    return {
        "records": history.with_fates(records),
        "may_undo": may_revert(request, deletes=False),
        "may_undo_additions": may_revert(request, deletes=True),
        "here": request.get_full_path(),
    }


def _lines(request: HttpRequest, entries: list[HistoryEntry]) -> list[Line]:
    """In a fixed number of statements."""
    singles = history.of_ids(entry.pk for entry in entries if entry.movies == 1)
    records = {record.change.pk: record for record in history.with_fates(list(singles.values()))}
    reverted = history_entries.reverting_all([entry.batch for entry in entries if entry.batch])
    lines = []
    for entry in entries:
        by = reverted.get(entry.batch) if entry.batch else None
        record = records.get(entry.pk)
        possible = not by and (record is None or record.is_current)
        lines.append(
            Line(
                entry,
                history_entries.sentence(entry),
                record,
                by,
                possible and may_revert(request, deletes=bool(entry.added)),
            )
        )
    return lines


def _cursor(text: str) -> Cursor | None:
    """Where the page begins; a broken cursor is the first page."""
    try:
        return Cursor.decode(text, datetime)
    except BadCursor:
        return None


def _page(request: HttpRequest, entries: list[HistoryEntry], *, backward: bool) -> str | None:
    if not entries:
        return None
    query = request.GET.copy()
    query["at"] = Cursor(entries[0].at, entries[0].pk, backward).encode()
    return f"?{query.urlencode()}"
