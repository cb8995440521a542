"""The admin pages of users: both lists with the reason for each movie in them, and corrections by hand."""

from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.models import Movie
from movies.search.engine import search
from movies.search.filters import Filters
from movies.staff_pages.bars import genre_bar, legend, progress_bar
from movies.staff_pages.staff_admin import ReadOnlyAdmin
from recommendations import services, stores
from recommendations.explanations.explain import Explanation, Item, explain, reasons_for
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.models import UserLists
from recommendations.recommender.recommender import own_strategy
from recommendations.recommender.score_explanation import Scores
from recommendations.stores.base import StoreUnavailable

PAGE_SIZE = 50  # users
FOUND_BY_TITLE = 10  # movies offered for a title
STORE_UNAVAILABLE = "The store of user lists is unavailable. Try again in a moment."
# what staff decide about a movie of a user, and what is said then
DECISIONS: dict[str, tuple[Callable[..., object], str]] = {
    "take-off": (services.take_off, "was removed from currently watching"),
    "bring-back": (services.bring_back, "is in currently watching again"),
    "dismiss": (services.dismiss, "was dismissed: the user is not shown it until that is undone"),
    "undo-dismissal": (services.undo_dismissal, "is not dismissed any more"),
}


@admin.register(UserLists)
class UserListsAdmin(ReadOnlyAdmin):
    """Reads through the store, so that it works with MongoDB as with PostgreSQL."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Redirects to the user with the id in `?user=`; else shows a page of users by id."""
        self._check_view(request)
        wanted = request.GET.get("user", "").strip()
        if (user_id := whole_number(wanted)) is not None:
            return HttpResponseRedirect(_address(user_id))
        if wanted:
            messages.error(request, f"A user is a whole number from 1 to {MAX_BIGINT}.")
        after = whole_number(request.GET.get("after", "")) or 0
        users: list[dict[str, Any]] = []
        previous = None  # the id after which the page before begins
        try:
            found = stores.current().scan(after, PAGE_SIZE + 1)
            users = [{"id": str(user_id), "lists": lists} for user_id, lists in found]
            if after and (before := stores.current().ids_before(after + 1, PAGE_SIZE)):
                previous = str(before[-1] - 1)
        except StoreUnavailable:
            messages.error(request, STORE_UNAVAILABLE)
        context = {
            **self.admin_site.each_context(request),
            "title": "Users",
            "users": users[:PAGE_SIZE],
            "after": users[PAGE_SIZE - 1]["id"] if len(users) > PAGE_SIZE else None,
            "previous": previous,
            "first": after > 0,
        }
        return TemplateResponse(request, "admin/recommendations/userlists/find.html", context)

    def user_view(self, request: HttpRequest, user: str) -> HttpResponse:
        """Shows a user's lists with reasons; `?movie=` explains one movie, by its id, or finds it by its title."""
        self._check_view(request)
        user_id = whole_number(user)
        if user_id is None:
            raise Http404(f"A user is a whole number from 1 to {MAX_BIGINT}.")
        asked = request.GET.get("movie", "").strip()
        movie_id = whole_number(asked)
        titled = _titled(asked) if asked and not movie_id else []
        try:
            explained = explain(user_id)
            reasons = reasons_for(user_id, movie_id) if movie_id else []
            # a list of our own is explained movie by movie
            listed = [item.movie_id for item in explained.recommendations] if explained.is_own else []
            scores = Scores(user_id, explained.strategy or own_strategy()) if listed or movie_id else None
        except StoreUnavailable:
            messages.error(request, STORE_UNAVAILABLE)
            return HttpResponseRedirect(reverse("admin:recommendations_userlists_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"User {user_id}",
            "user_id": str(user_id),
            "known": explained.known,
            "popular": explained.popular,
            "max_list_length": MAX_LIST_LENGTH,
            "recommended_at": explained.recommended_at,
            "source": explained.source,
            "watched_at": explained.watched_at,
            **(rows := _rows(explained, scores.terms(listed) if scores else {})),
            "listed": rows["recommendations"] if explained.popular else rows["stored"],
            "taste": genre_bar([round(100 * share) for share in scores.taste.tolist()])
            if scores and listed
            else "",
            "legend": legend(),
            "asked": asked,
            "titled": titled,
            "movie": Movie.objects.filter(id=movie_id).first() if movie_id else None,
            "reasons": reasons,
            "standing": scores.sentence(movie_id) if scores and movie_id else "",
            "may_take_off": request.user.has_perm("recommendations.take_off"),
            "api": reverse("recommendations", args=[user_id]),
        }
        return TemplateResponse(request, "admin/recommendations/userlists/user.html", context)

    def decide_view(self, request: HttpRequest, user: str, movie: str, decision: str) -> HttpResponse:
        """POST applies one of DECISIONS."""
        user_id, movie_id = whole_number(user), whole_number(movie)
        if user_id is None or movie_id is None or decision not in DECISIONS:
            raise Http404
        if request.method != "POST" or not request.user.has_perm("recommendations.take_off"):
            raise PermissionDenied
        service, done = DECISIONS[decision]
        try:
            service(user_id=user_id, movie_id=movie_id)
        except StoreUnavailable:
            messages.error(request, STORE_UNAVAILABLE)
        except (services.NoSuchMovie, services.TooManyDismissed) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _done(user_id, movie_id, decision, done))
        return HttpResponseRedirect(_address(user_id))

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        return [
            path("", view(self.changelist_view), name="recommendations_userlists_changelist"),
            path("<str:user>/", view(self.user_view), name="recommendations_userlists_change"),
            path(
                "<str:user>/<str:movie>/<str:decision>/",
                view(self.decide_view),
                name="recommendations_userlists_decide",
            ),
        ]

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _titled(title: str) -> list[Movie]:
    """Movies with such a title, hidden ones included, the best match first."""
    ids = search(title, Filters(), limit=FOUND_BY_TITLE)
    movies = Movie.objects.in_bulk(ids)
    return [movies[movie_id] for movie_id in ids if movie_id in movies]


def _rows(explained: Explanation, scores: dict[int, str]) -> dict[str, list[dict[str, Any]]]:
    """Each list with what its page shows of a movie, and the place of those that the user is shown."""
    lists = ("recommendations", "watching", "stored", "stored_watching", "taken_off", "finished", "dismissed")
    rows = {name: [_row(item, scores) for item in getattr(explained, name)] for name in lists}
    for name in lists[:4]:
        places = count(1)
        for row in rows[name]:
            row["place"] = None if row["why"] else next(places)
    return rows


def _row(item: Item, scores: dict[int, str]) -> dict[str, Any]:
    """The item with its genre and progress bars, and what its score is made of, where that is known."""
    bar = genre_bar(item.profile) if item.profile else ""
    progress = progress_bar(item.progress) if item.progress else ""
    return asdict(item) | {"bar": bar, "progress_bar": progress, "score": scores.get(item.movie_id, "")}


def _done(user_id: int, movie_id: int, decision: str, done: str) -> str:
    """What was done, with the title of the movie."""
    title = Movie.objects.filter(id=movie_id).values_list("title", flat=True).first()
    return f"“{title}” {done}." if title else f"Movie {movie_id} {done}."


def _address(user_id: int) -> str:
    return reverse("admin:recommendations_userlists_change", args=[user_id])
