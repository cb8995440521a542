"""Import and export of movies as files, CSV and JSON lines."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminFileFieldWidget

from movies import jobs, transfer
from movies.admin.staff import actor_of
from movies.exports import export_chunks

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class UploadForm(forms.Form):
    """A file of movies."""

    file = forms.FileField(
        label="CSV or JSON lines",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.jsonl,.ndjson"}),
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
        except transfer.BadFile as error:
            form.add_error("file", str(error))
    context = {
        **admin.site.each_context(request),
        "title": "Import movies",
        "form": form,
        "columns": transfer.COLUMNS,
        "example": transfer.lines_of(
            [(17, "Kahaani", False, [0] * 10 + [40, 0, 0, 60, 0])], "jsonl"
        ).decode(),
    }
    return TemplateResponse(request, "admin/movies/movie/import.html", context)


def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """All movies as one file, in the columns that an import takes."""
    if not request.user.has_perm("movies.view_movie"):
        raise PermissionDenied
    if form not in transfer.FORMATS:
        raise Http404("Movies are exported as csv or jsonl.")
    response = StreamingHttpResponse(export_chunks(form), content_type=TYPES[form])
    name = f"movies-{timezone.now():%Y-%m-%d}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
