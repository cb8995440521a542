"""Pages of bulk jobs: how far one is, what an import would do, what came of it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from movies.admin import import_export
from movies.admin.bars import genre_bar
from movies.admin.staff import ReadOnlyAdmin, actor_of
from movies.bulk import imports, jobs
from movies.inventory.history import differences
from movies.models import Job, MovieChange

LISTED = 50


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Read only, but for confirming and dropping an import."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        self._check_view(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Bulk work",
            "jobs": [
                {"job": job, "movies": _movies(job)} for job in Job.objects.order_by("-created")[:LISTED]
            ],
            "days": jobs.KEPT.days,
        }
        return TemplateResponse(request, "admin/movies/job/list.html", context)

    def job_view(self, request: HttpRequest, job_id: uuid.UUID) -> TemplateResponse:
        """How far it is; job.js asks `progress_view` until it is done, then loads this page anew."""
        self._check_view(request)
        job = _job(job_id)
        ready = job.state == Job.State.READY
        context = {
            **self.admin_site.each_context(request),
            "title": f"{job.get_kind_display()}",
            "job": job,
            "what": _what(job),
            "numbers": _numbers(job),
            "under_way": job.state in jobs.UNDER_WAY,
            "rows": [_shown(row) for row in imports.preview(job.pk)] if ready else [],
            "may_import": request.user.has_perm("movies.import_movies"),
            "batch": job.result.get("batch", job.pk) if job.state == Job.State.DONE else None,
        }
        if context["batch"] and not MovieChange.objects.filter(batch=context["batch"]).exists():
            context["batch"] = None
        return TemplateResponse(request, "admin/movies/job/page.html", context)

    def progress_view(self, request: HttpRequest, job_id: uuid.UUID) -> JsonResponse:
        """The figures of a job under way."""
        self._check_view(request)
        job = _job(job_id)
        return JsonResponse(
            {
                "state": job.state,
                "done": job.done,
                "total": job.total,
                "under_way": job.state in jobs.UNDER_WAY,
            }
        )

    def decide_view(self, request: HttpRequest, job_id: uuid.UUID, decision: str) -> HttpResponse:
        """Confirms or drops an import that was checked."""
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
        raise Http404("There is no such job (any more).")
    return job


def _numbers(job: Job) -> dict[str, str]:
    """The figures of what came of it, as people write them."""
    return {name: f"{number:,}" for name, number in job.result.items() if isinstance(number, int)}


def _movies(job: Job) -> str:
    """How many movies it was about."""
    numbers = _numbers(job)
    if "movies" in numbers or "rows" in numbers:
        return numbers.get("movies") or numbers["rows"]
    return f"{sum(job.result[name] for name in ('new', 'changed', 'unchanged') if name in job.result) or ''}"


def _what(job: Job) -> str:
    """What was asked for, in a line."""
    request = job.request
    if job.kind == "import":
        return f"the file {request['file']}"
    if job.kind == "export":
        return f"{_selected(request.get('selection') or {})}, as {request['format']}"
    if job.kind == "revert":
        return f"batch {request['batch']}"
    if "ids" in request:
        return f"{len(request['ids']):,} chosen movies"
    return _selected(request["selection"])


def _selected(selection: dict[str, Any]) -> str:
    """A selection in words."""
    parts = [
        f"found by “{selection['q']}”" if selection.get("q") else "",
        f"with something of {selection['genre']}" if selection.get("genre") else "",
        {None: "", True: "that are hidden", False: "that are visible"}[selection.get("hidden")],
    ]
    return f"all movies {' '.join(part for part in parts if part)}".strip()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A staged row as the preview shows it."""
    new = {"title": row["title"], "profile": row["profile"], "hidden": row["hidden"]}
    old = {"title": row["old_title"], "profile": row["old_profile"], "hidden": row["old_hidden"]}
    if new["hidden"] is None:
        new["hidden"] = bool(old["hidden"])
    exists = old["title"] is not None
    found = differences(old, new) if exists else []
    kind = "new" if not exists else "changed" if found else "unchanged"
    return row | {"kind": kind, "bar": genre_bar(row["profile"]), "differences": found}
