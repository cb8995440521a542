"""What Ctrl-K finds: pages, movies by title or id, users by id, bulk jobs, experiments, API keys and staff.

Each source needs the permission of its page. None reads more than an index gives or a small table holds.
"""

from collections.abc import Iterator
from itertools import islice

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.dataclasses import SearchResult

from movies.bulk.job_handlers import HANDLERS
from movies.foundation import times
from movies.foundation.numbers import whole_number
from movies.models import Job, Movie
from movies.profiles import MAX_TITLE_LENGTH
from movies.search.engine import search
from movies.search.filters import Filters
from recommendations.models import Experiment
from tetraflix.models import ApiKey

MAX_MOVIES = 8
MAX_NAMED = 5  # experiments, keys and staff of each kind
LATEST_JOBS = 100  # among which jobs are looked for
MAX_JOBS = 5

# Pages that are not in the menu: name, symbol, URL, permission.
MORE_PAGES = (
    ("Add movie", "add", "admin:movies_movie_add", "movies.add_movie"),
    ("Import movies", "upload", "admin:movies_movie_import", "movies.import_movies"),
    ("Planner of experiments", "calculate", "experiment-planner", "recommendations.view_experiment"),
    ("Create API key", "key", "admin:tetraflix_apikey_add", "tetraflix.add_apikey"),
    ("Change password", "password", "admin:password_change", ""),
    ("Front page", "home", "home", ""),
    ("API documentation", "api", "docs", ""),
)


def palette(request: HttpRequest) -> HttpResponse:
    """What matches `?s=`, as a list in HTML."""
    words = request.GET.get("s", "")
    return TemplateResponse(
        request, "unfold/helpers/command_results.html", {"results": find(request, words), "words": words}
    )


def find(request: HttpRequest, words: str) -> list[SearchResult]:
    """All that matches the words, what is found by id first; the pages, for no words."""
    words = " ".join(words.replace("\0", " ").split())[:MAX_TITLE_LENGTH]
    if not words:
        return list(_pages(request, ""))
    number = whole_number(words)
    sources = (_movies, _users, _pages) if number else (_pages, _movies)
    found = [result for source in sources for result in source(request, words)]
    return [*found, *_named(request, words), *_jobs(request, words)]


def _pages(request: HttpRequest, words: str) -> Iterator[SearchResult]:
    for group in admin.site.get_sidebar_list(request):  # type: ignore[attr-defined]
        for item in group["items"]:
            if item["has_permission"] and _matches(words, item["title"]):
                yield SearchResult(
                    title=item["title"], description=group["title"], link=item["link"], icon=item["icon"]
                )
    for title, icon, name, permission in MORE_PAGES:
        if _matches(words, title) and (not permission or request.user.has_perm(permission)):
            yield SearchResult(title=title, description="Page", link=reverse(name), icon=icon)


def _movies(request: HttpRequest, words: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("movies.view_movie"):
        return
    number = whole_number(words)
    ids = search(words, Filters(), limit=MAX_MOVIES)
    ordered = dict.fromkeys([number, *ids] if number else ids)
    movies = Movie.objects.in_bulk(list(ordered))
    for movie in (movies[pk] for pk in ordered if pk in movies):
        yield SearchResult(
            title=movie.title,
            description=f"Movie {movie.pk}, hidden" if movie.hidden else f"Movie {movie.pk}",
            link=reverse("admin:movies_movie_change", args=[movie.pk]),
            icon="movie",
        )


def _users(request: HttpRequest, words: str) -> Iterator[SearchResult]:
    """The page of any user id, because every id has one."""
    if request.user.has_perm("recommendations.view_userlists"):
        number = whole_number(words)
        yield SearchResult(
            title=f"User {number}",
            description="Lists and reasons",
            link=reverse("admin:recommendations_userlists_change", args=[number]),
            icon="group",
        )


def _named(request: HttpRequest, words: str) -> Iterator[SearchResult]:
    """Experiments, API keys and staff whose name contains the words, in one statement."""
    kinds: list[tuple[str, str, str, QuerySet, Q]] = [
        (
            "Experiment",
            "science",
            "admin:recommendations_experiment_change",
            Experiment.objects.all(),
            Q(name__icontains=words),
        ),
        (
            "API key",
            "key",
            "admin:tetraflix_apikey_change",
            ApiKey.objects.all(),
            Q(name__icontains=words) | Q(lookup__startswith=words),
        ),
        ("Staff", "badge", "admin:auth_user_change", User.objects.all(), Q(username__icontains=words)),
    ]
    parts = []
    for number, (_, _, _, rows, matching) in enumerate(kinds):
        options = rows.model._meta
        if request.user.has_perm(f"{options.app_label}.view_{options.model_name}"):
            name = "username" if rows.model is User else "name"
            found = rows.filter(matching).order_by("-pk")
            parts.append(
                found.annotate(kind=Value(number), called=Cast(name, CharField())).values_list(
                    "kind", "pk", "called"
                )[:MAX_NAMED]
            )
    if not parts:
        return
    for number, pk, name in sorted(parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]):
        kind, icon, page, _, _ = kinds[number]
        yield SearchResult(title=name, description=kind, link=reverse(page, args=[pk]), icon=icon)


def _jobs(request: HttpRequest, words: str) -> Iterator[SearchResult]:
    """Of the latest jobs, those whose description, actor or id has the words."""
    if not request.user.has_perm("movies.view_job"):
        return
    latest = (
        (job, HANDLERS[job.kind].describe(job.request))
        for job in Job.objects.order_by("-created")[:LATEST_JOBS]
    )
    matching = (
        (job, title)
        for job, title in latest
        if _matches(words, f"{title} {job.actor} {job.get_state_display()}") or str(job.pk).startswith(words)
    )
    for job, title in islice(matching, MAX_JOBS):
        seconds = (timezone.now() - job.created).total_seconds()
        yield SearchResult(
            title=title,
            description=f"Job of {job.actor}, {job.get_state_display().lower()}, {times.age(seconds)} ago",
            link=reverse("admin:movies_job_change", args=[job.pk]),
            icon="checklist",
        )


def _matches(words: str, text: str) -> bool:
    """Whether each of the words starts a word of the text."""
    starts = text.lower().replace(":", " ").split()
    return all(any(start.startswith(word) for start in starts) for word in words.lower().split())
