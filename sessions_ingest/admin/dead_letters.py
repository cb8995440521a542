"""The admin page of dead letters: by reason, to redrive, edit or discard them, and the log of what was done."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html

from movies.foundation import strict_json
from movies.foundation.numbers import whole_number
from movies.outbox import bus
from movies.staff_pages.confirmation import ask, is_sure
from movies.staff_pages.staff_admin import ReadOnlyAdmin, actor_of
from sessions_ingest import dead_letters
from sessions_ingest.admin.dead_letter_rows import queue_part
from sessions_ingest.dead_letters import ActionResult, DeadLettersUnavailable
from sessions_ingest.models import DeadLetterAct

LOG_ROWS = 50
# A longer request would block a web process: it ends then, and the page says that there are more.
REQUEST_SECONDS = 5.0
MAX_UNDONE = 1_000  # discarded messages that one undo takes
HANDLE = "sessions_ingest.handle_dead_letters"
GONE = "{} not found: someone else handled them, or is receiving them now."


@admin.register(DeadLetterAct)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Reads the dead letters from SQS at each request; the records of actions are read-only."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET shows the page, or with `edit` the form of one message; POST acts, if need be after a question."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST" or "edit" in request.GET or "undo" in request.GET:
            if not request.user.has_perm(HANDLE):
                raise PermissionDenied
            form = self._edit if "edit" in request.GET else _undo if "undo" in request.GET else _act
            return form(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Dead letters",
            "queues": [queue_part(name) for name in bus.queue_names()],
            "acts": DeadLetterAct.objects.all()[:LOG_ROWS],
            "may_handle": request.user.has_perm(HANDLE),
        }
        return TemplateResponse(request, "admin/sessions_ingest/dead_letters.html", context)

    def _edit(self, request: HttpRequest) -> HttpResponse:
        """The form of one message; a valid body is redriven, an invalid one is shown again with the reason."""
        queue, id_ = request.GET.get("queue", ""), request.GET["edit"]
        page = HttpResponseRedirect(request.path)
        if not dead_letters.is_checked(queue):
            messages.error(request, "Nothing was done: messages of this queue cannot be edited here.")
            return page
        try:
            letter = dead_letters.find(queue, id_, seconds=REQUEST_SECONDS)
            if letter is None:
                messages.warning(request, GONE.format(1))
                return page
            body = (
                request.POST.get("body", "").strip() if request.method == "POST" else _indented(letter.body)
            )
            problem = dead_letters.problem(queue, body, letter.sent_at)
            if request.method == "POST" and not problem:
                result = dead_letters.redrive_edited(
                    queue, id_, body, actor=actor_of(request), seconds=REQUEST_SECONDS
                )
                _report(request, result, f"edited and redriven to {queue}")
                return page
        except DeadLettersUnavailable as error:
            messages.error(request, str(error))
            return page
        context = {
            **self.admin_site.each_context(request),
            "title": "Edit and redrive",
            "letter": letter,
            "body": body,
            "problem": problem,
        }
        return TemplateResponse(request, "admin/sessions_ingest/edit.html", context)


def _act(request: HttpRequest) -> HttpResponse:
    queue, act = request.POST.get("queue", ""), request.POST.get("act", "")
    ids = None if act.endswith("-all") else request.POST.getlist("id")
    if queue not in bus.queue_names() or act not in ACTS:
        messages.error(request, "Nothing was done: unknown queue or action.")
    elif ids == []:
        messages.warning(request, "Nothing was done: select messages first.")
    elif act != "redrive" and not is_sure(request):
        return _question(request, queue, act, ids)
    else:
        action, past = ACTS[act]
        try:
            result = action(queue, actor=actor_of(request), ids=ids, seconds=REQUEST_SECONDS)
        except DeadLettersUnavailable as error:
            messages.error(request, str(error))
        else:
            _report(request, result, f"{past} {queue}", undo=act.startswith("discard"))
    return HttpResponseRedirect(request.path)


ACTS: dict[str, tuple[Callable[..., ActionResult], str]] = {
    "redrive": (dead_letters.redrive, "redriven to"),
    "redrive-all": (dead_letters.redrive, "redriven to"),
    "discard": (dead_letters.discard, "discarded from"),
    "discard-all": (dead_letters.discard, "discarded from"),
}


def _question(request: HttpRequest, queue: str, act: str, ids: Sequence[str] | None) -> HttpResponse:
    part = queue_part(queue)
    letters = (
        _letters(len(ids)) if ids is not None else f"all {part.get('written_count', 'the')} dead letters"
    )
    if act.startswith("discard"):
        verb, consequences = (
            "Discard",
            ["They leave the dead-letter queue. The log keeps them, and Undo brings them back."],
        )
    else:
        verb, consequences = (
            "Redrive",
            [f"They are sent to {queue} again, and the consumer reads them at once."],
        )
        if returning := part.get("returning"):
            consequences.append(
                f"{returning:,} of those shown are invalid as they stand: the consumer refuses them, and they come"
                " back. Edit those, or discard them."
            )
    return ask(
        request,
        question=f"{verb} {letters} of {queue}?",
        consequences=consequences,
        yes=f"Yes, {verb.lower()}",
        fields=[("queue", queue), ("act", act), *(("id", id_) for id_ in ids or ())],
        danger=act.startswith("discard"),
    )


def _undo(request: HttpRequest) -> HttpResponse:
    """Undoes the discard of one record, or asks before it undoes this person's own from one record to another."""
    first, _, last = request.GET["undo"].partition("-")
    bounds = whole_number(first) or 0, whole_number(last or first) or 0
    found = DeadLetterAct.objects.filter(pk__range=bounds, act=DeadLetterAct.Act.DISCARDED, undone_at=None)
    if last:
        found = found.filter(actor=actor_of(request))
    records = list(found.order_by("pk").values_list("pk", flat=True)[:MAX_UNDONE])
    if records and request.method != "POST":
        return ask(
            request,
            question=f"Undo the discard of {_letters(len(records))}?",
            consequences=["They are sent to their dead-letter queues once more."],
            yes="Yes, undo",
            fields=[],
            back=request.path,
        )
    try:
        undone = dead_letters.undo_discard(records, actor=actor_of(request), seconds=REQUEST_SECONDS)
    except DeadLettersUnavailable as error:
        messages.error(request, str(error))
    else:
        if undone:
            messages.success(request, f"{undone:,} back in the dead-letter queue.")
        else:
            messages.warning(request, "Nothing was done: that was undone before.")
    return HttpResponseRedirect(request.path)


def _report(request: HttpRequest, result: ActionResult, past: str, *, undo: bool = False) -> None:
    if result.done:
        text = format_html("{} {}.", f"{result.done:,}", past)
        if undo:
            first, last = min(result.records), max(result.records)
            text = format_html('{} <a class="tf-button" href="?undo={}-{}">Undo</a>', text, first, last)
        messages.success(request, text)
    if result.invalid:
        messages.warning(
            request,
            f"{result.invalid:,} of them will come back here, because the consumer refuses them as they are.",
        )
    if result.unfinished:
        messages.warning(request, "There are more: repeat the action, or use manage.py dead_letters.")
    if result.missing:
        messages.warning(request, GONE.format(len(result.missing)))
    elif not result.done and not result.unfinished:
        messages.warning(request, "Nothing was done: SQS refused the messages, or there are none.")


def _letters(number: int) -> str:
    return f"{number:,} dead letter{'' if number == 1 else 's'}"


def _indented(body: str) -> str:
    """The body as people edit JSON; as it is if it is not JSON."""
    try:
        return json.dumps(strict_json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
