"""Import and export of movies as files, CSV and JSON lines."""

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
from movies.admin.staff import actor_of
from movies.bulk import file_format, jobs
from movies.models import Job

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
CODING = re.compile(r"\s*(?:x-)?(?P<name>[^\s;]+)\s*(?:;\s*q\s*=\s*(?P<quality>[01](?:\.[0-9]{0,3})?)\s*)?")


class UploadForm(forms.Form):
    """A file of movies."""

    file = forms.FileField(
        label="CSV or JSON lines",
        widget=UnfoldAdminFileFieldWidget(
            attrs={"accept": ",".join(f".{one}" for one in (*file_format.READ, "gz"))}
        ),
    )


def upload(request: HttpRequest) -> HttpResponse:
    """GET asks for a file, POST has it checked and leads to the preview."""
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
    """The movies of a list as one file, in the columns of an import; made by the worker when they are many.

    The address has the list's own filters; without any, all movies are meant.
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
        messages.error(request, "Nothing was exported: there is no such filter. Set it in the list again.")
        return HttpResponseRedirect(reverse("admin:movies_movie_changelist"))
    job = jobs.start_export(actor=actor_of(request), form=form, selection=selection)
    return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))


def download(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """The file of an export.

    In one piece, compressed (17 bytes a movie of CSV), which the server sends by itself: a stream would keep the
    process's one thread, and with it all its readers, waiting for a slow client.
    """
    if not request.user.has_perm("movies.view_movie"):
        raise PermissionDenied
    job = Job.objects.filter(pk=job_id).first()
    content = jobs.exported(job) if job else b""
    if job is None or not content:
        raise Http404("There is no such file (any more): export again.")
    form = job.request["format"]
    name = f"movies-{job.created:%Y-%m-%d}.{form}"
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        response = HttpResponse(content, content_type=TYPES[form], headers={"Content-Encoding": "gzip"})
    else:  # a file that an import takes, too
        response = HttpResponse(content, content_type="application/gzip")
        name += ".gz"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding takes gzip, by its name or else by `*`; `q=0` refuses, and so does no header."""
    found = [match for coding in header.lower().split(",") if (match := CODING.fullmatch(coding))]
    accepted = {match["name"]: match["quality"] is None or float(match["quality"]) > 0 for match in found}
    return accepted.get("gzip", accepted.get("*", False))
