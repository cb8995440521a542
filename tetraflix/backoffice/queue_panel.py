"""The dashboard's table of queues (what waits, since when, what is dead, a minute's rate), and the menu's number."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from movies.outbox import publisher
from tetraflix.health import service_state
from tetraflix.health.service_state import Feed, Ingest, QueueState

DEAD_LETTERS = "sessions_ingest_deadletteract"
May = Callable[[str], bool]


def queue_rows(
    queues: Mapping[str, QueueState] | None,
    feed: Feed,
    last_minute: Mapping[str, Ingest],
    slowest: Mapping[str, float],
    pending: Mapping[str, float],
    may: May,
) -> list[dict[str, Any]] | None:
    """A row for each queue; None when SQS does not answer. Values that do not exist are None.

    SQS does not report the age of waiting messages, so it is taken from what is stored: `slowest` has the ingest
    latency in seconds by queue, `pending` the seconds that each task has waited, and of changes it is known when each
    was sent.
    """
    if queues is None:
        return None
    rows = []
    for name, queue in queues.items():
        row = {
            "name": name,
            "waiting": queue.depth,
            "dead": queue.dead,
            "dead_address": _address(DEAD_LETTERS, may("sessions_ingest.view_deadletteract")),
            "oldest_seconds": None,
            "oldest_at_least": False,
            "rate": None,
            "rate_at_least": False,
        }
        if name == settings.CHANGES_QUEUE:
            row |= {
                "what": "Changes of movies, for the sister services",
                "address": _address("movies_moviechange", may("movies.view_moviechange")),
                "oldest_seconds": feed.age_seconds if queue.depth else None,
                "oldest_at_least": queue.depth > publisher.COUNTED,
                "rate": feed.sent_last_minute,
                "rate_at_least": feed.sent_last_minute == publisher.COUNTED,
            }
        elif name == settings.CELERY_QUEUE:
            row |= {
                "what": "Background tasks of this service",
                "address": _address("movies_job", may("movies.view_job")),
                "oldest_seconds": max(pending.values(), default=None) if queue.depth else None,
            }
        else:
            sessions = name == settings.SESSION_QUEUE
            row |= {
                "what": "Sessions, from Events" if sessions else "Lists, from Recommendations",
                "address": _address(
                    "sessions_ingest_recordedmessages", may("recommendations.view_userlists"), queue=name
                ),
                "oldest_seconds": slowest.get(name) if queue.depth else None,
                "rate": last_minute[name].messages if name in last_minute else 0,
            }
        rows.append(row)
    return rows


def dead_letter_badge(request: HttpRequest) -> str:
    """The number beside *Dead letters* in the menu; "" for none, and while it is not known.

    No page waits for SQS because of it but that of the dead letters, which asks SQS anyway, and where a number from
    before a redrive would be wrong.
    """
    if request.path == reverse(f"admin:{DEAD_LETTERS}_changelist"):
        service_state.queue_depths.clear()
        queues = service_state.queue_depths.get()
    else:
        queues = service_state.queue_depths.latest()
    dead = sum(queue.dead for queue in (queues or {}).values())
    return f"{dead:,}" if dead else ""


def _address(model: str, allowed: bool, **query: str) -> str | None:
    if not allowed:
        return None
    return reverse(f"admin:{model}_changelist") + (f"?{urlencode(query)}" if query else "")
