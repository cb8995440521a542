"""The months of movies_view: made ahead, filled from the default partition, dropped when too old."""

from datetime import UTC, datetime

from django.conf import settings


def month_start(at: datetime, months_later: int = 0) -> datetime:
    """The first instant (UTC) of the month of `at`, or of one so many months later (earlier if negative)."""
    at = at.astimezone(UTC)
    months = at.year * 12 + at.month - 1 + months_later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def kept_since(now: datetime | None = None) -> datetime | None:
    """Views before this are not kept, so a finish from before it cannot be counted once. None: all are."""
    if not settings.VIEWS_KEPT_MONTHS:
        return None
    return month_start(now or datetime.now(UTC), -settings.VIEWS_KEPT_MONTHS)
