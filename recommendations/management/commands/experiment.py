"""`manage.py experiment`: creates, plans, starts, stops and reports on experiments."""

import json
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from movies.foundation import actors
from recommendations.experiments import lifecycle
from recommendations.experiments.analysis import tables
from recommendations.experiments.lifecycle import NoSuchExperiment, NotNow
from recommendations.experiments.plan import (
    ASSIGNMENTS,
    DEFAULT_ARMS,
    DEFAULT_WINDOW_DAYS,
    Arm,
    BadPlan,
    Plan,
    with_holdback,
)
from recommendations.experiments.planning import certificate, history, planner
from recommendations.experiments.planning.history import TooFewData
from recommendations.experiments.report import report
from recommendations.models import Experiment

DEFAULTS = Plan("-")
WIDTH = 120  # columns, where the output is no terminal


class Command(BaseCommand):
    help = (
        "Experiments: create one, see how many users and days it takes (plan), start it, read its report, stop it."
        " One runs at a time, and its plan is frozen when it starts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        create = acts.add_parser("create", help="a new experiment, not started yet")
        _name(create)
        _add_plan(create)
        for act, meaning in (
            ("start", "lists are made for it from now on"),
            ("stop", "everybody gets the usual lists again"),
        ):
            _name(acts.add_parser(act, help=meaning))
        acts.add_parser("list", help="all experiments, the latest first")
        shown = acts.add_parser("report", help="the verdict, and everything behind it")
        _name(shown)
        shown.add_argument("--json", action="store_true", help="one line of JSON, as the API has it")
        plan = acts.add_parser("plan", help="how many users and days an experiment needs")
        plan.add_argument("--lift", type=float, default=10.0, help="percent (%(default)s)")
        plan.add_argument("--window-days", type=int, default=DEFAULT_WINDOW_DAYS, help="(%(default)s)")
        plan.add_argument("--share", type=float, default=100.0, help="percent of the users (%(default)s)")
        _add_weeks(plan)
        certify = acts.add_parser(
            "certify", help="deals the users of the last weeks again, and counts false alarms"
        )
        _name(certify)
        _add_weeks(certify)
        certify.add_argument("--seeds", type=int, default=certificate.SEEDS, help="runs (%(default)s)")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        acts: dict[str, Callable[..., None]] = {
            "create": self._create,
            "start": self._start,
            "stop": self._stop,
            "list": self._list,
            "report": self._report,
            "plan": self._plan,
            "certify": self._certify,
        }
        try:
            acts[act](**options)
        except BadPlan as error:
            raise CommandError(f"{error.field}: {error}") from None
        except NoSuchExperiment as error:
            raise CommandError(f"{error} See: manage.py experiment list") from None
        except (NotNow, TooFewData) as error:
            raise CommandError(str(error)) from None

    def _create(self, *, name: str, arm: list[str] | None, holdback: float | None, **options: Any) -> None:
        arms = tuple(map(_arm, arm)) if arm else DEFAULT_ARMS
        if holdback is not None:
            arms = with_holdback(arms, holdback)
        chosen = {key: options[key] for key in DEFAULTS.to_json() if key in options}
        plan = Plan(**{**chosen, "arms": arms, "seed": options["seed"] or secrets.token_hex(8)})
        experiment = lifecycle.create(name, plan, actor=actors.command_actor())
        self.stdout.write(
            f"{name} is created; plan {experiment.plan_hash}.\nStart it with: manage.py experiment start {name}"
        )

    def _start(self, *, name: str, **options: Any) -> None:
        experiment = lifecycle.start(name, actor=actors.command_actor())
        self.stdout.write(f"{name} runs; plan {experiment.plan_hash}.")

    def _stop(self, *, name: str, **options: Any) -> None:
        lifecycle.stop(name, actor=actors.command_actor())
        self.stdout.write(f"{name} is stopped.\nRead its result with: manage.py experiment report {name}")

    def _list(self, **options: Any) -> None:
        found = [_row(experiment) for experiment in Experiment.objects.all()]
        if not found:
            self.stdout.write("No experiments. Create one with: manage.py experiment create NAME")
            return
        self._print([tables.list_of(found)])

    def _report(self, *, name: str, json: bool, **options: Any) -> None:
        found = report(name)
        if json:
            self.stdout.write(_json(found))
        else:
            self._print(tables.tables(found))

    def _plan(self, *, lift: float, window_days: int, share: float, weeks: int, **options: Any) -> None:
        _check("lift", lift > 0, "A lift is more than 0 percent.")
        _check("weeks", weeks >= 1, "Weeks are a whole number from 1.")
        Plan("-", share=share, window_days=window_days)
        needed = planner.plan_for(lift=lift / 100, window_days=window_days, share=share, weeks=weeks)
        self._print(tables.plan_of(needed))

    def _certify(self, *, name: str, weeks: int, seeds: int, **options: Any) -> None:
        _check("weeks", weeks >= 1, "Weeks are a whole number from 1.")
        _check("seeds", seeds >= 1, "Seeds are a whole number from 1.")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr)) as progress:
            bar = progress.add_task("runs", total=seeds)
            made = certificate.certify(
                name, weeks=weeks, seeds=seeds, progress=lambda runs: progress.update(bar, completed=runs)
            )
        self.stdout.write(
            f"{made['false_alarms']:,} of {made['runs']:,} A/A runs on {made['users']:,} users raised a false alarm"
            f" at any of {made['looks']} daily looks ({made['share']:.1%}).\nA planted lift was held by every"
            f" interval in {made['covered']:.1%} of the runs."
        )

    def _print(self, what: Iterable[RenderableType]) -> None:
        file = getattr(self.stdout, "_out", None)
        console = Console(file=file, width=None if file and file.isatty() else WIDTH, highlight=False)
        for one in what:
            console.print(one, markup=False)


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="of the experiment")


