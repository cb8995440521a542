"""Idempotency-Key: a repeated POST gets the response to the first one, and its work is done once.

Work in PostgreSQL alone: the response's row is inserted first and filled last, in the transaction that does the work.
A concurrent repeat waits at the row's unique key, and a process that dies leaves neither work nor response.

Work that is idempotent by itself (sessions and recommendations, which may go to a store outside PostgreSQL): the row
is committed first, with the time of the first request, and the response only when all stores have the work. When a
process dies in between, no response is kept, and repeating the work with that time changes nothing.
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

from movies.foundation.database_errors import is_lock_timeout
from tetraflix.access.api_keys import BadKey, caller_of, rate_limit_wait
from tetraflix.models import KeptAnswer

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255  # characters
KEPT_HOURS = 24
# How long a repeat waits for the first request, because a waiting thread serves no other request.
LOCK_TIMEOUT = "1s"
IN_PROGRESS = "The same request is still being processed. Try again in a moment."
ANOTHER_REQUEST = f"This {HEADER} came with another address or body before."
# Responses that hold for a repeat, too; a repeat may fare better after 401, 403, 409, 413, 429 and 5xx.
KEPT_STATUSES = {*range(200, 300), 400, 415, 422}
KEPT_HEADERS = ("Content-Type", "Location", "ETag")

# The row of a response of more than KEPT_HOURS is reused.
INSERT_ROW = """
INSERT INTO tetraflix_keptanswer AS kept (key_id, name, request, headers, body, created)
VALUES (%s, %s, %s, '{}', '', clock_timestamp())
ON CONFLICT (key_id, name) DO UPDATE
SET request = excluded.request, status = NULL, headers = '{}', body = '', created = excluded.created
WHERE kept.created < clock_timestamp() - make_interval(hours => %s)
RETURNING id
"""

View = Callable[..., HttpResponseBase]


class _NotKept(Exception):
    """Rolls the transaction back, because a repeat may get another response."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def idempotent(view: View, *, counts_once: bool = False) -> View:
    """The view, which answers a POST that repeats an Idempotency-Key of the same API key with its first response.

    `counts_once`: repeating the view's work with `request.first_received_at` as its time counts nothing twice.
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
            return view(request, *args, **kwargs)  # which responds with the error
        if not 1 <= len(name) <= MAX_KEY_LENGTH or not name.isprintable():
            return _error(
                400,
                f"{HEADER} has 1 to {MAX_KEY_LENGTH} printable characters.",
                {HEADER: [f"1 to {MAX_KEY_LENGTH} printable characters."]},
            )
        keyed = _KeyedRequest(caller.holder_id, name, _fingerprint(request))
        return answer_once(keyed, request, lambda: view(request, *args, **kwargs))

    return answer


@dataclass(frozen=True, slots=True)
class _KeyedRequest:
    key_id: int  # of the holder's first key, so that a repetition with the key of a roll is one, too
    name: str
    fingerprint: bytes


def _with_the_work(
    keyed: _KeyedRequest, request: HttpRequest, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    try:
        with transaction.atomic():
            row = _insert(keyed)
            if row is not None:
                response = work()
                if not _keep(row, response):
                    raise _NotKept(response)
                return response
    except _NotKept as answer:
        return answer.response
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        return _error(409, IN_PROGRESS, retry_after=1)
    return _replay(keyed)


def _after_the_work(
    keyed: _KeyedRequest, request: HttpRequest, work: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    with transaction.atomic():
        _insert(keyed)
    kept = KeptAnswer.objects.get(key_id=keyed.key_id, name=keyed.name)
    if kept.status is None and bytes(kept.request) == keyed.fingerprint:
        request.first_received_at = kept.created  # type: ignore[attr-defined]
        response = work()
        if _keep(kept.pk, response) or response.status_code not in KEPT_STATUSES:
            return response
    return _replay(keyed)


def _replay(keyed: _KeyedRequest) -> HttpResponseBase:
    kept = KeptAnswer.objects.get(key_id=keyed.key_id, name=keyed.name)
    if bytes(kept.request) != keyed.fingerprint:
        return _error(422, ANOTHER_REQUEST)
    replay = HttpResponse(bytes(kept.body), status=kept.status, headers=kept.headers)
    replay["Idempotent-Replay"] = "true"
    return replay


def _fingerprint(request: HttpRequest) -> bytes:
    return hashlib.sha256(f"{request.get_full_path()}\n".encode() + request.body).digest()


def _insert(keyed: _KeyedRequest) -> int | None:
    """The id of a new row, locked until the transaction ends; None when the key has a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT]
        )
        before, _ = cursor.fetchone()
        cursor.execute(INSERT_ROW, [keyed.key_id, keyed.name, keyed.fingerprint, KEPT_HOURS])
        row = cursor.fetchone()
        # not DEFAULT, because the connection of a web process has its own time-out
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
    return row[0] if row else None


def _keep(row: int, response: HttpResponseBase) -> bool:
    """Keeps the response if its status allows it and none was kept before; returns whether it did."""
    if response.status_code not in KEPT_STATUSES or not isinstance(response, HttpResponse):
        return False
    if isinstance(response, SimpleTemplateResponse):  # DRF would render it only after this
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
    """Deletes responses of more than KEPT_HOURS. Returns how many."""
    return KeptAnswer.objects.filter(created__lt=Now() - timedelta(hours=KEPT_HOURS)).delete()[0]
