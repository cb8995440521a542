"""The admin page of dead letters: lists them with reasons, redrives or discards them, and shows the record."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from movies.admin.staff import ReadOnlyAdmin, actor_of
from movies.outbox import bus
from sessions_ingest import dead_letters
from sessions_ingest.models import DeadLetterAct

SHOWN_ROWS = 50  # dead letters of each queue, and records, on the page
# A longer request would block a web process: it ends then, and the page says that there are more.
REQUEST_SECONDS = 5.0
HANDLE = "sessions_ingest.handle_dead_letters"


@admin.register(DeadLetterAct)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Reads the dead letters from SQS at each request; the records of actions are read-only."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET shows the page; POST redrives, or discards after a confirmation."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            if not request.user.has_perm(HANDLE):
                raise PermissionDenied
            return self._act(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Dead letters",
            "queues": [_queue(name) for name in bus.queue_names()],
            "acts": DeadLetterAct.objects.all()[:SHOWN_ROWS],
            "may_handle": request.user.has_perm(HANDLE),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/sessions_ingest/dead_letters.html", context)

    def _act(self, request: HttpRequest) -> HttpResponse:
        queue, act = request.POST.get("queue", ""), request.POST.get("act", "")
        ids = None if act.endswith("-all") else request.POST.getlist("id")
        if queue not in bus.queue_names() or act not in ACTS:
            messages.error(request, "Nothing was done: unknown queue or action.")
        elif ids == []:
            messages.warning(request, "Nothing was done: select messages first.")
        elif act.startswith("discard") and not request.POST.get("sure"):
            context = {
                **self.admin_site.each_context(request),
                "title": "Discard dead letters",
                "queue": queue,
                "act": act,
                "ids": ids or [],
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/sessions_ingest/discard.html", context)
        else:
            _do(request, queue, act, ids)
        return HttpResponseRedirect(request.path)


ACTS = {
    "redrive": (dead_letters.redrive, "redriven to"),
    "redrive-all": (dead_letters.redrive, "redriven to"),
    "discard": (dead_letters.discard, "discarded from"),
    "discard-all": (dead_letters.discard, "discarded from"),
}


def _do(request: HttpRequest, queue: str, act: str, ids: list[str] | None) -> None:
    action, past = ACTS[act]
    try:
        result = action(queue, actor=actor_of(request), ids=ids, seconds=REQUEST_SECONDS)
    except dead_letters.DeadLettersUnavailable as error:
        messages.error(request, str(error))
        return
    messages.success(request, f"{result.done:,} {past} {queue}.")
    if result.unfinished:
        messages.warning(request, "There are more: repeat the action, or use manage.py dead_letters.")
    if result.missing:
        messages.warning(
            request, f"{len(result.missing)} not found: someone else handled them, or is receiving them now."
        )


def _queue(name: str) -> dict[str, Any]:
    """One queue's part of the page; an unavailable SQS is a message on the page, not an error."""
    try:
        letters = dead_letters.peek(name, limit=SHOWN_ROWS)
        return {"name": name, "letters": letters, "count": max(len(letters), dead_letters.count(name))}
    except dead_letters.DeadLettersUnavailable as error:
        return {"name": name, "problem": str(error)}
