"""The act of one row of the list of movies: hide or show its movie."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from movies.admin.confirmation import ask
from movies.admin.staff import actor_of
from movies.foundation.numbers import whole_number
from movies.inventory import services
from movies.models import Movie

BACK = "back"  # the parameter with the query of the list's address
DONE = {True: "is hidden: it appears in no list.", False: "is visible again."}


def set_hidden(request: HttpRequest, object_id: str, *, hidden: bool) -> HttpResponse:
    """POST hides the movie or shows it again, and returns to the list; GET asks first, because it is a link."""
    if not request.user.has_perm("movies.change_movie"):
        raise PermissionDenied
    movie_id = whole_number(object_id)
    if movie_id is None:
        raise Http404(f"“{object_id}” is not the id of a movie.")
    back = (request.POST if request.method == "POST" else request.GET).get(BACK, "")
    the_list = reverse("admin:movies_movie_changelist") + (f"?{back}" if back else "")
    movie = Movie.objects.filter(pk=movie_id).first()
    if movie is None:
        messages.error(request, f"There is no movie {movie_id}: it was deleted.")
        return HttpResponseRedirect(the_list)
    if request.method != "POST":
        return ask(
            request,
            question=f"{'Hide' if hidden else 'Show'} movie {movie_id}?",
            consequences=[f"“{movie.title}” {'will appear in no list' if hidden else 'can be found again'}."],
            yes="Yes, hide" if hidden else "Yes, show",
            fields=[(BACK, back)],
            back=the_list,
        )
    try:
        movie = services.change_movie(actor=actor_of(request), movie_id=movie_id, hidden=hidden)
    except (services.InventoryBusy, services.NoSuchMovie) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(the_list)
    undo = reverse(f"admin:movies_movie_{'show' if hidden else 'hide'}", args=[movie_id])
    messages.success(
        request,
        format_html(
            '“{}” {} <a class="tf-button" href="{}">Undo</a>',
            movie.title,
            DONE[hidden],
            f"{undo}?{urlencode({BACK: back})}" if back else undo,
        ),
    )
    return HttpResponseRedirect(the_list)
