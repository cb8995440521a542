"""The page of dead letters: what was put aside and why, put back or discarded, and who did what before."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from movies.admin.staff import ReadOnlyAdmin, actor_of
from movies.outbox import bus
from sessions_ingest import dead_letters
from sessions_ingest.models import DeadLetterAct

SHOWN = 50  # letters of each queue, and acts, on the page
# A click that takes longer would keep a web process from its readers: it ends, and says that there is more.
CLICK_SECONDS = 5.0
HANDLE = "sessions_ingest.handle_dead_letters"


@admin.register(DeadLetterAct)
class DeadLetterAdmin(ReadOnlyAdmin):
    """What waits comes from SQS at each look; the acts are records, which nobody changes."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET shows, POST acts; discarding asks once more."""
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
            "acts": DeadLetterAct.objects.all()[:SHOWN],
            "may_handle": request.user.has_perm(HANDLE),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/sessions_ingest/dead_letters.html", context)

    def _act(self, request: HttpRequest) -> HttpResponse:
        queue, act = request.POST.get("queue", ""), request.POST.get("act", "")
        ids = None if act.endswith("-all") else request.POST.getlist("id")
        if queue not in bus.queue_names() or act not in ACTS:
            messages.error(request, "Nothing was done: that is no act on a queue of this service.")
        elif ids == []:
            messages.warning(request, "Nothing was done: tick the messages first.")
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
    "redrive": (dead_letters.redrive, "put back into"),
    "redrive-all": (dead_letters.redrive, "put back into"),
    "discard": (dead_letters.discard, "discarded from"),
    "discard-all": (dead_letters.discard, "discarded from"),
}


def _do(request: HttpRequest, queue: str, act: str, ids: list[str] | None) -> None:
    deal_with, past = ACTS[act]
    try:
        outcome = deal_with(queue, actor=actor_of(request), ids=ids, seconds=CLICK_SECONDS)
    except dead_letters.QueueUnreachable as error:
        messages.error(request, str(error))
        return
    messages.success(request, f"{outcome.done:,} {past} {queue}.")
    if outcome.unfinished:
        messages.warning(request, "There are more: do it again, or use manage.py dead_letters.")
    if outcome.missing:
        messages.warning(
            request, f"{len(outcome.missing)} not found: somebody was faster, or holds them just now."
        )


def _queue(name: str) -> dict[str, Any]:
    """What the page shows of one queue; SQS away is a sentence on the page, not an error."""
    try:
        letters = dead_letters.look(name, limit=SHOWN)
        return {"name": name, "letters": letters, "count": max(len(letters), dead_letters.count(name))}
    except dead_letters.QueueUnreachable as error:
        return {"name": name, "problem": str(error)}
