"""An API key in words: its state, the facts of its page, and what else belongs to its holder."""

from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from movies.foundation.times import age, ago, when
from tetraflix.access.api_keys import PREFIXES, writes_of
from tetraflix.backoffice.access.examples import PURPOSE
from tetraflix.models import UNUSED_DAYS, ApiKey

Text = SafeString | str


def state(key: ApiKey) -> Text:
    """Whether requests are accepted with the key, since or until when, and who decided it."""
    if key.revoked_at is not None:
        return _coloured("bad", format_html("revoked {}{}", when(key.revoked_at), by(key.revoked_by)))
    if key.ends_at is not None and key.is_active():
        return _coloured("warn", format_html("ends {}", when(key.ends_at)))
    if key.ends_at is not None:
        return _coloured("bad", format_html("ended {}", when(key.ends_at)))
    if key.unused_for().days >= UNUSED_DAYS:
        return _coloured("warn", f"active, unused for {age(key.unused_for().total_seconds())}")
    return _coloured("good", "active")


def by(actor: str) -> str:
    return f" by {actor}" if actor else ""


def facts(key: ApiKey, family: list[ApiKey]) -> Iterator[tuple[str, Text]]:
    """The rows of the key's page. `family`: all keys of its holder, oldest first."""
    in_minute, in_day = writes_of(key)
    yield "State", state(key)
    yield "Role", f"{key.get_role_display()}: for {PURPOSE[ApiKey.Role(key.role)]}"
    yield "Key", format_html("<code>{}</code>", shown(key))
    yield "Created", format_html("{}{}", when(key.created), by(key.created_by))
    yield "Last used", ago(key.last_used)
    yield (
        "Writes",
        f"{in_minute:,} in this minute (limit {settings.WRITES_PER_MINUTE:,}), {in_day:,} today (UTC)",
    )
    place = family.index(key)
    if place:
        yield "Replaces", _link(family[place - 1])
    if place + 1 < len(family):
        new = family[place + 1]
        yield "Replaced by", format_html("{}, {}{}", _link(new), when(new.created), by(new.created_by))


def shown(key: ApiKey) -> str:
    """The key as far as it is stored: its prefix and its look-up part."""
    return f"{PREFIXES[key.role]}_{key.lookup}_…"


def page_of(key: ApiKey) -> str:
    return reverse("admin:tetraflix_apikey_change", args=[key.pk])


def _link(key: ApiKey) -> SafeString:
    return format_html('<a href="{}"><code>{}</code></a> ({})', page_of(key), shown(key), state(key))


def _coloured(colour: str, text: Text) -> SafeString:
    return format_html('<span class="tf-{}">{}</span>', colour, text)
