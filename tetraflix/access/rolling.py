"""Rolling an API key: a new key of the same name and role replaces it, and the old one ends after a chosen time.

A name has at most two active keys: the old one, which has an end, and the new one, which has none.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from movies.foundation.times import written
from tetraflix.access.api_keys import revoke_keys, store_new_key
from tetraflix.models import ApiKey, ApiKeys

# How long the old key is accepted after a roll, by the word for it.
ENDS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
DEFAULT_END = "24h"


class CannotRoll(Exception):
    """The keys are not in the state that the act needs; the message says why. Nothing was changed."""


def roll_key(key: ApiKey, *, keep: timedelta, actor: str = "") -> tuple[ApiKey, str]:
    """Creates the key that replaces this one, which is accepted for `keep` longer. Returns the new row and key."""
    with transaction.atomic():
        keys = _locked(key)
        old = _current(keys, key)
        if old.ends_at is not None:
            raise CannotRoll("This key was rolled before. Roll the key that replaces it.")
        before = old_half(keys)
        if keep and before is not None and before.ends_at is not None:
            raise CannotRoll(
                f"The key before this one is accepted until {written(before.ends_at)}. Until then this key can"
                " only be rolled with an immediate end."
            )
        _end(old, keep, actor)
        return store_new_key(name=old.name, role=old.role, actor=actor, first_id=old.holder_id)


def change_end(key: ApiKey, *, keep: timedelta, actor: str = "") -> None:
    """Moves the end of a rolled key to `keep` from now."""
    with transaction.atomic():
        old = _current(_locked(key), key)
        if old.ends_at is None:
            raise CannotRoll("This key has no end, because it was not rolled.")
        _end(old, keep, actor)


def undo_roll(key: ApiKey, *, actor: str = "") -> None:
    """Takes the key's end back, and revokes the key that replaced it. Refused once that one was used."""
    with transaction.atomic():
        keys = _locked(key)
        old = _current(keys, key)
        if old.ends_at is None:
            raise CannotRoll("There is no roll to undo.")
        for new in (one for one in keys if one.pk > old.pk and one.is_active()):
            if new.last_used is not None:
                raise CannotRoll(f"The new key ({new.lookup}) was used at {written(new.last_used)}.")
            revoke_keys(ApiKey.objects.filter(pk=new.pk), actor=actor)
        ApiKey.objects.filter(pk=old.pk).update(ends_at=None)


def holders_keys(key: ApiKey) -> list[ApiKey]:
    """All keys of the key's holder, oldest first: each one replaced the one before."""
    return list(_family(key))


def old_half(keys: list[ApiKey]) -> ApiKey | None:
    """Of a holder's keys, the one that was rolled and is still accepted."""
    return next((key for key in keys if key.ends_at is not None and key.is_active()), None)


def _end(old: ApiKey, keep: timedelta, actor: str) -> None:
    row = ApiKey.objects.filter(pk=old.pk)
    if keep:
        row.update(ends_at=timezone.now() + keep)
    else:
        revoke_keys(row, actor=actor)


def _family(key: ApiKey) -> ApiKeys:
    return ApiKey.objects.filter(Q(pk=key.holder_id) | Q(first=key.holder_id)).order_by("pk")


def _locked(key: ApiKey) -> list[ApiKey]:
    """The holder's keys, locked until the transaction ends, so that one act at a time changes them."""
    return list(_family(key).select_for_update(no_key=True))


def _current(keys: list[ApiKey], key: ApiKey) -> ApiKey:
    """The key as it is stored now. Raises CannotRoll if it is not active."""
    current = next(one for one in keys if one.pk == key.pk)
    if not current.is_active():
        raise CannotRoll("This key is not accepted any more, so it cannot be rolled. Create a new key.")
    return current
