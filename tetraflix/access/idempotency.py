"""Idempotency-Key: a POST that is sent again gets the first answer again, and nothing is done twice.

Work in PostgreSQL alone: the answer's row is written first and filled last, in the transaction that does the
work. Whoever sends the same again meanwhile waits at the row's unique key, and a process that dies in between
leaves neither work nor answer.

Work that counts once by itself (sessions and recommendations, which may go to a store outside PostgreSQL):
the row is written first, and says when the request first came; the answer only when all stores have the work.
A process that dies in between leaves no answer, and repeating the work as of that time changes nothing.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.response import SimpleTemplateResponse
from psycopg2.errors import LockNotAvailable

from tetraflix.access.api_keys import BadKey, caller_of, rate_limit_wait
from tetraflix.models import KeptAnswer

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255  # characters
KEPT_HOURS = 24
# How long a repeat waits for the first to finish: a waiting thread serves nobody else.
LOCK_TIMEOUT = "1s"
# The answers that stay true when the same is sent again; 401, 403, 409, 413, 429 and 5xx may not.
KEPT_STATUSES = {*range(200, 300), 400, 415, 422}
KEPT_HEADERS = ("Content-Type", "Location", "ETag")

# An answer older than a day is as good as none: its row is taken over.
TAKE_THE_ROW = """
INSERT INTO tetraflix_keptanswer AS kept (key_id, name, request, headers, body, created)
VALUES (%s, %s, %s, '{}', '', clock_timestamp())
ON CONFLICT (key_id, name) DO UPDATE
SET request = excluded.request, status = NULL, headers = '{}', body = '', created = excluded.created
WHERE kept.created < clock_timestamp() - make_interval(hours => %s)
RETURNING id
"""

View = Callable[..., HttpResponseBase]


class _NotKept(Exception):
    """Ends the transaction without a trace: the answer may be another one the next time."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def idempotent(view: View, *, counts_once: bool = False) -> View:
    """The view; a POST that repeats an Idempotency-Key of the same API key gets what it answered first.

    `counts_once`: the view's work may be repeated as of `request.first_received_at` without being counted twice.
    """
    answer_once = _after_the_work if counts_once else _with_the_work

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.headers.get(HEADER)
        if name is None or request.method != "POST" or _too_large(request):
            return view(request, *args, **kwargs)
        try:
            caller = caller_of(request)
        except BadKey:
            caller = None
        if caller is None or rate_limit_wait(request, caller):
            return view(request, *args, **kwargs)  # which says so
        if not 1 <= len(name) <= MAX_KEY_LENGTH or not name.isprintable():
            return _error(
                400,
                f"{HEADER} has 1 to {MAX_KEY_LENGTH} printable characters.",
                {HEADER: [f"1 to {MAX_KEY_LENGTH} printable characters."]},
            )
        asked = _KeyedRequest(caller.id, name, _fingerprint(request))
        return answer_once(asked, request, lambda: view(request, *args, **kwargs))

    return answer


@dataclass(frozen=True, slots=True)
class _KeyedRequest:
    key_id: int
    name: str
    fingerprint: bytes


def _with_the_work(
    asked: _KeyedRequest, request: HttpRequest, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    try:
        with transaction.atomic():
            row = _take(asked)
            if row is not None:
                response = work()
                if not _keep(row, response):
                    raise _NotKept(response)
                return response
    except _NotKept as answer:
        return answer.response
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return _error(409, "The same request is being worked on; ask again.", retry_after=1)
    return _replay(asked)


def _after_the_work(
    asked: _KeyedRequest, request: HttpRequest, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    with transaction.atomic():
        _take(asked)
    kept = KeptAnswer.objects.get(key_id=asked.key_id, name=asked.name)
    if kept.status is None and bytes(kept.request) == asked.fingerprint:
        request.first_received_at = kept.created  # type: ignore[attr-defined]
        response = work()
        if _keep(kept.pk, response) or response.status_code not in KEPT_STATUSES:
            return response
    return _replay(asked)


def _replay(asked: _KeyedRequest) -> HttpResponseBase:
    kept = KeptAnswer.objects.get(key_id=asked.key_id, name=asked.name)
    if bytes(kept.request) != asked.fingerprint:
        return _error(422, f"This {HEADER} came with another address or body before.")
    replay = HttpResponse(bytes(kept.body), status=kept.status, headers=kept.headers)
    replay["Idempotent-Replay"] = "true"
    return replay


def _fingerprint(request: HttpRequest) -> bytes:
    return hashlib.sha256(f"{request.get_full_path()}\n".encode() + request.body).digest()


def _take(asked: _KeyedRequest) -> int | None:
    """The id of a new row, ours until the transaction ends; None when somebody's is there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT]
        )
        before, _ = cursor.fetchone()
        cursor.execute(TAKE_THE_ROW, [asked.key_id, asked.name, asked.fingerprint, KEPT_HOURS])
        row = cursor.fetchone()
        # DEFAULT would not be what the connection had: a web process has a time-out of its own
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
    return row[0] if row else None


def _keep(row: int, response: HttpResponseBase) -> bool:
    """Whether this answer is now the one that is kept: it is worth it, and no other was before."""
    if response.status_code not in KEPT_STATUSES or not isinstance(response, HttpResponse):
        return False
    if isinstance(response, SimpleTemplateResponse):  # DRF's are rendered later, after this
        response.render()
    return bool(
        KeptAnswer.objects.filter(pk=row, status=None).update(
            status=response.status_code,
            headers={header: response[header] for header in KEPT_HEADERS if header in response},
            body=response.content,
        )
    )


def _too_large(request: HttpRequest) -> bool:
    return int(request.META.get("CONTENT_LENGTH") or 0) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def _error(
    status: int, detail: str, errors: dict[str, list[str]] | None = None, *, retry_after: int | None = None
) -> JsonResponse:
    body = {"detail": detail} | ({"errors": errors} if errors else {})
    return JsonResponse(
        body, status=status, headers={"Retry-After": str(retry_after)} if retry_after else None
    )


def delete_old_answers() -> int:
    """Answers older than a day are gone. Returns how many."""
    return KeptAnswer.objects.filter(created__lt=Now() - timedelta(hours=KEPT_HOURS)).delete()[0]
