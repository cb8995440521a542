"""Before an experiment: who would have been exposed in the last weeks, the planner and the A/A certificate."""

import random
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from movies.foundation.database_clock import database_time
from recommendations import tasks
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.experiments.planning import certificate, planner
from recommendations.experiments.planning import history as histories
from recommendations.experiments.planning.history import History, People, TooFewData, history
from recommendations.experiments.statistics.power import users_per_arm
from recommendations.models import Experiment, Preferences
from tests.recommendations.experiments.facts import DAY, HOUR, Fact, Rating, Read, Watch, write

pytestmark = pytest.mark.django_db
USERS = 260
PLAN = Plan("s", users_per_arm=100)


@pytest.fixture
def now() -> datetime:
    return database_time()


def user_of_weeks(user: int, at: datetime, dice: random.Random) -> list[Fact]:
    """Five finishes long ago, an own list, and what the user does with it."""
    facts: list[Fact] = [Watch(user, 50 + n, at - (20 + n) * DAY, finish=True) for n in range(5)]
    facts.append(Read(user, at - HOUR, at, movies=tuple(range(1, 21))))
    for movie in range(1, dice.randint(2, 8)):
        facts.append(Watch(user, movie, at + movie * 20 * HOUR, finish=True))
    facts += [Watch(user, 90 + n, at - n * DAY, finish=True) for n in range(1, dice.randint(2, 6))]
    return facts


def some_weeks(now: datetime, users: int = USERS) -> list[Fact]:
    dice = random.Random(3)
    facts = []
    for user in range(1, users + 1):
        facts += user_of_weeks(user, now - (8 + dice.random() * 18) * DAY, dice)
    return facts


def test_the_users_are_those_that_an_experiment_would_have_exposed(now: datetime) -> None:
    facts = some_weeks(now)
    at = now - 10 * DAY
    odd: list[Fact] = [
        # finishes after the window and of a movie that was on no list, then one that was
        *user_of_weeks(1_001, at, random.Random(1))[:6],
        Watch(1_001, 1, at + 7 * DAY, finish=True),
        Watch(1_001, 70, at + DAY, finish=True),
        Watch(1_001, 2, at + 7 * DAY - HOUR / 3600, finish=True),
        # a rater; a list of the bus; too few finishes; a list of yesterday; one of long ago
        *user_of_weeks(1_002, at, random.Random(1)),
        Rating(1_002, at),
        Read(1_003, at, at, "bus", movies=(1,)),
        Read(1_004, at, at, movies=(1,)),
        *(Watch(1_004, 50 + n, at - DAY, finish=True) for n in range(4)),
        *user_of_weeks(1_005, now - DAY, random.Random(1)),
        *user_of_weeks(1_006, now - 40 * DAY, random.Random(1)),
        # too few finishes, but preferences were given
        Read(1_007, at, at, movies=(1,)),
    ]
    write(0, facts + odd)
    Preferences.objects.create(user_id=1_007, weights=[100, *[0] * 14], given_at=at)
    found = history(window_days=7)
    assert sorted(found.people.user_ids.tolist()) == [*range(1, USERS + 1), 1_001, 1_007]
    assert (np.diff(found.people.exposed_day) >= 0).all()
    place = found.people.user_ids.tolist().index(1_001)
    assert found.people.exposed_day[place] == pytest.approx(18, abs=0.01)
    assert (found.people.recommended[place], found.people.before[place]) == (1, 0)
    by_user = dict(zip(found.people.user_ids.tolist(), found.people.recommended, strict=True))
    watched = [fact for fact in facts if isinstance(fact, Watch) and fact.movie <= 20]
    assert {user: by_user[user] for user in range(1, USERS + 1)} == {
        user: sum(fact.user == user for fact in watched) for user in range(1, USERS + 1)
    }


def test_more_users_are_sampled_by_chance(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "BATCH", 50)
    write(0, some_weeks(now, 900))
    everybody, some = history(window_days=7), history(window_days=7, most_users=500)
    assert (everybody.users, everybody.sampled) == (900, 1.0)
    assert some.sampled == pytest.approx(500 / 900)
    assert 400 < some.users < 600
    assert some.exposed_a_day == pytest.approx(everybody.exposed_a_day, rel=0.2)


