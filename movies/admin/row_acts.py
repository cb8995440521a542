"""The act of one row of the list of movies: hide or show its movie."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import format_html

from movies.admin.reverting import may_revert, undo_change_button
from movies.foundation.numbers import whole_number
from movies.inventory import services
from movies.staff_pages.staff_admin import actor_of

BACK = "back"  # the form's field with the query of the list's address
DONE = {True: "is hidden: it appears in no list.", False: "is visible again."}


def set_hidden(request: HttpRequest, object_id: str, *, hidden: bool) -> HttpResponse:
    """POST hides the movie or shows it again, and returns to the list; GET does nothing but return."""
    if not request.user.has_perm("movies.change_movie"):
        raise PermissionDenied
    movie_id = whole_number(object_id)
    if movie_id is None:
        raise Http404(f"“{object_id}” is not the id of a movie.")
    query = QueryDict(request.POST.get(BACK, "")).urlencode()
    the_list = reverse("admin:movies_movie_changelist") + (f"?{query}" if query else "")
    if request.method == "POST":
        _set_hidden(request, movie_id, hidden)
    return HttpResponseRedirect(the_list)


def _set_hidden(request: HttpRequest, movie_id: int, hidden: bool) -> None:
    try:
        movie = services.change_movie(actor=actor_of(request), movie_id=movie_id, hidden=hidden)
    except (services.InventoryBusy, services.NoSuchMovie) as error:
        messages.error(request, str(error))
        return
    undo = undo_change_button(request, movie_id, movie.version) if may_revert(request, deletes=False) else ""
    messages.success(request, format_html("“{}” {} {}", movie.title, DONE[hidden], undo))
