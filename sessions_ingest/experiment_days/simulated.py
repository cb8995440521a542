"""Creates a simulated experiment of the past, and plays it: its users, their preferences, and the days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from movies.viewing.partitions import kept_since
from recommendations import preferences
from recommendations.experiments import lifecycle, tally
from recommendations.experiments.lifecycle import NoSuchExperiment, Running
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment
from recommendations.recommender import snapshot
from recommendations.recommender.recommender import MAX_LIST_LENGTH
from recommendations.recommender.snapshot import Current
from sessions_ingest.experiment_days.days import DAY, Days, Played
from sessions_ingest.experiment_days.evening import LISTED, shelves
from sessions_ingest.experiment_days.population import (
    MAX_USERS,
    WARM_UP_DAYS,
    Population,
    drawn,
    first_id,
)
from sessions_ingest.experiment_days.removal import known_users
from sessions_ingest.experiment_days.shown_lists import ShownLists

ACTOR = "simulate_experiment"
SHARE = 95.0  # percent of the users, so that the page shows some outside
REACHED = 0.75  # of the users are exposed, or nearly so many
LEAST_LIFT, MOST_LIFT = -90.0, 100.0  # percent

Progress = Callable[[int], None]


class Refused(Exception):
    """The experiment cannot be simulated, or is not a simulated one. The message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What to simulate: the same one over the same inventory gives the same facts."""

    days: int
    users: int
    lift: float  # percent: how much likelier a movie is taken from a list of the second arm
    seed: int

    def check(self) -> None:
        """Raises Refused."""
        _check(self.days >= 1, "--days is a number from 1.")
        _check(1 <= self.users <= MAX_USERS, f"--users is a number from 1 to {MAX_USERS:,}.")
        _check(
            LEAST_LIFT <= self.lift <= MOST_LIFT,
            f"--lift is a number of percent from {LEAST_LIFT:g} to {MOST_LIFT:g}.",
        )
        _check(self.seed >= 0, "--seed is a number from 0.")


def simulate(name: str, size: Size, *, ended_at: datetime, progress: Progress = lambda done: None) -> Played:
    """Simulates the experiment, and counts it. Calls `progress` with the number of days done.

    Raises Refused, BadPlan and StoreUnavailable. What was done before an error or Ctrl-C stays, to be removed.
    """
    size.check()
    started_at = ended_at - size.days * DAY
    _check_kept(started_at)
    movies = Current(snapshot.load(), set())
    _check(
        len(movies.snapshot.catalog) > 0,
        "There are no movies: run seed_movies first, or name a number with --movies.",
    )
    plan = Plan(seed=f"{name} {size.seed}", share=SHARE, users_per_arm=max(1, int(size.users * REACHED / 2)))
    _check_free(name)
    experiment = lifecycle.create_past(name, plan, started_at=started_at, ended_at=ended_at, actor=ACTOR)
    population = drawn(seed=size.seed, first=first_id(name), users=size.users, days=size.days)
    _give_preferences(population, started_at - WARM_UP_DAYS * DAY)
    days = _days(population, movies, Running(experiment.pk, name, plan, started_at), size.lift)
    for done in days.play(size.days):
        progress(done)
    tally.recount(experiment)
    return days.played


def simulated(name: str) -> Experiment:
    """The simulated experiment of this name. Raises Refused."""
    try:
        experiment = lifecycle.get(name)
    except NoSuchExperiment as error:
        raise Refused(str(error)) from None
    _check(experiment.created_by == ACTOR, f"{name} is no simulated experiment.")
    return experiment


def _days(population: Population, movies: Current, running: Running, lift: float) -> Days:
    catalog = movies.snapshot.catalog
    popular = catalog.ids[catalog.rank.argsort()[:MAX_LIST_LENGTH]].tolist()
    control, second = running.plan.names
    return Days(
        population=population,
        lists=ShownLists(movies, running),
        shelves=shelves(catalog.ids, catalog.views, catalog.profiles),
        popular=popular,
        chances={control: LISTED, second: LISTED * (1 + lift / 100)},
        usual=LISTED,
    )


def _give_preferences(population: Population, at: datetime) -> None:
    places = population.given.nonzero()[0].tolist()
    rows = ((int(population.ids[place]), population.preferences(place)) for place in places)
    preferences.give_each(rows, at=at)


def _check_kept(started_at: datetime) -> None:
    first = started_at - WARM_UP_DAYS * DAY
    _check(
        started_at > datetime.now(UTC) - settings.EXPOSURES_KEPT_DAYS * DAY,
        f"--days is less than EXPOSURES_KEPT_DAYS, which is {settings.EXPOSURES_KEPT_DAYS}.",
    )
    since = kept_since()
    if since is not None and first < since:
        raise Refused(
            f"Views from before {since:%Y-%m-%d} are not kept (VIEWS_KEPT_MONTHS): name fewer --days."
        )


def _check_free(name: str) -> None:
    try:
        lifecycle.get(name)
    except NoSuchExperiment:
        _check(
            not known_users(name, 1),
            f"There are users with the ids that {name} would give: choose another name with --name.",
        )
    else:
        raise Refused(
            f"There is an experiment {name} already: --remove removes a simulated one, --name names another."
        )


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)
