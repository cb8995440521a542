"""Pages of change records: the history of the inventory, and one batch, which can be reverted as a whole."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from movies.admin.staff import ReadOnlyAdmin, actor_of
from movies.bulk import jobs
from movies.bulk.job_handlers import describe_skipped
from movies.foundation.numbers import whole_number
from movies.inventory import history
from movies.models import Job, MovieChange


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
        before = whole_number(request.GET.get("before"))
        records = history.latest(before=before)
        context = {
            **self.admin_site.each_context(request),
            "title": "History",
            "records": records,
            "all_movies": True,
            "older": f"?before={records[-1].change.pk}" if len(records) == history.PAGE_SIZE else None,
        }
        return TemplateResponse(request, "admin/movies/moviechange/history.html", context)

    def batch_view(self, request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
        """GET shows the batch, POST reverts it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        batch = history.batch_of(batch_id)
        if batch is None:
            raise Http404(f"There are no records of batch {batch_id}.")
        may_revert = request.user.has_perms(
            ["movies.revert_batch", *(["movies.delete_movie"] if batch.adds else [])]
        )
        if request.method == "POST":
            if not may_revert:
                raise PermissionDenied
            return _revert(request, batch)
        records = history.of_batch(batch_id, after=whole_number(request.GET.get("after")) or 0)
        context = {
            **self.admin_site.each_context(request),
            "title": "Bulk change",
            "batch": batch,
            "job": Job.objects.filter(pk=batch_id).first(),
            "records": records,
            "all_movies": True,
            "may_revert": may_revert,
            "newer": f"?after={records[-1].change.pk}" if len(records) == history.PAGE_SIZE else None,
        }
        return TemplateResponse(request, "admin/movies/moviechange/batch.html", context)

    def get_urls(self) -> list[URLPattern]:
        batch = self.admin_site.admin_view(self.batch_view)
        return [
            path("batch/<uuid:batch_id>/", batch, name="movies_moviechange_batch"),
            path("", self.admin_site.admin_view(self.changelist_view), name="movies_moviechange_changelist"),
        ]


def _revert(request: HttpRequest, batch: history.Batch) -> HttpResponse:
    job = jobs.start_revert(batch=batch.id, actor=actor_of(request))
    if job.state != Job.State.DONE:
        return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))
    result = job.result
    link = reverse("admin:movies_moviechange_batch", args=[result["batch"]])
    if result["movies"]:
        sentence = '{} movies are as they were before. <a href="{}">View or undo</a>'
        messages.success(request, format_html(sentence, f"{result['movies']:,}", link))
    if skipped := describe_skipped(result):
        messages.warning(request, skipped)
    return HttpResponseRedirect(request.path)
