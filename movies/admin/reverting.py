"""Reverts of a batch or of changes of one movie, as views, and the buttons that lead to them."""

import uuid
from urllib.parse import urlsplit, urlunsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from movies.bulk import jobs
from movies.bulk.job_handlers import describe_skipped
from movies.foundation.numbers import whole_number
from movies.inventory import history, history_entries
from movies.inventory.reverting import CannotRevert, revert_movie
from movies.inventory.services import InventoryBusy
from movies.models import HistoryEntry, Job
from movies.staff_pages.confirmation import MAX_UNASKED, ask, is_sure
from movies.staff_pages.staff_admin import actor_of

NEXT = "next"  # the form's field with the page to return to


def may_revert(request: HttpRequest, *, deletes: bool) -> bool:
    """Whether the person may revert a change; `deletes`: reverting it deletes movies."""
    needed = ["movies.revert_batch", *(["movies.delete_movie"] if deletes else [])]
    return request.user.has_perms(needed)


def undo_batch_button(request: HttpRequest, batch: uuid.UUID) -> SafeString:
    """Undo, for the message after a bulk act."""
    return _button(request, reverse("admin:movies_moviechange_batch", args=[batch]))


def undo_change_button(request: HttpRequest, movie_id: int, version: int) -> SafeString:
    """Undo, for the message after a change of one movie to this version."""
    address = reverse("admin:movies_moviechange_revert", args=[movie_id])
    return _button(request, address, first=version, last=version)


def revert_batch(request: HttpRequest, entry: HistoryEntry) -> HttpResponse:
    """Reverts the batch; asks first if it is large or if movies are deleted by it."""
    if not may_revert(request, deletes=bool(entry.added)):
        raise PermissionDenied
    back = _page_of_button(request, request.path)
    if (by := history_entries.reverting(_batch(entry))) is not None:
        messages.warning(request, f"{by.actor} reverted this batch already.")
        return HttpResponseRedirect(back)
    if (entry.movies > MAX_UNASKED or entry.added) and not is_sure(request):
        return _ask_for_batch(request, entry, back)
    job = jobs.start_revert(batch=_batch(entry), actor=actor_of(request))
    if job.state != Job.State.DONE:
        return HttpResponseRedirect(reverse("admin:movies_job_change", args=[job.pk]))
    result = job.result
    if result["movies"]:
        batch = uuid.UUID(result["batch"])
        link = reverse("admin:movies_moviechange_batch", args=[batch])
        sentence = '{} as before. <a class="tf-button" href="{}">View</a> {}'
        many = f"{result['movies']:,} {'movie is' if result['movies'] == 1 else 'movies are'}"
        messages.success(request, format_html(sentence, many, link, undo_batch_button(request, batch)))
    if skipped := describe_skipped(result):
        messages.warning(request, skipped)
    return HttpResponseRedirect(back)


def revert_change(request: HttpRequest, movie_id: int) -> HttpResponse:
    """POST reverts the versions `first` to `last` of the movie, of which `last` has to be the current one."""
    back = _page_of_button(request, reverse("admin:movies_movie_history", args=[movie_id]))
    first, last = whole_number(request.POST.get("first")), whole_number(request.POST.get("last"))
    if request.method != "POST":
        return HttpResponseRedirect(back)
    if first is None or last is None:
        raise Http404("A revert names the first and the last version.")
    deletes = history.is_addition(movie_id, first)
    if not may_revert(request, deletes=deletes):
        raise PermissionDenied
    if deletes and not is_sure(request):
        return ask(
            request,
            question=f"Delete movie {movie_id}?",
            consequences=[
                "This change added the movie, so reverting it deletes the movie.",
                "Its views are kept, and the deletion can be reverted.",
            ],
            yes="Yes, delete",
            fields=[("first", first), ("last", last), (NEXT, back)],
            danger=True,
            back=back,
        )
    try:
        change = revert_movie(actor=actor_of(request), movie_id=movie_id, first=first, last=last)
    except (CannotRevert, InventoryBusy) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    if change is None:
        messages.info(request, f"Movie {movie_id} has this state already. Nothing was changed.")
    else:
        undo = undo_change_button(request, movie_id, change.version) if not deletes else ""
        done = f"version {last} is reverted" if first == last else f"version {first - 1} is restored"
        messages.success(request, format_html("Movie {}: {}. {}", movie_id, done, undo))
    return HttpResponseRedirect(back)


def _ask_for_batch(request: HttpRequest, entry: HistoryEntry, back: str) -> HttpResponse:
    deletes = f"{entry.added:,} {'movie' if entry.added == 1 else 'movies'} that it added will be deleted."
    return ask(
        request,
        question=f"Revert {entry.movies:,} {'change' if entry.movies == 1 else 'changes'}?",
        consequences=[
            f"This reverts {history_entries.in_words(entry)}.",
            *([deletes] if entry.added else []),
            "Movies that were changed since are skipped and listed. The revert can be reverted, too.",
        ],
        yes=f"Yes, revert {entry.movies:,} {'change' if entry.movies == 1 else 'changes'}",
        fields=[(NEXT, back)],
        danger=bool(entry.added),
        back=back,
    )


def _batch(entry: HistoryEntry) -> uuid.UUID:
    if entry.batch is None:
        raise ValueError("This entry is no batch.")
    return entry.batch


def _button(request: HttpRequest, address: str, **fields: int) -> SafeString:
    return format_html(
        '<form method="post" action="{}" class="tf-inline">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">{}'
        '<button class="tf-button">Undo</button></form>',
        address,
        get_token(request),
        format_html_join("", '<input type="hidden" name="{}" value="{}">', fields.items()),
    )


def _page_of_button(request: HttpRequest, default: str) -> str:
    """The page of the admin on which the button was pressed: the form's NEXT, else the referrer."""
    address = request.POST.get(NEXT) or request.headers.get("Referer", "")
    parts = urlsplit(address) if url_has_allowed_host_and_scheme(address, {request.get_host()}) else None
    if parts is None or not parts.path.startswith(reverse("admin:index")):
        return default
    return urlunsplit(("", "", parts.path, parts.query, ""))
