"""System checks: name settings that cannot work, with a hint, before anything starts."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.admin.checks import check_admin_app
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.urls import get_resolver

from movies.outbox.bus import dead_letter_queue_name, queue_names
from tetraflix.configuration import database_requirements

MIN_KEY_LENGTH = 50  # characters
_NAME = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?"
_IPV6 = r"\[[0-9A-Fa-f:.]+\]"
HOST = re.compile(rf"\*|\.?{_NAME}|{_IPV6}")
ORIGIN = re.compile(rf"https?://((\*\.)?{_NAME}|{_IPV6})(:\d{{1,5}})?")
# (minimum, maximum, description) of integer settings
RANGES = {
    "PORT": (1, 65535, "the web server's port"),
    "WEB_WORKERS": (1, 256, "web processes"),
    "WEB_THREADS": (1, 64, "threads of each web process"),
    "BUS_LISTS_HOLD_DAYS": (0, 36500, "days"),
    "POPULARITY_SECONDS": (10, 7 * 24 * 3600, "seconds between two refreshes"),
    "RECOMMEND_SECONDS": (0, 3600, "seconds between two lists of a user"),
    "TASTE_SHRINKAGE": (0, 10**6, "finishes"),
    "POPULARITY_HALF_LIFE_DAYS": (14, 36500, "days"),
    "FEED_SWEEP_SECONDS": (1, 3600, "seconds between two sweeps"),
    "CHANGES_KEPT_DAYS": (1, 36500, "days"),
    "VIEWS_KEPT_MONTHS": (0, 1200, "months, 0 for ever"),
    "EXPOSURES_KEPT_DAYS": (0, 36500, "days, 0 logs nothing"),
    "ACTIVITY_KEPT_DAYS": (1, 36500, "days"),
    "QUEUE_VISIBILITY_SECONDS": (1, 12 * 3600, "seconds; SQS allows 12 hours"),
    "QUEUE_MAX_RECEIVES": (1, 1000, "tries; SQS allows 1000"),
    "CONSUMER_THREADS": (1, 64, "receivers of each queue"),
    "INVENTORY_LOCK_TIMEOUT_MS": (1, 60_000, "milliseconds that a change of the inventory waits for another"),
    "WRITES_PER_MINUTE": (1, 10**9, "calls"),
}

# Fractions up to 1: whether 0 is one of them, and what the values mean.
FRACTIONS = {
    "FINISHED_MARK": (False, "1 counts a movie as finished at its very end, 0.95 before the credits."),
    "REQUEST_LOG_SAMPLE": (True, "0 logs no ordinary request, 1 every one."),
    "TASTE_ALPHA": (False, "0.1 remembers about 20 movies, 1 only the last one."),
    "POPULARITY_EXPONENT": (True, "1 counts popularity in full, 0 recommends by taste alone."),
}


@register(Tags.admin)
def admin_pages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Django's checks of the admin, after urls.py has registered its pages."""
    get_resolver().url_patterns  # noqa: B018 - imports urls.py
    return check_admin_app(app_configs)


@register(Tags.security)
def secret_key(**kwargs: Any) -> list[CheckMessage]:
    """E001: a short secret key can be guessed, and sessions forged."""
    if len(settings.SECRET_KEY) >= MIN_KEY_LENGTH:
        return []
    return [
        Error(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters; at least {MIN_KEY_LENGTH} are needed.",
            hint="Leave it out, and one is generated in var/. Or set a random one, the same on all machines.",
            id="tetraflix.E001",
        )
    ]


@register()
def fractions(**kwargs: Any) -> list[CheckMessage]:
    """E002: fractions out of range."""
    return [
        Error(
            f"{name} is {value}; it must be {'from 0 to 1' if zero_fits else 'above 0 and at most 1'}.",
            hint=hint,
            id="tetraflix.E002",
        )
        for name, (zero_fits, hint) in FRACTIONS.items()
        if not 0 <= (value := getattr(settings, name)) <= 1 or (value == 0 and not zero_fits)
    ]


@register()
def whole_numbers(**kwargs: Any) -> list[CheckMessage]:
    """E003: integers out of range."""
    return [
        Error(
            f"{name} is {getattr(settings, name)}.",
            hint=f"Set it from {low} to {high} ({what}), or leave it out.",
            id="tetraflix.E003",
        )
        for name, (low, high, what) in RANGES.items()
        if not low <= getattr(settings, name) <= high
    ]


@register(Tags.database)
def database_can_serve(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """E005: a database without what migrations and statements need. Runs only when databases are checked."""
    return [
        Error(problem, id="tetraflix.E005")
        for alias in databases or ()
        if connections[alias].vendor == "postgresql"
        for problem in database_requirements.missing(connections[alias])
    ]


@register()
def queues_are_different(**kwargs: Any) -> list[CheckMessage]:
    """E006: two queues with one name, whose messages would be mixed up."""
    names = [name for queue in queue_names() for name in (queue, dead_letter_queue_name(queue))]
    twice = [name for name, count in Counter(names).items() if count > 1]
    return [
        Error(
            f"Two queues have the name {name}.",
            hint="The four queues and their dead-letter queues need different names.",
            id="tetraflix.E006",
        )
        for name in twice
    ]


@register()
def queue_names_are_legal(**kwargs: Any) -> list[CheckMessage]:
    """E007: names that SQS refuses, for the queue or its dead-letter queue."""
    max_length = 80 - len("-dead")
    errors: list[CheckMessage] = []
    for setting in ("SESSION_QUEUE", "RECS_QUEUE", "CHANGES_QUEUE", "CELERY_QUEUE"):
        name = getattr(settings, setting)
        fifo = r"(\.fifo)?" if setting != "CELERY_QUEUE" else ""
        if not re.fullmatch(rf"[A-Za-z0-9_-]+{fifo}", name) or len(name) > max_length:
            errors.append(
                Error(
                    f"{setting} is {name!r}, which is not a valid queue name.",
                    hint=f"Up to {max_length} letters, digits, - and _; then .fifo for a FIFO queue (not Celery's).",
                    id="tetraflix.E007",
                )
            )
    return errors


@register(Tags.security)
def origins_are_origins(**kwargs: Any) -> list[CheckMessage]:
    """E009: an origin that no browser sends."""
    return [
        Error(
            f"CSRF_TRUSTED_ORIGINS has {origin!r}, which is not a valid origin.",
            hint="Write only scheme, host and port, like https://t.example:8443 or https://*.t.example.",
            id="tetraflix.E009",
        )
        for origin in settings.CSRF_TRUSTED_ORIGINS
        if not ORIGIN.fullmatch(origin)
    ]


@register(Tags.security)
def hosts_are_hosts(**kwargs: Any) -> list[CheckMessage]:
    """E010: a host name that no request can have."""
    return [
        Error(
            f"ALLOWED_HOSTS has {host!r}, which is not a valid host name.",
            hint="Write names without scheme, port and path: t.example, or .t.example for its subdomains, too.",
            id="tetraflix.E010",
        )
        for host in settings.ALLOWED_HOSTS
        if not HOST.fullmatch(host)
    ]
