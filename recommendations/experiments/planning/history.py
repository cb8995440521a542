"""The real users of the last weeks, as if each had been exposed at the first read of an own list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from movies.foundation.database_clock import database_time
from recommendations.experiments import attribution
from recommendations.experiments.statistics.lifts import MIN_USERS
from recommendations.experiments.statistics.sums import Sums
from recommendations.user_lists import FIXED_FINISHES

WEEKS = 4
MOST_USERS = 50_000  # more readers are sampled by chance, because each takes about half a millisecond
BATCH = 5_000  # users of a statement
OWN = "list.made_by NOT IN ('bus', 'generated')"

IN_TIME = "read_at >= %(since)s AND read_at < %(until)s"
COUNT = f"SELECT count(DISTINCT user_id) FROM recommendations_listread WHERE {IN_TIME}"  # noqa: S608
# A hash instead of the id, because users with low ids joined first.
READERS = f"""
SELECT user_id FROM recommendations_listread
WHERE user_id > %(after)s AND {IN_TIME} AND (hashint8extended(user_id, 1) & 65535) < %(share)s * 65536
GROUP BY user_id ORDER BY user_id LIMIT %(limit)s
"""  # noqa: S608 -- made of constants
# Raters and users without fixed preferences take part in no experiment.
OUTCOMES = f"""
WITH views AS MATERIALIZED ({attribution.VIEWS}),
first_reads AS (
    SELECT DISTINCT ON (user_id) user_id, read_at AS exposed_at FROM recommendations_listread AS list
    WHERE user_id = ANY (%(users)s) AND {IN_TIME} AND {OWN}
    ORDER BY user_id, read_at),
many_finishes AS (
    SELECT user_id FROM first_reads JOIN views USING (user_id) WHERE views.at <= exposed_at
    GROUP BY user_id HAVING count(*) >= %(first_finishes)s),
exposed AS MATERIALIZED (
    SELECT user_id, exposed_at, exposed_at + make_interval(hours => 24 * %(window)s) AS until
    FROM first_reads LEFT JOIN many_finishes AS many USING (user_id)
    LEFT JOIN recommendations_preferences AS given USING (user_id)
    LEFT JOIN recommendations_rater AS rater USING (user_id)
    WHERE (rater.rated_at IS NULL OR rater.rated_at > exposed_at)
      AND (many.user_id IS NOT NULL OR given.given_at <= exposed_at)),
starts AS MATERIALIZED ({attribution.STARTS.format(counts=OWN)}),
outcomes AS (
    SELECT user_id, count(*) AS recommended
    FROM exposed JOIN views USING (user_id) JOIN starts USING (user_id, movie_id)
    WHERE views.at >= exposed_at AND views.at < exposed.until AND recommended GROUP BY user_id),
known_before AS ({attribution.BEFORE})
SELECT user_id, (extract(epoch FROM exposed_at - %(since)s) / 86400)::float8,
       coalesce(recommended, 0)::float8, coalesce(before, 0)::float8
FROM exposed LEFT JOIN outcomes USING (user_id) LEFT JOIN known_before USING (user_id)
"""  # noqa: S608 -- made of constants


class TooFewData(Exception):
    """The log of lists read says too little. The message is a sentence that says what to do."""


class People(NamedTuple):
    """Users in parallel arrays."""

    user_ids: NDArray[np.int64]
    exposed_day: NDArray[np.float64]  # days since the beginning of these weeks
    recommended: NDArray[np.float64]  # recommended finishes in the window
    before: NDArray[np.float64]  # finishes in the 14 days before

    @classmethod
    def of(cls, rows: Sequence[tuple[int, float, float, float]]) -> "People":
        """Of these rows of OUTCOMES."""
        numbers = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 3)
        return cls(np.array([row[0] for row in rows], dtype=np.int64), *numbers.T)

    def by_time(self) -> "People":
        """The same users by the time of their exposure."""
        order = np.argsort(self.exposed_day, kind="stable")
        return People(
            self.user_ids[order], self.exposed_day[order], self.recommended[order], self.before[order]
        )


@dataclass(frozen=True, slots=True)
class History:
    """Users whose window has passed, by the time of their exposure."""

    weeks: int
    window_days: int
    sampled: float  # share of the users that were looked at
    people: People

    @property
    def users(self) -> int:
        """Their number."""
        return len(self.people.user_ids)

    @property
    def days(self) -> float:
        """For how long users were exposed."""
        return self.weeks * 7.0 - self.window_days

    @property
    def sums(self) -> Sums:
        """The sums of all of them, as of one arm."""
        return Sums.of(self.people.recommended, self.people.before)

    @property
    def exposed_a_day(self) -> float:
        """Users of the service, also those that were not sampled."""
        return self.users / self.sampled / self.days


def history(*, weeks: int = WEEKS, window_days: int, most_users: int = MOST_USERS) -> History:
    """The users exposed in the last weeks, or about `most_users` of them. Raises TooFewData."""
    if weeks * 7 <= window_days:
        raise TooFewData(
            f"{weeks} weeks are not longer than a window of {window_days} days. Use more --weeks."
        )
    now = database_time()
    period = {"since": now - timedelta(weeks=weeks), "until": now - timedelta(days=window_days)}
    ((readers,),) = _rows(COUNT, period)
    sampled = min(1.0, most_users / max(1, readers))
    parts = [People.of([])]
    for users in _readers(period, sampled):
        parameters = {"users": users, "window": window_days, "first_finishes": FIXED_FINISHES}
        parts.append(People.of(_rows(OUTCOMES, period | parameters)))
    found = People(*map(np.concatenate, zip(*parts, strict=True)))
    if len(found.user_ids) < 2 * MIN_USERS:
        raise TooFewData(_too_few(len(found.user_ids), weeks, window_days))
    return History(weeks, window_days, sampled, found.by_time())


def _too_few(users: int, weeks: int, window_days: int) -> str:
    if not settings.EXPOSURES_KEPT_DAYS:
        return "Lists read are not logged, because EXPOSURES_KEPT_DAYS is 0. Set it to 90, and wait for some weeks."
    return (
        f"{users} users without ratings and with fixed preferences read an own list in the last {weeks} weeks, and"
        f" {window_days} days ago or earlier; {2 * MIN_USERS} are needed. Wait until more have, or use more --weeks."
    )


def _readers(period: dict[str, datetime], sampled: float) -> Iterator[list[int]]:
    after = 0
    while True:
        rows = _rows(READERS, {**period, "after": after, "share": sampled, "limit": BATCH})
        users = [user_id for (user_id,) in rows]
        if not users:
            return
        yield users
        after = users[-1]


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
