"""Retries failed work with exponential backoff, and records the failures for `manage.py status`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

from movies.foundation.leases import LeaseHeld
from movies.models import Failure

logger = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 500  # characters stored of an error
# The pause doubles with each failure in a row, from `first` up to `longest` seconds.
RECORD = """
INSERT INTO movies_failure AS failure (name, times, since, error, next_try)
VALUES (%(name)s, 1, clock_timestamp(), %(error)s, clock_timestamp() + make_interval(secs => %(first)s))
ON CONFLICT (name) DO UPDATE SET times = failure.times + 1, error = excluded.error,
    next_try = clock_timestamp()
        + make_interval(secs => least(%(first)s * power(2, least(failure.times, 30)), %(longest)s))
RETURNING times, next_try
"""

# by name the sentence of failing_work()
FAILING = """
SELECT name, 'The ' || name || ' has failed since ' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    || ' UTC (' || times || ' times; next try at ' || to_char(next_try AT TIME ZONE 'UTC', 'HH24:MI:SS') || '): '
    || error AS sentence
FROM movies_failure ORDER BY name
"""


@contextmanager
def retried(name: str, *expected: type[Exception], first: float, longest: float) -> Iterator[bool]:
    """Yields whether the work is due. It is not due during the pause after a failure.

    An error in the block is recorded under the name and begins a pause. `expected` errors are suppressed, others are
    raised again. Success deletes the record. LeaseHeld is neither, because another process does the work.
    """
    failure = Failure.objects.extra(select={"due": "next_try <= clock_timestamp()"}).filter(name=name).first()
    if failure and not failure.due:
        yield False
        return
    try:
        yield True
    except LeaseHeld:
        logger.debug("another process does the work: %s", name)
    except expected as error:
        _record(name, error, first, longest)
    except Exception as error:
        try:
            _record(name, error, first, longest)
        except (DatabaseError, InterfaceError):
            logger.warning("the failure of %s could not be recorded", name)
        raise
    else:
        if failure:
            failure.delete()
            logger.info("%s works again", name)


def failing_work() -> dict[str, str]:
    """By name a sentence for each work that fails at present: which, since when, why, and when it is retried."""
    with connection.cursor() as cursor:
        cursor.execute(FAILING)
        return dict(cursor.fetchall())


def _record(name: str, error: Exception, first: float, longest: float) -> None:
    text = " ".join(f"{error}".split())[:MAX_ERROR_LENGTH] or type(error).__name__
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"name": name, "error": text, "first": first, "longest": longest})
        times, next_try = cursor.fetchone()
    logger.warning("%s failed (%d times), next try at %s: %s", name, times, f"{next_try:%H:%M:%S}", text)
