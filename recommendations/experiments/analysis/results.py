"""The results of an experiment as sums of each arm, from the counted rows: a few statements, whatever the size."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from recommendations.experiments import read_log
from recommendations.experiments.analysis.metrics import METRICS, Metric
from recommendations.experiments.plan import Plan
from recommendations.experiments.statistics.sums import RatioSums, Sums
from recommendations.models import Experiment

# What is summed of each user, and which products: enough for every metric.
FIGURES = tuple(dict.fromkeys(figure for metric in METRICS for figure in metric.figures))
PRODUCTS = tuple(
    dict.fromkeys(
        product
        for metric in METRICS
        for product in (*((figure, figure) for figure in metric.figures), metric.figures)
    )
)
COUNTED = tuple(name for name in FIGURES if name != "before")  # of days
SO_FAR = ("recommended", "finishes", "shadow", "rec_known", "rec_disagree", "group_disagree")
# Without it each of 3 processes sums all days by user: three times the CPU at 1,000,000 users, and no sooner done.
SERIAL = "SET LOCAL max_parallel_workers_per_gather = 0"
PEOPLE = f"""
WITH totals AS (
    SELECT user_id, {", ".join(f"sum({name})::float8 AS {name}" for name in COUNTED)}
    FROM recommendations_experimentday WHERE experiment_id = %(experiment)s GROUP BY user_id),
people AS (
    SELECT arm, exposed_at <= %(look)s - make_interval(hours => 24 * %(window)s) AS matured,
           before::float8 AS before,
           {", ".join(f"coalesce(totals.{name}, 0) AS {name}" for name in COUNTED)}
    FROM recommendations_experimentuser LEFT JOIN totals USING (user_id)
    WHERE experiment_id = %(experiment)s AND exposed_at <= %(look)s)
SELECT arm, count(*), count(*) FILTER (WHERE matured),
       {", ".join(f"coalesce(sum({name}) FILTER (WHERE matured), 0)" for name in FIGURES)},
       {", ".join(f"coalesce(sum({a} * {b}) FILTER (WHERE matured), 0)" for a, b in PRODUCTS)}
FROM people GROUP BY arm
"""  # noqa: S608 -- made of constants
# For how many whole days each user has been exposed, at most the window: a cheap number beside each of its days.
EXPOSED = """
SELECT user_id, arm, (exposed_at AT TIME ZONE 'UTC')::date AS first_day,
       least(div(extract(epoch FROM %(look)s - exposed_at), 86400), %(window)s)::int AS whole_days
FROM recommendations_experimentuser WHERE experiment_id = %(experiment)s AND exposed_at <= %(look)s
"""
EXPOSURES = f"SELECT arm, first_day, whole_days, count(*) FROM ({EXPOSED}) AS exposed GROUP BY 1, 2, 3"  # noqa: S608
DAYS = f"""
SELECT arm, day, coalesce(sum(recommended) FILTER (WHERE day < whole_days), 0),
       coalesce(sum(recommended * recommended) FILTER (WHERE day < whole_days), 0),
       coalesce(sum(finishes) FILTER (WHERE day < whole_days), 0),
       {", ".join(f"sum({name})" for name in SO_FAR)}
