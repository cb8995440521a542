"""The bulk actions of the list of movies: hide, show, delete."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from movies.admin.listing import selection_of
from movies.admin.staff import StaffAdmin, actor_of, selects_everything
from movies.bulk import jobs
from movies.bulk.job_handlers import HANDLERS
from movies.models import Job, Movie
from movies.search import selections
from movies.search.selections import Selection

MAX_TITLES_CONFIRMED = 20  # titles that the page before a deletion lists


class BulkActions(StaffAdmin):
    """The actions of MovieAdmin."""

    actions = ["hide", "show", "delete"]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # Django's action loads every row
        return actions

    @admin.action(description="Hide", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        return self._start(request, queryset, "hide")

    @admin.action(description="Show again", permissions=["change"])
    def show(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        return self._start(request, queryset, "show")

    @admin.action(description="Delete", permissions=["delete"])
    def delete(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        if "sure" in request.POST:
            return self._start(request, queryset, "delete")
        which = self._chosen(request)
        if isinstance(which, Selection):
            size = selections.count(which)
            first = selections.browse(which, ordering=None, cursor=None, limit=MAX_TITLES_CONFIRMED).ids
        else:
            size, first = len(which), which[:MAX_TITLES_CONFIRMED]
        if not size:
            messages.warning(request, "Nothing was deleted: no movie matches.")
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": "Delete movies?",
            "movies": Movie.objects.filter(pk__in=first),
            "size": selections.ApproximateCount(size),
            "more": size > len(first),
            "across": isinstance(which, Selection),
            "ids": [] if isinstance(which, Selection) else which,
        }
        return TemplateResponse(request, "admin/movies/movie/delete_confirmation_of_many.html", context)

    def _chosen(self, request: HttpRequest) -> Selection | list[int]:
        """The whole selection if the form says so, else the ids of the ticked movies."""
        if selects_everything(request):
            return selection_of(request.GET)
        return [
            int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)
        ]  # validated by response_action

    def _start(self, request: HttpRequest, queryset: QuerySet[Movie], kind: str) -> HttpResponse:
        job = jobs.start_bulk(kind=kind, actor=actor_of(request), which=self._chosen(request))
        if job.state != Job.State.DONE:
            return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))
        messages.success(request, _outcome(job))
        return HttpResponseRedirect(request.get_full_path())


def _outcome(job: Job) -> SafeString:
    done = HANDLERS[job.kind].action_done
    number, of = job.result["movies"], job.result["of"]
    already = f" ({of - number:,} needed no change)" if of > number else ""
    link = reverse("admin:movies_moviechange_batch", args=[job.pk])
    movies = "movie" if number == 1 else "movies"
    if not number:
        return format_html("0 movies {}{}.", done, already)
    return format_html(
        '{} {} {}{}. <a href="{}">View or undo</a>', f"{number:,}", movies, done, already, link
    )
