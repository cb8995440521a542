"""Pages that import and export movies as files, CSV and JSON lines."""

import re
import uuid

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminFileFieldWidget

from movies.admin.listing import FILTERS, selection_of
from movies.bulk import file_format, jobs
from movies.models import Job
from movies.staff_pages.staff_admin import actor_of

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
ENCODING = re.compile(r"\s*(?:x-)?(?P<name>[^\s;]+)\s*(?:;\s*q\s*=\s*(?P<quality>[01](?:\.[0-9]{0,3})?)\s*)?")


class UploadForm(forms.Form):
    """A file of movies."""

    file = forms.FileField(
        label="CSV or JSON lines",
        widget=UnfoldAdminFileFieldWidget(
            attrs={
                "accept": ",".join(f".{extension}" for extension in (*file_format.IMPORT_EXTENSIONS, "gz"))
            }
        ),
    )


def upload(request: HttpRequest) -> HttpResponse:
    """GET asks for a file; POST starts its check and redirects to the preview."""
    if not request.user.has_perm("movies.import_movies"):
        raise PermissionDenied
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = jobs.start_import(actor=actor_of(request), file_name=file.name, chunks=file.chunks())
            return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))
        except file_format.BadFile as error:
            form.add_error("file", str(error))
    context = {
        **admin.site.each_context(request),
        "title": "Import movies",
        "form": form,
        "columns": file_format.COLUMNS,
        "example": file_format.lines_of(
            [(17, "Kahaani", False, [0] * 10 + [40, 0, 0, 60, 0])], "jsonl"
        ).decode(),
    }
    return TemplateResponse(request, "admin/movies/movie/import.html", context)


@require_POST
def export(request: HttpRequest, form: str) -> HttpResponse:
    """Starts an export of the list's movies, in the columns of an import; the worker writes a large one.

    The address has the filters of the list; without filters it exports all movies.
    """
    if not request.user.has_perm("movies.view_movie"):
        raise PermissionDenied
    if form not in file_format.FORMATS:
        raise Http404("Movies are exported as csv or jsonl.")
    try:
        if not FILTERS.issuperset(request.GET):
            raise IncorrectLookupParameters
        selection = selection_of(request.GET)
    except IncorrectLookupParameters:
        messages.error(
            request, "Nothing was exported, because the filter is invalid. Set it in the list again."
        )
        return HttpResponseRedirect(reverse("admin:movies_movie_changelist"))
    job = jobs.start_export(actor=actor_of(request), form=form, selection=selection)
    return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))


def download(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """The file of an export (17 bytes per movie of CSV) or the bad rows of an import, buffered and compressed.

    The server sends a buffered response by itself; a stream would block the process's only thread on a slow client.
    """
    if not request.user.has_perm("movies.view_movie"):
        raise PermissionDenied
    job = Job.objects.filter(pk=job_id).first()
    content = jobs.file_of(job) if job else b""
    if job is None or not content:
        raise Http404("This file does not exist, or was deleted. Files are kept for a day.")
    form = job.request["format"] if job.kind == Job.Kind.EXPORT else "csv"
    name = f"{'movies' if job.kind == Job.Kind.EXPORT else 'bad-rows'}-{job.created:%Y-%m-%d}.{form}"
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        response = HttpResponse(content, content_type=TYPES[form], headers={"Content-Encoding": "gzip"})
    else:  # an import accepts this file, too
        response = HttpResponse(content, content_type="application/gzip")
        name += ".gz"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding accepts gzip, by name or else by `*`; `q=0` and an empty header refuse it."""
    found = [match for encoding in header.lower().split(",") if (match := ENCODING.fullmatch(encoding))]
    accepted = {match["name"]: match["quality"] is None or float(match["quality"]) > 0 for match in found}
    return accepted.get("gzip", accepted.get("*", False))