FROM recommendations_experimentday JOIN ({EXPOSED}) AS exposed USING (user_id)
WHERE experiment_id = %(experiment)s GROUP BY arm, day
"""  # noqa: S608 -- made of constants
READERS = """
SELECT left_out, count(*), sum(lists)::bigint, sum(bus_lists)::bigint, count(*) FILTER (WHERE arms > 1)
FROM recommendations_experimentuser WHERE experiment_id = %(experiment)s AND first_read_at <= %(look)s
GROUP BY left_out
"""


class DayResults(NamedTuple):
    """One day since exposure, of the users of whom it has passed."""

    users: int
    recommended: int
    squares: int  # sum of the squares of each user's recommended finishes
    finishes: int


@dataclass(slots=True)
class ArmResults:
    """Of one arm. `totals` and `products` are of matured users, everything else of all exposed ones so far."""

    exposed: int = 0
    matured: int = 0
    so_far: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SO_FAR, 0))
    totals: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FIGURES, 0.0))
    products: dict[tuple[str, str], float] = field(default_factory=lambda: dict.fromkeys(PRODUCTS, 0.0))
    exposures: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    days: list[DayResults] = field(default_factory=list)

    def mean(self, metric: Metric) -> Sums:
        """The sums of a metric that is a mean."""
        return Sums(self.matured, *self._sums(metric))

    def ratio(self, metric: Metric) -> RatioSums:
        """The sums of a metric that is a ratio."""
        return RatioSums(self.matured, *self._sums(metric))

    def _sums(self, metric: Metric) -> tuple[float, float, float, float, float]:
        first, second = metric.figures
        return (
            self.totals[first],
            self.products[first, first],
            self.totals[second],
            self.products[second, second],
            self.products[metric.figures],
        )


@dataclass(slots=True)
class Results:
    """Of all arms, in the order of the plan, and of the readers that no arm counts."""

    arms: list[ArmResults]
    left_out: dict[str, int]
    readers: int = 0  # users that read any list while the experiment ran
    lists: int = 0  # that they read
    bus_lists: int = 0
    two_arms: int = 0  # users that read lists of more than one arm
    lost_reads: int = 0
    lost_seconds: int = 0

    @classmethod
    def nothing(cls, plan: Plan) -> "Results":
        """Of an experiment that was not started."""
        arms = {name: ArmResults() for name in plan.names}
        _add_days(arms, (), {name: {} for name in arms}, plan.window_days)
        return cls(list(arms.values()), {})


def results_of(experiment: Experiment, look: datetime) -> Results:
    """What is counted of a started experiment up to `look`."""
    plan = Plan.from_json(experiment.plan)
    parameters = {
        "experiment": experiment.pk,
        "look": look,
        "window": plan.window_days,
    }
    arms = {name: ArmResults() for name in plan.names}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SERIAL)
        _add_people(arms, _rows(PEOPLE, parameters))
    whole_days = _add_exposures(arms, _rows(EXPOSURES, parameters))
    _add_days(arms, _rows(DAYS, parameters), whole_days, plan.window_days)
    results = Results(list(arms.values()), {})
    for reason, users, lists, bus_lists, two_arms in _rows(READERS, parameters):
        if reason:
            results.left_out[reason] = users
        results.readers += users
        results.lists += lists
        results.bus_lists += bus_lists
        results.two_arms += two_arms
    if experiment.started_at:
        results.lost_reads, results.lost_seconds = read_log.lost(experiment.started_at, look)
    return results


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _add_people(arms: dict[str, ArmResults], rows: Iterable[Sequence[Any]]) -> None:
    for name, exposed, matured, *numbers in rows:
        arm = arms[name]
        arm.exposed, arm.matured = exposed, matured
        arm.totals = dict(zip(FIGURES, numbers, strict=False))
        arm.products = dict(zip(PRODUCTS, numbers[len(FIGURES) :], strict=True))


def _add_exposures(arms: dict[str, ArmResults], rows: Iterable[Sequence[Any]]) -> dict[str, dict[int, int]]:
    """Adds the exposures by day; returns for each arm how many users have been exposed for how many whole days."""
    whole_days: dict[str, dict[int, int]] = {name: defaultdict(int) for name in arms}
    for name, day, days, users in rows:
        arms[name].exposures[day] += users
        whole_days[name][days] += users
    return whole_days


def _add_days(
    arms: dict[str, ArmResults],
    rows: Iterable[Sequence[Any]],
    whole_days: dict[str, dict[int, int]],
    window: int,
) -> None:
    counted = {}
    for name, day, recommended, squares, finishes, *so_far in rows:
        counted[name, day] = (recommended, squares, finishes)
        for figure, number in zip(SO_FAR, so_far, strict=True):
            arms[name].so_far[figure] += number
    for name, arm in arms.items():
        for day in range(window):
            users = sum(number for days, number in whole_days[name].items() if days > day)
            arm.days.append(DayResults(users, *counted.get((name, day), (0, 0, 0))))
