"""How pages write times: `2026-11-29 03:51 UTC`, or `2 min ago` with the time as its title."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

# The largest unit that is not above the age is used: (seconds, name).
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def written(at: datetime) -> str:
    """`2026-11-29 03:51 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def age(seconds: float) -> str:
    """`2 min`, `3 h`, `41 d`; `0 s` also for what is not yet past."""
    whole = max(0, int(seconds))
    for size, name in UNITS:
        if whole >= size:
            return f"{whole // size} {name}"
    return "0 s"


def when(at: datetime | None, never: str = "never") -> SafeString | str:
    """The time to the minute as a `<time>`, with its seconds as the title; `never` for None."""
    return never if at is None else _time(at, written(at))


def ago(at: datetime | None, never: str = "never") -> SafeString | str:
    """The age as a `<time>` with the time as its title; `never` for None."""
    if at is None:
        return never
    return _time(at, f"{age((timezone.now() - at).total_seconds())} ago")


def _time(at: datetime, text: str) -> SafeString:
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        text,
    )
