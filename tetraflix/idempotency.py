"""Idempotency-Key: a POST that is sent again gets the first answer again, and nothing is done twice.

The row of the answer is written first and filled last, in the transaction that does the work. So whoever
sends the same again meanwhile waits at the row's unique key, and a process that dies in between leaves
neither work nor answer. A store of lists outside PostgreSQL is written before that transaction commits, and
its writes may be repeated.
"""

import functools
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from psycopg2.errors import LockNotAvailable

from tetraflix.keys import BadKey, Caller, caller_of, wait_seconds
from tetraflix.models import KeptAnswer

HEADER = "Idempotency-Key"
LONGEST = 255  # characters
KEPT = timedelta(hours=24)
# How long a repeat waits for the first to finish: a waiting thread serves nobody else.
PATIENCE = "1s"
# The answers that stay true when the same is sent again; 401, 403, 409, 413, 429 and 5xx may not.
KEPT_STATUSES = {*range(200, 300), 400, 415, 422}
KEPT_HEADERS = ("Content-Type", "Location", "ETag")

# An answer older than a day is as good as none: its row is taken over.
TAKE_THE_ROW = """
INSERT INTO tetraflix_keptanswer AS kept (key_id, name, request, headers, body, created)
VALUES (%s, %s, %s, '{}', '', %s)
ON CONFLICT (key_id, name) DO UPDATE
SET request = excluded.request, status = NULL, headers = '{}', body = '', created = excluded.created
WHERE kept.created < %s
RETURNING id
"""

View = Callable[..., HttpResponseBase]


class _NotKept(Exception):
    """Ends the transaction without a trace: the answer may be another one the next time."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def idempotent(view: View) -> View:
    """The view; a POST that repeats an Idempotency-Key of the same API key gets what it answered first."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.headers.get(HEADER)
        if name is None or request.method != "POST" or _too_large(request):
            return view(request, *args, **kwargs)
        try:
            caller = caller_of(request)
        except BadKey:
            caller = None
        if caller is None or wait_seconds(request, caller):
            return view(request, *args, **kwargs)  # which says so
        if not 1 <= len(name) <= LONGEST or not name.isprintable():
            return _error(
                400,
                f"{HEADER} has 1 to {LONGEST} printable characters.",
                {HEADER: ["Bad length or character."]},
            )
        return _once(view, request, args, kwargs, caller=caller, name=name)

    return answer


def _once(
    view: View, request: HttpRequest, args: Any, kwargs: Any, *, caller: Caller, name: str
) -> HttpResponseBase:
    fingerprint = hashlib.sha256(f"{request.get_full_path()}\n".encode() + request.body).digest()
    try:
        with transaction.atomic():
            row = _take(caller, name, fingerprint)
            if row is not None:
                response = view(request, *args, **kwargs)
                _keep(row, response)
                return response
        kept = KeptAnswer.objects.get(key_id=caller.id, name=name)
    except _NotKept as answer:
        return answer.response
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return _error(409, "The same request is being worked on; ask again.", retry_after=1)
    if bytes(kept.request) != fingerprint:
        return _error(422, f"This {HEADER} came with another address or body before.")
    replay = HttpResponse(bytes(kept.body), status=kept.status, headers=kept.headers)
    replay["Idempotent-Replay"] = "true"
    return replay


def _take(caller: Caller, name: str, fingerprint: bytes) -> int | None:
    """The id of a new row, ours until the transaction ends; None when somebody's answer is there."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(TAKE_THE_ROW, [caller.id, name, fingerprint, now, now - KEPT])
        row = cursor.fetchone()
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    return row[0] if row else None


def _keep(row: int, response: HttpResponseBase) -> None:
    if response.status_code not in KEPT_STATUSES or not isinstance(response, HttpResponse):
        raise _NotKept(response)
    if not getattr(response, "is_rendered", True):
        response.render()  # type: ignore[attr-defined]
    KeptAnswer.objects.filter(pk=row).update(
        status=response.status_code,
        headers={header: response[header] for header in KEPT_HEADERS if header in response},
        body=response.content,
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


def forget_old_answers() -> int:
    """Answers older than a day are gone. Returns how many."""
    return KeptAnswer.objects.filter(created__lt=timezone.now() - KEPT).delete()[0]
