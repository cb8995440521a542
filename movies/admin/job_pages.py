"""Pages of bulk jobs: progress, the preview of an import, and the result."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from movies.admin import import_export
from movies.admin.reverting import may_revert
from movies.bulk import imports, jobs
from movies.bulk.job_handlers import HANDLERS, describe, describe_skipped, state_in_words
from movies.foundation.numbers import whole_number
from movies.inventory import history_entries
from movies.inventory.history import differences
from movies.models import Job
from movies.staff_pages.bars import genre_bar
from movies.staff_pages.staff_admin import ReadOnlyAdmin, actor_of

MAX_LISTED = 50


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Read only, except that imports are confirmed and dropped here."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        self._check_view(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Bulk jobs",
            "jobs": [
                {"job": job, "movies": _movies(job), "what": describe(job), "state": state_in_words(job)}
                for job in Job.objects.order_by("-created")[:MAX_LISTED]
            ],
            "days": jobs.KEPT.days,
        }
        return TemplateResponse(request, "admin/movies/job/list.html", context)

    def job_view(self, request: HttpRequest, job_id: uuid.UUID) -> TemplateResponse:
        """The job's progress; job.js polls `progress_view` until the job is done, then reloads this page."""
        self._check_view(request)
        job = _job(job_id)
        batch = uuid.UUID(str(job.result.get("batch", job.pk)))
        entry = history_entries.of_batch(batch) if job.state == Job.State.DONE else None
        reverted = history_entries.reverting(batch) if entry else None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{job.get_kind_display()}",
            "job": job,
            "description": describe(job),
            "state": state_in_words(job),
            "whole": HANDLERS[job.kind].changes_inventory,
            "numbers": _numbers(job),
            "outcome": _outcome(job) if job.state == Job.State.DONE else "",
            "skipped": describe_skipped(job.result),
            "under_way": job.state in jobs.UNDER_WAY,
            "may_import": request.user.has_perm("movies.import_movies"),
            "entry": entry,
            "reverted": reverted,
            "may_revert": entry and not reverted and may_revert(request, deletes=bool(entry.added)),
            **_preview(request, job),
        }
        return TemplateResponse(request, "admin/movies/job/page.html", context)

    def progress_view(self, request: HttpRequest, job_id: uuid.UUID) -> JsonResponse:
        """The progress of a running job, as JSON."""
        self._check_view(request)
        job = _job(job_id)
        return JsonResponse(
            {
                "state": state_in_words(job),
                "done": job.done,
                "total": job.total,
                "under_way": job.state in jobs.UNDER_WAY,
                "unit": "bytes" if job.state == Job.State.CHECKING else "movies",
            }
        )

    def decide_view(self, request: HttpRequest, job_id: uuid.UUID, decision: str) -> HttpResponse:
        """Confirms or drops a checked import."""
        if decision not in ("confirm", "drop"):
            raise Http404("An import is confirmed or dropped.")
        if request.method != "POST" or not request.user.has_perm("movies.import_movies"):
            raise PermissionDenied
        try:
            if decision == "confirm":
                jobs.confirm(job_id=job_id, actor=actor_of(request))
            else:
                jobs.drop(job_id=job_id)
        except jobs.NotReady as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job_id]))

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        return [
            path("", view(self.changelist_view), name="movies_job_changelist"),
            path("<uuid:job_id>/", view(self.job_view), name="movies_job_change"),
            path("<uuid:job_id>/progress.json", view(self.progress_view), name="movies_job_progress"),
            path("<uuid:job_id>/download", view(import_export.download), name="movies_job_download"),
            path("<uuid:job_id>/<str:decision>/", view(self.decide_view), name="movies_job_decide"),
        ]

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _job(job_id: uuid.UUID) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise Http404("This job does not exist, or was deleted.")
    return job


def _preview(request: HttpRequest, job: Job) -> dict[str, Any]:
    """A page of the rows of a checked import, all or of one kind."""
    if job.state != Job.State.READY:
        return {}
    kind = request.GET.get("kind", "")
    kind = kind if kind in imports.KINDS else ""
    rows = imports.preview(job.pk, kind=kind, after=whole_number(request.GET.get("after")) or 0)
    more = len(rows) == imports.PREVIEW_ROWS
    return {
        "kinds": [(name, f"{job.result[name]:,}") for name in imports.KINDS],
        "kind": kind,
        "rows": [_compared(row) for row in rows],
        "next": f"?kind={kind}&after={rows[-1]['line']}" if more else None,
    }


def _numbers(job: Job) -> dict[str, str]:
    """The counts of the job's result, with thousands separators."""
    return {name: f"{number:,}" for name, number in job.result.items() if isinstance(number, int)}


def _movies(job: Job) -> str:
    """How many movies the job concerned; empty before it is known."""
    numbers = _numbers(job)
    if "movies" in numbers or "rows" in numbers:
        return numbers.get("movies") or numbers["rows"]
    return f"{sum(job.result[name] for name in ('new', 'changed', 'unchanged') if name in job.result) or ''}"


def _outcome(job: Job) -> SafeString:
    """The job's result in a sentence, with its numbers in bold."""
    numbers = _numbers(job)
    if "bytes" in numbers:
        numbers["bytes"] = filesizeformat(job.result["bytes"])
    bold = {name: format_html("<b>{}</b>", number) for name, number in numbers.items()}
    return format_html(HANDLERS[job.kind].outcome, **bold)


def _compared(row: dict[str, Any]) -> dict[str, Any]:
    """A staged row compared with the inventory, for the preview."""
    new = {"title": row["title"], "profile": row["profile"], "hidden": row["hidden"]}
    old = {"title": row["old_title"], "profile": row["old_profile"], "hidden": row["old_hidden"]}
    if new["hidden"] is None:
        new["hidden"] = bool(old["hidden"])
    exists = old["title"] is not None
    found = differences(old, new) if exists else []
    return row | {
        "kind": "new" if not exists else "changed" if found else "unchanged",
        "bar": genre_bar(row["profile"]),
        "old_bar": genre_bar(row["old_profile"]) if exists and old["profile"] != new["profile"] else "",
        "differences": [difference for difference in found if difference.field in ("title", "hidden")],
    }