def test_too_few_data_say_what_to_do(now: datetime, settings: Any) -> None:
    write(0, some_weeks(now, 50))
    with pytest.raises(TooFewData, match=r"^50 users .* in the last 4 weeks.*Wait until more have"):
        history(window_days=7)
    with pytest.raises(TooFewData, match="Use more --weeks"):
        history(weeks=1, window_days=7)
    settings.EXPOSURES_KEPT_DAYS = 0
    with pytest.raises(TooFewData, match="EXPOSURES_KEPT_DAYS is 0"):
        history(window_days=7)


def weeks_of(exposed_day: list[float], recommended: list[float], sampled: float = 1.0) -> History:
    people = People(
        np.arange(len(exposed_day)), np.array(exposed_day), np.array(recommended), np.zeros(len(exposed_day))
    )
    return History(weeks=4, window_days=7, sampled=sampled, people=people)


def test_the_planner_says_how_many_users_and_days() -> None:
    users = weeks_of(list(np.linspace(0, 21, 2_101)), [0.0, 1.0, 2.0] * 700 + [1.0])
    found = planner.needs(users, lift=0.1)
    spread = float(np.std([0.0, 1.0, 2.0] * 700 + [1.0], ddof=1))
    per_arm = users_per_arm(spread, 0.1)
    assert (found["recommended_finishes_per_user"], found["raw"]["users_per_arm"]) == (1.0, per_arm)
    # 100 users a day, and a window for the last of them
    assert found["raw"]["days"] == pytest.approx(2 * per_arm / 100 + 7, abs=2)
    assert planner.needs(users, lift=0.1, share=50)["raw"]["days"] == pytest.approx(
        4 * per_arm / 100 + 7, abs=2
    )
    tenth = weeks_of(list(np.linspace(0, 21, 2_101)), [0.0, 1.0, 2.0] * 700 + [1.0], sampled=0.1)
    assert planner.needs(tenth, lift=0.1)["exposed_a_day"] == pytest.approx(1_000, rel=0.01)


def test_users_who_come_on_the_first_days_are_there_sooner() -> None:
    users = weeks_of(sorted([0.5] * 900 + list(np.linspace(1, 21, 100))), [1.0, 0.0] * 500)
    assert planner.days_until_matured(users, 800, 100) == 1 + 7
    assert planner.days_until_matured(users, 1_000, 100) == 21 + 7
    later = planner.days_until_matured(users, 1_100, 100)
    assert later == pytest.approx(21 + 100 / (52 / 10.5) + 7, abs=1)


def test_nothing_can_be_planned_without_a_recommended_finish() -> None:
    with pytest.raises(TooFewData, match="None of 300 users"):
        planner.needs(weeks_of([1.0] * 300, [0.0] * 300), lift=0.1)


def test_the_certificate_deals_the_users_of_the_weeks_again(now: datetime) -> None:
    write(0, some_weeks(now))
    experiment = lifecycle.create("taste", PLAN, actor="x")
    reached: list[int] = []
    made = certificate.certify("taste", seeds=45, progress=reached.append)
    assert reached == [20, 40, 45]
    assert {key: made[key] for key in ("runs", "looks", "users", "weeks")} == {
        "runs": 45,
        "looks": 28,
        "users": USERS,
        "weeks": 4,
    }
    assert made["share"] == made["false_alarms"] / 45 <= 0.2
    assert made["covered"] >= 0.8
    experiment.refresh_from_db()
    assert experiment.certificate == made
    assert datetime.fromisoformat(made["made_at"]) - now < timedelta(hours=1)


def test_a_certificate_of_too_few_users_is_refused(now: datetime) -> None:
    write(0, some_weeks(now))
    lifecycle.create("small", Plan("s", share=50), actor="x")
    with pytest.raises(TooFewData, match="about 65 would be in the smaller arm"):
        certificate.certify("small", seeds=1)
    assert "about 65 would be" in str(lifecycle.get("small").certificate)
    assert tasks.certify("small", seeds=1) is False
    Experiment.objects.filter(name="small").update(certificate={"runs": 1})
    assert tasks.certify("small", seeds=1) is False
    assert lifecycle.get("small").certificate == {"runs": 1}, "an earlier certificate stays"
    assert tasks.certify("unknown", seeds=1) is False
