"""While an experiment runs, its users have the list of their arm, and the other arm's beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from movies.models import Movie
from recommendations import preferences, stores
from recommendations.experiments import lifecycle
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Arm, Plan
from recommendations.models import Experiment
from recommendations.recommender import refresh
from recommendations.recommender.recommender import make_lists
from recommendations.recommender.records import records_of
from recommendations.tasks import recommend_again
from recommendations.user_lists import UserLists
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import Recommendations, Session, WatchEvent
from tests.movies.factories import movie, profile

NOW = datetime.now(UTC)
DEFAULT = Plan("a seed")


@pytest.fixture(autouse=True)
def seen_at_once(settings: Settings) -> None:
    settings.RECOMMEND_SECONDS = 0


def finish(user_id: int, *movies: Movie, rated: bool = False) -> None:
    events = tuple(
        WatchEvent(each.id, 1, NOW + timedelta(minutes=number), rated=rated)
        for number, each in enumerate(movies)
    )
    apply([Batch("sessionData", [Session(user_id, events, NOW + timedelta(hours=1))])])


def some_movies(number: int = 30) -> list[Movie]:
    """Movies from drama to action, each viewed by somebody."""
    made = [movie(f"Movie {n}", action=3 * n, drama=100 - 3 * n) for n in range(number)]
    finish(1_000, *made)
    return made


def running(plan: Plan = DEFAULT) -> Experiment:
    lifecycle.create("one", plan, actor="x")
    return lifecycle.start("one", actor="x")


def lists_of(user_id: int) -> UserLists:
    found = stores.current().read(user_id)
    assert found is not None
    return found


def refreshed() -> None:
    refresh.refresh_changed(seconds=60)


@pytest.mark.parametrize("given", [True, False])
def test_both_lists_are_made_and_only_the_taste_differs(store: str, given: bool) -> None:
    made = some_movies()
    users = range(1, 9)
    for user in users:
        if given:
            preferences.give(user, profile(drama=100))
        finish(user, *made[:5], *made[15:])
    experiment = running()
    refreshed()

    places = arms_of(DEFAULT, users).tolist()
    assert len(set(places)) == 2
    by_arm: dict[str, set[Any]] = {"fixed": set(), "modelled": set()}
    for user, place in zip(users, places, strict=True):
        kept = lists_of(user)
        assert kept.trial is not None
        assert (kept.trial.experiment, kept.trial.arm) == (experiment.id, DEFAULT.names[place])
        assert kept.recommended_by == ("mixture_fixed", "mixture")[place]
        assert kept.recommended != kept.trial.other
        fixed, modelled = (kept.recommended, kept.trial.other)[:: 1 if place == 0 else -1]
        by_arm["fixed"].add(fixed)
        by_arm["modelled"].add(modelled)
    assert {name: len(lists) for name, lists in by_arm.items()} == {"fixed": 1, "modelled": 1}


def test_others_have_the_usual_list(store: str) -> None:
    made = some_movies()
    finish(1, *made[:4])  # too few
    finish(2, *made[:5])
    finish(3, *made[:5], rated=True)
    running()
    apply([Batch("userRecs", [Recommendations(4, (made[9].id,), NOW)])])
    finish(4, *made[:5])
    refreshed()
    assert [(user, lists_of(user).trial is not None) for user in (1, 2, 3, 4)] == [
        (1, False), (2, True), (3, False), (4, False),
    ]  # fmt: skip
    assert [lists_of(user).recommended_by for user in (1, 3, 4)] == ["mixture", "mixture", "bus"]


@pytest.mark.django_db(transaction=True)
def test_users_outside_the_share_have_the_usual_list() -> None:
    made = some_movies()
    users = range(1, 41)
    for user in users:
        finish(user, *made[:5])
    plan = Plan("a seed", share=30)
    running(plan)
    refreshed()
    inside = [user for user, place in zip(users, arms_of(plan, users).tolist(), strict=True) if place >= 0]
    assert 0 < len(inside) < 40
    assert [user for user in users if lists_of(user).trial] == inside


@pytest.mark.django_db(transaction=True)
def test_a_list_is_made_again_when_an_experiment_starts_and_stops() -> None:
    made = some_movies()
    finish(1, *made[:5])
    refreshed()
    assert lists_of(1).trial is None
    running()
    assert recommend_again.run() == 2  # and the viewer of all movies
    refreshed()
    assert lists_of(1).trial is not None
    assert recommend_again.run() == 0
    lifecycle.stop("one", actor="x")
    assert recommend_again.run() == 2
    refreshed()
    assert lists_of(1).trial is None
    assert lists_of(1).recommended_by == "mixture"


@pytest.mark.django_db(transaction=True)
def test_a_holdback_gets_popular_movies_beside_control() -> None:
    made = some_movies()
    arms = (
        Arm("fixed", "mixture", "fixed", 1),
        Arm("euclid", "euclid", "modelled", 1),
        Arm("rest", "popular", "modelled", 1),
    )
    plan = Plan("a seed", arms)
    users = range(1, 13)
    for user in users:
        finish(user, *made[:5], *made[20 + user % 3 : 25])
    running(plan)
    refreshed()
    places = arms_of(plan, users).tolist()
    assert set(places) == {0, 1, 2}
    for user, place in zip(users, places, strict=True):
        kept = lists_of(user)
        assert kept.recommended_by == ("mixture_fixed", "euclid", "popular")[place]
        assert kept.trial is not None
        assert kept.trial.arm == plan.names[place]


@pytest.mark.django_db(transaction=True)
def test_lists_take_a_number_of_statements_that_does_not_grow(django_assert_max_num_queries) -> None:
    made = some_movies()
    users = range(1, 50)
    for user in users:
        finish(user, *made[:5])
    running()
    with django_assert_max_num_queries(15):
        assert len(make_lists(records_of(users))) == len(users)
