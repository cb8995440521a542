"""The bulk actions of the list of movies: hide, show, delete. They ask first above MAX_UNASKED movies."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from movies.admin.listing import selection_of
from movies.admin.reverting import undo_batch_button
from movies.bulk import jobs
from movies.bulk.job_handlers import HANDLERS
from movies.models import Job, Movie
from movies.search import selections
from movies.search.selections import Selection
from movies.staff_pages.confirmation import MAX_UNASKED, ask, is_sure
from movies.staff_pages.staff_admin import EVERYTHING, SELECT_ACROSS, StaffAdmin, actor_of, selects_everything

MAX_TITLES_CONFIRMED = 20  # titles that a question lists
ASKED = "asked"  # the form's field with the number of movies that the question named
CONSEQUENCES = {
    "hide": "No client sees hidden movies: they disappear from every list at the next request.",
    "show": "Clients see them from the next request on.",
    "delete": "They disappear from every list at the next request. Their views are kept.",
}


class BulkActions(StaffAdmin):
    """The actions of MovieAdmin."""

    actions = ["hide", "show", "delete"]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # Django's action loads every row
        return actions

    @admin.action(description="Hide", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        return self._act(request, "hide")

    @admin.action(description="Show again", permissions=["change"])
    def show(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        return self._act(request, "show")

    @admin.action(description="Delete", permissions=["delete"])
    def delete(self, request: HttpRequest, queryset: QuerySet[Movie]) -> HttpResponse:
        return self._act(request, "delete")

    def _act(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Starts the job; asks first if it deletes or is large, and again if the number changed meanwhile."""
        which = _chosen(request)
        if kind != "delete" and not isinstance(which, Selection) and len(which) <= MAX_UNASKED:
            return _start(request, kind, which)
        chosen, concerned = _counted(kind, which)
        if not concerned:
            messages.warning(request, f"0 movies {HANDLERS[kind].action_done}: {_nothing(kind, chosen)}")
            return HttpResponseRedirect(request.get_full_path())
        asked = request.POST.get(ASKED)
        if (kind != "delete" and concerned <= MAX_UNASKED) or (is_sure(request) and asked == str(concerned)):
            return _start(request, kind, which)
        return _ask(request, kind, which, chosen, concerned)


def _ask(
    request: HttpRequest, kind: str, which: Selection | list[int], chosen: int, concerned: int
) -> HttpResponse:
    across = isinstance(which, Selection)
    if isinstance(which, Selection):
        first = selections.browse(which, ordering=None, cursor=None, limit=MAX_TITLES_CONFIRMED).ids
    else:
        first = which[:MAX_TITLES_CONFIRMED]
    done = HANDLERS[kind].action_done
    movies = f"{concerned:,} {'movie' if concerned == 1 else 'movies'}"
    consequences = [
        f"These are {which}." if across else "",
        f"{chosen - concerned:,} of the {chosen:,} chosen movies need no change."
        if chosen > concerned
        else "",
        CONSEQUENCES[kind],
        "They are one batch, which can be reverted as a whole.",
    ]
    if is_sure(request):
        consequences.insert(0, f"The number changed since the last question: {movies} will be {done}.")
    titles = Movie.objects.filter(pk__in=first).order_by("pk").values_list("pk", "title")
    verb = {"hide": "Hide", "show": "Show", "delete": "Delete"}[kind]
    return ask(
        request,
        question=f"{verb} {movies}?",
        consequences=list(filter(None, consequences)),
        yes=f"Yes, {verb.lower()} {movies}",
        fields=[
            ("action", kind),
            ("index", 0),
            (ASKED, concerned),
            (SELECT_ACROSS, EVERYTHING if across else 0),
            *(
                (ACTION_CHECKBOX_NAME, movie_id)
                for movie_id in ([0] if isinstance(which, Selection) else which)
            ),
        ],
        items=[f"{movie_id}: {title}" for movie_id, title in titles],
        more=chosen > len(first),
        danger=kind == "delete",
    )


def _start(request: HttpRequest, kind: str, which: Selection | list[int]) -> HttpResponse:
    job = jobs.start_bulk(kind=kind, actor=actor_of(request), which=which)
    if job.state != Job.State.DONE:
        return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))
    messages.success(request, _outcome(request, job))
    return HttpResponseRedirect(request.get_full_path())


def _chosen(request: HttpRequest) -> Selection | list[int]:
    """The whole selection if the form says so, else the ids of the ticked movies."""
    if selects_everything(request):
        return selection_of(request.GET)
    # validated by response_action
    return [int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)]


def _counted(kind: str, which: Selection | list[int]) -> tuple[int, int]:
    """Exactly how many movies were chosen, and how many of them change."""
    found = selections.movies(which) if isinstance(which, Selection) else Movie.objects.filter(pk__in=which)
    chosen = found.count()
    if kind == "delete":
        return chosen, chosen
    return chosen, found.filter(hidden=kind == "show").count()


def _nothing(kind: str, chosen: int) -> str:
    if not chosen:
        return "no movie matches."
    return f"all {chosen:,} are {'hidden' if kind == 'hide' else 'visible'} already."


def _outcome(request: HttpRequest, job: Job) -> SafeString:
    done = HANDLERS[job.kind].action_done
    number, of = job.result["movies"], job.result["of"]
    already = f" ({of - number:,} needed no change)" if of > number else ""
    link = reverse("admin:movies_moviechange_batch", args=[job.pk])
    movies = "movie" if number == 1 else "movies"
    if not number:
        return format_html("0 movies {}{}.", done, already)
    undo = undo_batch_button(request, job.pk)
    sentence = '{} {} {}{}. <a class="tf-button" href="{}">View</a> {}'
    return format_html(sentence, f"{number:,}", movies, done, already, link, undo)
