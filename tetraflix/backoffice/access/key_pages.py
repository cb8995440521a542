"""The page of an API key and of what is done with it: roll, move the end, undo a roll, revoke."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html

from movies.foundation.times import ago
from movies.staff_pages.confirmation import ask, is_sure
from movies.staff_pages.staff_admin import actor_of
from tetraflix.access.api_keys import is_key_of, revoke_keys
from tetraflix.access.rolling import (
    DEFAULT_END,
    ENDS,
    CannotRoll,
    change_end,
    holders_keys,
    old_half,
    roll_key,
    undo_roll,
)
from tetraflix.backoffice.access.examples import EFFECT, PLACEHOLDER, curl
from tetraflix.backoffice.access.key_states import facts, page_of, shown
from tetraflix.models import ApiKey

# A cookie takes the new key from the response that created it to the page that shows it, so that it is neither in a
# URL nor stored here. The cookie is for that page alone, which shows its value only if it matches the stored hash.
NEW_KEY = "new_api_key"
NEW_KEY_SECONDS = 60
END_LABELS = {"now": "now", "1h": "in 1 hour", "24h": "in 24 hours", "7d": "in 7 days"}
NO_WAY_BACK = "This cannot be undone; only a new key gives access again."
NOTHING_REVOKED = "Nothing was revoked, because no active key is selected."
MAX_LOGGED = 20  # acts on the page of a key

Page = Callable[[HttpRequest, ApiKey], HttpResponse]


class EndForm(forms.Form):
    """When the old key of a roll ends."""

    keep = forms.ChoiceField(choices=list(END_LABELS.items()))


def to_new_key(key: ApiKey, secret: str) -> HttpResponse:
    """Redirects to the key's page, which shows the key once."""
    page = page_of(key)
    response = HttpResponseRedirect(page)
    response.set_cookie(
        NEW_KEY,
        secret,
        max_age=NEW_KEY_SECONDS,
        path=page,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def show(request: HttpRequest, key: ApiKey, *, may_roll: bool, may_revoke: bool) -> HttpResponse:
    """The key's page. Browsers do not store it, because all of the admin's responses are `no-store`."""
    secret = request.COOKIES.get(NEW_KEY, "")
    new_key = secret if secret and is_key_of(key, secret) else ""
    family = holders_keys(key)
    active = key.is_active()
    base = request.build_absolute_uri("/")
    context = {
        "title": f"Key {key.name}",
        "key": key,
        "new_key": new_key,
        "old_key": old_half(family) if new_key else None,
        "facts": facts(key, family),
        "may_roll": may_roll and active and key.ends_at is None,
        "may_revoke": may_revoke and active,
        "ends": END_LABELS if may_revoke and active and key.ends_at else {},
        "curl": curl(key.role, base=base, key=new_key or PLACEHOLDER) if active else "",
        "effect": EFFECT[ApiKey.Role(key.role)],
        "log": _log_of(key),
    }
    response = TemplateResponse(
        request, "admin/tetraflix/apikey/key.html", admin.site.each_context(request) | context
    )
    if secret:
        response.delete_cookie(NEW_KEY, path=request.path, samesite="Strict")
    return response


def _refusals_shown(page: Page) -> Page:
    """The page; if the keys are in another state than it needs, the key's page says so."""

    @wraps(page)
    def answer(request: HttpRequest, key: ApiKey) -> HttpResponse:
        try:
            return page(request, key)
        except CannotRoll as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(page_of(key))

    return answer


@_refusals_shown
def roll(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Asks when the old key ends; then creates the new one and shows it."""
    form = EndForm(request.POST)
    if request.method == "POST" and form.is_valid():
        keep = form.cleaned_data["keep"]
        with transaction.atomic():
            new, secret = roll_key(key, keep=ENDS[keep], actor=actor_of(request))
            _log(request, key, CHANGE, f"Rolled: {new.lookup} replaces it, and it ends {END_LABELS[keep]}.")
            _log(request, new, ADDITION, f"Replaces {key.lookup}.")
        return to_new_key(new, secret)
    before = old_half(holders_keys(key))
    context = {
        "title": f"Roll key {key.name}",
        "crumbs": [(f"Key {key.name}", page_of(key))],
        "key": key,
        "before": before,
        "back": page_of(key),
        "ends": {"now": END_LABELS["now"]} if before else END_LABELS,
        "chosen": "now" if before else DEFAULT_END,
    }
    return TemplateResponse(
        request, "admin/tetraflix/apikey/roll.html", admin.site.each_context(request) | context
    )


@_refusals_shown
def move_end(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Moves the end of a rolled key; an end now is a revocation, and asks."""
    form = EndForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was changed: choose one of the ends.")
    elif form.cleaned_data["keep"] == "now":
        return revoke(request, key)
    else:
        keep = form.cleaned_data["keep"]
        with transaction.atomic():
            change_end(key, keep=ENDS[keep], actor=actor_of(request))
            _log(request, key, CHANGE, f"End moved: it ends {END_LABELS[keep]}.")
        messages.success(request, f"The key ends {END_LABELS[keep]}.")
    return HttpResponseRedirect(page_of(key))


@_refusals_shown
def undo(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Asks; then takes the end of a rolled key back, and revokes the key that replaced it."""
    if not is_sure(request):
        return ask(
            request,
            question=f"Undo the roll of {key.name}?",
            consequences=[
                f"The key {shown(key)} is accepted without an end, as before the roll.",
                "The new key is revoked. If it was used already, nothing is changed.",
            ],
            yes="Yes, undo the roll",
            fields=(),
            back=page_of(key),
            crumbs=[(f"Key {key.name}", page_of(key))],
        )
    with transaction.atomic():
        undo_roll(key, actor=actor_of(request))
        _log(request, key, CHANGE, "Roll undone: it has no end, and the new key is revoked.")
    messages.success(request, "The roll is undone. This key has no end.")
    return HttpResponseRedirect(page_of(key))


def revoke(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Asks; then revokes the key, effective at the next request."""
    if key.is_active() and not is_sure(request):
        return ask(
            request,
            question=f"Revoke the key {key.name}?",
            consequences=[
                f"{shown(key)} is refused from the next request on.",
                format_html("It was last used {}.", ago(key.last_used))
                if key.last_used
                else "It was never used.",
                NO_WAY_BACK,
            ],
            yes="Yes, revoke",
            fields=[(name, request.POST[name]) for name in EndForm.base_fields if name in request.POST],
            danger=True,
            back=page_of(key),
            crumbs=[(f"Key {key.name}", page_of(key))],
        )
    revoke_now(request, [key])
    return HttpResponseRedirect(page_of(key))


def revoke_now(request: HttpRequest, keys: Sequence[ApiKey]) -> None:
    """Revokes those of the keys that are active, and says how many."""
    active = [key for key in keys if key.is_active()]
    if not active:
        messages.warning(request, NOTHING_REVOKED)
        return
    with transaction.atomic():
        number = revoke_keys(
            ApiKey.objects.filter(pk__in=[key.pk for key in active]), actor=actor_of(request)
        )
        for key in active:
            _log(request, key, CHANGE, "Revoked.")
    messages.success(request, f"{number} API key{'' if number == 1 else 's'} revoked, effective now.")


def _log(request: HttpRequest, key: ApiKey, flag: int, message: str) -> None:
    user_id: Any = request.user.pk  # never None, because pages of the admin need a login
    LogEntry.objects.log_actions(user_id, [key], flag, message, single_object=True)


def _log_of(key: ApiKey) -> list[dict[str, Any]]:
    """What staff did with the key, newest first; `facts` say what commands did."""
    of_key = {"content_type": ContentType.objects.get_for_model(ApiKey), "object_id": str(key.pk)}
    entries = LogEntry.objects.filter(**of_key).select_related("user").order_by("-action_time", "-pk")
    return [
        {
            "at": entry.action_time,
            "actor": f"staff:{entry.user.get_username()}",
            "what": entry.get_change_message(),
        }
        for entry in entries[:MAX_LOGGED]
    ]
