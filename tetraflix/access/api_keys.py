"""API keys: made, recognised, limited and revoked. No process remembers one: a revoked key is refused.

A key reads `tfd_4f8k2m9q1x_<43 characters>`: the role's prefix, the part that finds the row, the secret.
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

from tetraflix.models import ApiKey

PREFIXES = {ApiKey.Role.DISTRIBUTOR: "tfd", ApiKey.Role.SERVICE: "tfs"}
# No vowels, no l, o, 0 or 1: read aloud without doubt, and no words appear.
LOOKUP_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
SHAPE = re.compile(r"(tfd|tfs)_([2-9b-z]{10})_([A-Za-z0-9_-]{43})")
USED_EVERY = timedelta(minutes=1)
TAKEN = "A key named {} is in use. Choose another name, or revoke that key first."

COUNT_A_CALL = """
INSERT INTO tetraflix_keyuse AS use (key_id, minute, calls) VALUES (%s, %s, 1)
ON CONFLICT (key_id) DO UPDATE
SET calls = CASE WHEN use.minute = excluded.minute THEN use.calls + 1 ELSE 1 END, minute = excluded.minute
RETURNING calls
"""


class BadKey(Exception):
    """A key that opens nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a living key."""

    id: int
    name: str
    role: str

    @property
    def actor(self) -> str:
        """How the history of changes names them."""
        return f"key:{self.name}"

    @property
    def is_authenticated(self) -> bool:
        return True


class BadName(ValueError):
    """No new key can have this name; the message says why."""


def checked_name(name: str) -> str:
    """The name as a new key would have it. Raises BadName, also for the name of a key that is in use."""
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadName("A key's name has 1 to 100 printable characters.")
    if ApiKey.objects.filter(name=name, revoked_at=None).exists():
        raise BadName(TAKEN.format(name))
    return name


def create_key(*, name: str, role: str, actor: str = "") -> tuple[ApiKey, str]:
    """A new key's row, and the key itself, this once. Raises ValueError for a bad name (BadName) or role."""
    name = checked_name(name)
    lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(10))
    key = f"{PREFIXES[ApiKey.Role(role)]}_{lookup}_{secrets.token_urlsafe(32)}"
    row = ApiKey(name=name, role=role, lookup=lookup, digest=_digest(key), created_by=actor)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:  # somebody took the name since it was looked up
        raise BadName(TAKEN.format(name)) from error
    return row, key


def revoke_keys(which: QuerySet[ApiKey], *, actor: str = "") -> int:
    """None of these keys opens anything from the next request on. Returns how many did until now."""
    return which.filter(revoked_at=None).update(revoked_at=timezone.now(), revoked_by=actor)


def is_key_of(row: ApiKey, key: str) -> bool:
    """Whether this is the row's key."""
    return hmac.compare_digest(bytes(row.digest), _digest(key))


def find_active_keys(name_or_lookup: str) -> QuerySet[ApiKey]:
    """The living keys of this name, or the one with this look-up part; a whole key is taken too."""
    shape = SHAPE.fullmatch(name_or_lookup)
    lookup = shape[2] if shape else name_or_lookup
    return ApiKey.objects.filter(Q(name=name_or_lookup) | Q(lookup=lookup), revoked_at=None)


def caller_of(request: HttpRequest) -> Caller | None:
    """Who sends this request; None when it brings no key. Raises BadKey for a key that opens nothing."""
    known: Caller | None = getattr(request, "_caller", None)
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if known is None and header:
        known = _recognised(header)
        request._caller = known  # type: ignore[attr-defined]
    return known


def _recognised(header: str) -> Caller:
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
    if row.last_used is None or row.last_used < now - USED_EVERY:
        # conditional: of many requests at once, one writes
        stale = Q(last_used=None) | Q(last_used__lt=now - USED_EVERY)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used=now)
    return Caller(row.pk, row.name, row.role)


def rate_limit_wait(request: HttpRequest, caller: Caller) -> int:
    """Counts this write (once, however often asked): 0, or in how many seconds they may write again."""
    known: int | None = getattr(request, "_rate_limit_wait", None)
    if known is None:
        now = time.time()
        with connection.cursor() as cursor:
            cursor.execute(COUNT_A_CALL, [caller.id, int(now // 60)])
            (calls,) = cursor.fetchone()
        known = math.ceil(60 - now % 60) if calls > settings.WRITES_PER_MINUTE else 0
        request._rate_limit_wait = known  # type: ignore[attr-defined]
    return known


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
