"""Creates, verifies, rate-limits and revokes API keys. None is cached, so a revoked or ended key is refused at once.

A key reads `tfd_4f8k2m9q1x_<43 characters>`: the prefix of its role, the look-up part that finds its row, the secret.
"""

import hashlib
import hmac
import math
import re
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from movies.foundation.times import written
from tetraflix.models import ApiKey, ApiKeys, KeyUse

PREFIXES: dict[str, str] = {ApiKey.Role.DISTRIBUTOR: "tfd", ApiKey.Role.SERVICE: "tfs"}
# Without vowels, l, 0 and 1: no ambiguous characters, and no words.
LOOKUP_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
SHAPE = re.compile(r"(tfd|tfs)_([2-9b-z]{10})_([A-Za-z0-9_-]{43})")
LAST_USED_PRECISION = timedelta(minutes=1)
TAKEN = "A key named {} is in use. Choose another name, or revoke that key first."

COUNT_A_CALL = """
INSERT INTO tetraflix_keyuse AS use (key_id, minute, calls, day, calls_in_day) VALUES (%s, %s, 1, %s, 1)
ON CONFLICT (key_id) DO UPDATE SET
    calls = CASE WHEN use.minute = excluded.minute THEN use.calls + 1 ELSE 1 END, minute = excluded.minute,
    calls_in_day = CASE WHEN use.day = excluded.day THEN use.calls_in_day + 1 ELSE 1 END, day = excluded.day
RETURNING calls
"""


class BadKey(Exception):
    """An invalid, revoked or ended API key; the message says which."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of an active key."""

    key_id: int
    holder_id: int  # the same before and after a roll
    name: str
    role: str

    @property
    def actor(self) -> str:
        """Their name in the history of changes."""
        return f"key:{self.name}"

    @property
    def is_authenticated(self) -> bool:
        return True


class BadName(ValueError):
    """The name is not allowed for a new key; the message says why."""


def checked_name(name: str) -> str:
    """The name without surrounding blanks. Raises BadName, also when an active key has this name."""
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadName("A key's name has 1 to 100 printable characters.")
    if ApiKey.objects.filter(name=name).active().exists():
        raise BadName(TAKEN.format(name))
    return name


def create_key(*, name: str, role: str, actor: str = "") -> tuple[ApiKey, str]:
    """Creates a key; returns its row, and the key, which is not stored. Raises ValueError for a bad name or role."""
    return store_new_key(name=checked_name(name), role=role, actor=actor)


def store_new_key(*, name: str, role: str, actor: str, first_id: int | None = None) -> tuple[ApiKey, str]:
    """Stores a key under a checked name. Raises BadName if a key without an end has the name."""
    lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(10))
    key = f"{PREFIXES[ApiKey.Role(role)]}_{lookup}_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        name=name, role=role, lookup=lookup, digest=_digest(key), created_by=actor, first_id=first_id
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:  # another key took the name after the check
        raise BadName(TAKEN.format(name)) from error
    return row, key


def revoke_keys(which: QuerySet[ApiKey], *, actor: str = "") -> int:
    """Revokes the keys, effective at the next request. Returns how many were active."""
    return which.filter(pk__in=ApiKey.objects.active().values("pk")).update(
        revoked_at=timezone.now(), revoked_by=actor
    )


def is_key_of(row: ApiKey, key: str) -> bool:
    """Whether the row is that of this key."""
    return hmac.compare_digest(bytes(row.digest), _digest(key))


def find_active_keys(name_or_lookup: str) -> ApiKeys:
    """The active keys with this name or look-up part; also accepts a whole key."""
    shape = SHAPE.fullmatch(name_or_lookup)
    lookup = shape[2] if shape else name_or_lookup
    return ApiKey.objects.filter(Q(name=name_or_lookup) | Q(lookup=lookup)).active()


def caller_of(request: HttpRequest) -> Caller | None:
    """The caller who sent this request; None when it has no key. Raises BadKey for a key that is not active."""
    known: Caller | None = getattr(request, "_caller", None)
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if known is None and header:
        known = _verified(header)
        request._caller = known  # type: ignore[attr-defined]
    return known


def _verified(header: str) -> Caller:
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer":
        raise BadKey("Send the key as: Authorization: Bearer <key>.")
    shape = SHAPE.fullmatch(key.strip())
    row = ApiKey.objects.filter(lookup=shape[2]).first() if shape else None
    if row is None or not is_key_of(row, key.strip()):
        raise BadKey("No such API key.")
    if row.revoked_at is not None:
        raise BadKey("This API key was revoked.")
    now = timezone.now()
    if row.ends_at is not None and row.ended(now):
        raise BadKey(f"This API key was replaced, and ended at {written(row.ends_at)}.")
    if row.last_used is None or row.last_used < now - LAST_USED_PRECISION:
        # conditional, so that one of many concurrent requests writes
        stale = Q(last_used=None) | Q(last_used__lt=now - LAST_USED_PRECISION)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used=now)
    return Caller(row.pk, row.holder_id, row.name, row.role)


def rate_limit_wait(request: HttpRequest, caller: Caller) -> int:
    """Counts this write, once for each request. Returns 0, or the seconds until the caller may write again."""
    known: int | None = getattr(request, "_rate_limit_wait", None)
    if known is None:
        now = time.time()
        with connection.cursor() as cursor:
            cursor.execute(COUNT_A_CALL, [caller.key_id, int(now // 60), int(now // 86_400)])
            (calls,) = cursor.fetchone()
        known = math.ceil(60 - now % 60) if calls > settings.WRITES_PER_MINUTE else 0
        request._rate_limit_wait = known  # type: ignore[attr-defined]
    return known


def writes_of(key: ApiKey) -> tuple[int, int]:
    """The writes of this key in the present minute and the present day (UTC), with those that were refused."""
    use, now = KeyUse.objects.filter(pk=key.pk).first(), time.time()
    if use is None:
        return 0, 0
    return (
        use.calls if use.minute == now // 60 else 0,
        use.calls_in_day if use.day == now // 86_400 else 0,
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