def _add_weeks(parser: ArgumentParser) -> None:
    parser.add_argument("--weeks", type=int, default=history.WEEKS, help="of the past (%(default)s)")


def _add_plan(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--arm",
        action="append",
        metavar="NAME=STRATEGY:TASTE:WEIGHT",
        help="an arm, control first; may be repeated (fixed=mixture:fixed:1, modelled=mixture:modelled:1)",
    )
    parser.add_argument("--holdback", type=float, metavar="PERCENT", help="one more arm, popular movies only")
    parser.add_argument("--share", type=float, default=DEFAULTS.share, help="percent of users (%(default)s)")
    parser.add_argument("--seed", help="decides the arm of each user (random)")
    parser.add_argument(
        "--window-days",
        type=int,
        default=DEFAULTS.window_days,
        help="days of an exposed user (%(default)s)",
    )
    parser.add_argument("--users-per-arm", type=int, default=DEFAULTS.users_per_arm, help="(%(default)s)")
    parser.add_argument(
        "--smallest-effect",
        type=float,
        default=DEFAULTS.smallest_effect,
        help="percent: a smaller difference is not worth knowing (%(default)s)",
    )
    parser.add_argument(
        "--assignment",
        choices=ASSIGNMENTS,
        default=DEFAULTS.assignment,
        help="parity: a user's arm is the user id modulo 2 (%(default)s)",
    )


def _arm(text: str) -> Arm:
    """The arm that `NAME=STRATEGY:TASTE:WEIGHT` describes. Raises CommandError."""
    name, _, rest = text.partition("=")
    parts = rest.split(":")
    try:
        strategy, taste, weight = parts[0], parts[1], float(parts[2]) if len(parts) == 3 else 1.0
    except (IndexError, ValueError):
        raise CommandError(
            f"--arm {text}: an arm is NAME=STRATEGY:TASTE or NAME=STRATEGY:TASTE:WEIGHT."
        ) from None
    return Arm(name, strategy, taste, weight)


def _row(experiment: Experiment) -> dict[str, str]:
    plan = Plan.from_json(experiment.plan)
    times = {"started": experiment.started_at, "ended": experiment.ended_at}
    return {
        "name": experiment.name,
        "state": lifecycle.state_of(experiment),
        **{key: f"{at:%Y-%m-%d %H:%M}" if at else "-" for key, at in times.items()},
        "arms": ", ".join(plan.names),
        "plan": experiment.plan_hash[: tables.HASH_DIGITS],
    }


def _check(option: str, holds: bool, reason: str) -> None:
    if not holds:
        raise CommandError(f"--{option}: {reason}")


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, allow_nan=False)
