"""The admin page of messages: the last ones of each queue with what became of them, found by user, movie or id."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib import messages as notices
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from movies.foundation.numbers import whole_number
from movies.foundation.times import age
from movies.staff_pages.staff_admin import ReadOnlyAdmin
from sessions_ingest.message_log import log
from sessions_ingest.message_log.outcomes import STATES
from sessions_ingest.message_log.record import Record
from sessions_ingest.models import RecordedMessages

PAGE_SIZE = 50
SHOWN_MOVIES = 3  # of a message, linked
EXACT_SECONDS = 60  # a shorter latency is shown with its milliseconds
LOOKS = {"applied": "tf-good", "dead-lettered": "tf-bad", "failed": "tf-bad"}  # of the other states: plain
Found = tuple[str, Record]  # the queue's name, and a message


@admin.register(RecordedMessages)
class MessagesAdmin(ReadOnlyAdmin):
    """Reads the log of messages. They say what users watch, so those may see them who may see users."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("recommendations.view_userlists")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET shows a page of messages; `queue`, `state`, `user`, `movie` and `id` choose, `before` continues."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        queues = (settings.SESSION_QUEUE, settings.RECS_QUEUE)
        asked = {
            name: request.GET.get(name, "").strip() for name in ("queue", "state", "user", "movie", "id")
        }
        for name in ("user", "movie"):
            if asked[name] and whole_number(asked[name]) is None:
                notices.error(request, f"{name.title()} is a whole number, so the filter is left out.")
                asked[name] = ""
        found = _sorted(
            (queue, record)
            for queue in queues
            if asked["queue"] in ("", queue)
            for record in log.last(queue, settings.MESSAGES_KEPT)
            if _matches(record, asked)
        )
        states = Counter(record.state for _, record in found)
        chosen = [each for each in found if asked["state"] in ("", each[1].state)]
        page, before = _page(chosen, request.GET.get("before", ""))
        context = {
            **self.admin_site.each_context(request),
            "title": "Messages",
            "rows": [_row(queue, record) for queue, record in page],
            "asked": asked,
            "kept": f"{settings.MESSAGES_KEPT:,}" if settings.MESSAGES_KEPT else "",
            "queues": [(name, _address(asked, queue=name)) for name in queues],
            "all_queues": _address(asked, queue=""),
            "states": [(state, f"{states[state]:,}", _address(asked, state=state)) for state in STATES],
            "all_states": (f"{len(found):,}", _address(asked, state="")),
            "filtered": any(asked.values()),
            "newest": _address(asked) if request.GET.get("before") else "",
            "older": _address(asked, before=before) if before else "",
        }
        return TemplateResponse(request, "admin/sessions_ingest/messages.html", context)

    def get_urls(self) -> list[URLPattern]:
        """The list alone, because a row of the table is no message."""
        name = "sessions_ingest_recordedmessages_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]


def _matches(record: Record, asked: dict[str, str]) -> bool:
    user, movie = whole_number(asked["user"]), whole_number(asked["movie"])
    return (
        (user is None or record.user == user)
        and (movie is None or movie in record.movies)
        and asked["id"] in ("", record.id)
    )


def _sorted(found: Any) -> list[Found]:
    return sorted(found, key=lambda each: _key(each[1]), reverse=True)


def _key(record: Record) -> tuple[int, str]:
    return record.at, record.id


def _page(found: list[Found], before: str) -> tuple[list[Found], str]:
    """PAGE_SIZE messages before this place, and the place of the next page; "" if there is none."""
    at, _, id_ = before.partition("-")
    if (milliseconds := whole_number(at)) is not None:
        found = [each for each in found if _key(each[1]) < (milliseconds, id_)]
    page = found[:PAGE_SIZE]
    last = page[-1][1] if len(found) > PAGE_SIZE else None
    return page, f"{last.at}-{last.id}" if last else ""


def _address(asked: dict[str, str], **changed: str) -> str:
    chosen = {name: value for name, value in (asked | changed).items() if value}
    return f"?{urlencode(chosen)}"


def _row(queue: str, record: Record) -> dict[str, Any]:
    latency = record.latency
    return {
        "queue": queue,
        "record": record,
        "look": LOOKS.get(record.state, ""),
        "movies": record.movies[:SHOWN_MOVIES],
        "more_movies": max(0, len(record.movies) - SHOWN_MOVIES),
        "latency": f"{latency:.2f} s" if latency < EXACT_SECONDS else age(latency),
    }
