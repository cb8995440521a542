"""The report on an experiment: one JSON object for the page, the command and the API, and the rows behind it."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from movies.foundation.database_clock import database_time
from recommendations.experiments import lifecycle, tally
from recommendations.experiments.analysis import figures, rows, verdict
from recommendations.experiments.analysis.results import Results, results_of
from recommendations.experiments.analysis.rows import iso
from recommendations.experiments.plan import Plan
from recommendations.experiments.statistics.split import Split, split_check
from recommendations.models import Experiment

DAY = timedelta(days=1)
LARGE_SECONDS = 2.0  # at about 500,000 exposed users
KEPT_FACTOR = 20
COMPARED = 2  # control and the second arm, which are exposed by the same condition: their lists differ


class _Kept(NamedTuple):
    report: dict[str, Any]
    until: float


_kept: dict[tuple[int, str], _Kept] = {}
_lock = threading.Lock()


def report(name: str, *, as_of: datetime | None = None) -> dict[str, Any]:
    """Everything about the experiment as of now or an earlier time, in JSON's types. Raises NoSuchExperiment."""
    experiment = lifecycle.get(name)
    plan = Plan.from_json(experiment.plan)
    state, look = lifecycle.state_of(experiment), _look(experiment, as_of)
    results = results_of(experiment, look) if look else Results.nothing(plan)
    days = (look - experiment.started_at) / DAY if look and experiment.started_at else 0.0
    metrics = figures.metrics(results, plan)
    primary = {key: metrics[0]["arms"][1][key] for key in ("lift", "low", "high")}
    interval = verdict.Interval(**primary) if primary["lift"] is not None else None
    split = _split(results, plan)
    outlived = state == "running" and look is not None and not tally.is_complete(experiment, look)
    problems = _problems(results, split, outlived=outlived)
    sentence = verdict.verdict(
        plan.arms,
        problems=problems,
        matured=[arm.matured for arm in results.arms],
        days=days,
        primary=interval,
        smallest_effect=plan.smallest_effect,
    )
    return {
        "name": experiment.name,
        "state": state,
        "plan": plan.to_json(),
        "plan_hash": experiment.plan_hash,
        "started_at": iso(experiment.started_at),
        "ended_at": iso(experiment.ended_at),
        "as_of": iso(look),
        "days": days,
        "arms": _arms(results, plan),
        "primary": primary if interval else None,
        "split": split._asdict(),
        "left_out": results.left_out,
        "verdict": sentence if look else verdict.NOT_STARTED,
        "problems": problems,
        "health": figures.health(results),
        "metrics": metrics,
        "by_day": figures.by_day(results, plan),
        "shadow": [
            {"recommended_finishes": arm.so_far["recommended"], "on_both": arm.so_far["shadow"]}
            for arm in results.arms
        ],
        "sisters": [
            {
                "known": arm.so_far["rec_known"],
                "disagree": arm.so_far["rec_disagree"],
                "group_disagree": arm.so_far["group_disagree"],
            }
            for arm in results.arms
        ],
        "power": figures.power(results, plan, look, runs=state == "running"),
        "certificate": experiment.certificate,
    }


def recent(name: str) -> dict[str, Any]:
    """The report of now; a large one may be older, by KEPT_FACTOR times what it took. Raises NoSuchExperiment.

    So the report on a million users costs a web process a twentieth of a core, however many look at it.
    """
    experiment = lifecycle.get(name)
    key = experiment.pk, lifecycle.state_of(experiment)
    with _lock:  # who waits for it gets it
        found = _kept.get(key)
        if found is None or time.monotonic() > found.until:
            began = time.monotonic()
            made = report(name)
            took = time.monotonic() - began
            found = _Kept(made, time.monotonic() + (KEPT_FACTOR * took if took > LARGE_SECONDS else 0))
            _kept.clear()
            _kept[key] = found
        return found.report


def users(name: str) -> Iterator[dict[str, Any]]:
    """The rows behind the report: each user by ascending id, with the days that count. Raises NoSuchExperiment."""
    return rows.users_of(lifecycle.get(name))


def _look(experiment: Experiment, as_of: datetime | None) -> datetime | None:
    """Up to when the report counts; None before the start."""
    if experiment.started_at is None:
        return None
    look = as_of or database_time()
    return min(look, experiment.ended_at) if experiment.ended_at else look


def _arms(results: Results, plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "name": arm.name,
            "strategy": arm.strategy,
            "taste": arm.taste,
            "weight": arm.weight,
            "exposed": found.exposed,
            "matured": found.matured,
            "recommended_finishes": found.so_far["recommended"],
            "finishes": found.so_far["finishes"],
        }
        for arm, found in zip(plan.arms, results.arms, strict=True)
    ]


def _split(results: Results, plan: Plan) -> Split:
    return split_check(
        [arm.exposed for arm in results.arms[:COMPARED]], [arm.weight for arm in plan.arms[:COMPARED]]
    )


def _problems(results: Results, split: Split, *, outlived: bool) -> list[str]:
    return verdict.problems(
        outlived=outlived,
        p=split.p,
        e=split.e,
        ok=split.ok,
        two_arms=results.two_arms,
        reads=results.lists,
        lost_reads=results.lost_reads,
    )
