"""`manage.py seed_users` adds missing users, is deterministic, keeps existing lists, and works with any store.

It gives preferences to a share of the users, and starts an experiment once.
"""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from movies.inventory import seeding as movie_seeding
from movies.models import Movie
from movies.profiles import TOTAL
from recommendations import stores
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.models import Preferences
from recommendations.models import UserLists as Stored
from recommendations.seeding import seeded_users
from recommendations.seeding.generated_lists import blocks
from recommendations.user_lists import UserLists
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db


def seed(users: int, number: int = 1) -> str:
    output = io.StringIO()
    call_command("seed_users", users=users, seed=number, stdout=output)
    return output.getvalue()


@pytest.fixture
def inventory() -> None:
    movie_seeding.top_up(movies=3000, seed=1)


def all_users() -> list[tuple[int, UserLists]]:
    return stores.current().scan(0, 100_000)


def test_each_user_has_20_visible_movies_and_some_have_begun_others(inventory: None):
    assert seed(500).startswith("500 users added (seed 1) in ")
    users = all_users()
    assert [user_id for user_id, _ in users] == list(range(1, 501))
    for _, lists in users:
        begun = [entry.movie_id for entry in lists.watching]
        assert len({*lists.recommended, *begun}) == MAX_LIST_LENGTH + len(begun), "nothing twice"
        assert all(0 < entry.progress < 1 for entry in lists.watching)
        times = [entry.at for entry in lists.watching]
        assert times == sorted(times, reverse=True)
    assert 0.3 < sum(bool(lists.watching) for _, lists in users) / len(users) < 0.5


def test_seeding_in_two_steps_equals_one_and_keeps_existing_lists(inventory: None):
    stores.current().write([(7, UserLists(recommended=(1,)))])
    seed(40)
    assert stores.current().read(7) == UserLists(recommended=(1,))
    seed(90)
    at_once = all_users()
    Stored.objects.exclude(user_id=7).delete()
    seed(90)
    assert [(user_id, lists.recommended) for user_id, lists in all_users()] == [
        (user_id, lists.recommended) for user_id, lists in at_once
    ]
    assert seed(90) == "Nothing to do: each of the users 1 to 90 has lists.\n"


def test_another_seed_gives_other_lists(inventory: None):
    seed(10, number=1)
    first = all_users()
    Stored.objects.all().delete()
    seed(10, number=2)
    assert not {lists.recommended for _, lists in first} & {lists.recommended for _, lists in all_users()}


def test_copied_rows_equal_those_written_to_other_stores(inventory: None):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    (block,) = blocks(seed=1, first=1, last=50, pools=seeded_users.movie_pools())
    seeded_users.copy_into_postgres(iter([block]), 50, now, lambda done: None)
    assert all_users() == list(seeded_users.user_lists(block, now))


@pytest.mark.parametrize("movies", [1, 5, 30])
def test_few_movies_make_short_lists(movies: int):
    for number in range(movies):
        movie(f"Movie {number}")
    seed(20)
    assert {len(lists.recommended) for _, lists in all_users()} == {min(movies, MAX_LIST_LENGTH)}


def test_without_movies_there_is_nothing_to_recommend():
    with pytest.raises(CommandError, match="There are no movies to recommend: run seed_movies first"):
        seed(10)


def given() -> dict[int, list[int]]:
    return dict(Preferences.objects.values_list("user_id", "weights"))


def test_a_share_of_the_users_is_given_the_mean_profile_of_their_list(inventory: None):
    output = io.StringIO()
    call_command("seed_users", users=1000, preferences=50, stdout=output)
    assert output.getvalue().startswith("500 users were given preferences.\n1,000 users added (seed 1) in ")
    assert {user_id % 2 for user_id in given()} == {0, 1}, "both parities have some"
    assert sum(user_id % 2 for user_id in given()) == 250
    profiles = dict(Movie.objects.values_list("id", "profile"))
    for user_id, lists in all_users():
        if user_id in given():
            mean = np.mean([profiles[movie] for movie in lists.recommended], axis=0)
            assert sum(given()[user_id]) == TOTAL
            assert np.abs(np.array(given()[user_id]) - mean).max() < 1


def test_preferences_that_were_given_stay(inventory: None):
    own = [0] * 14 + [TOTAL]
    Preferences.objects.create(user_id=1, weights=own)
    call_command("seed_users", users=4, preferences=100, stdout=io.StringIO())
    before = given()
    assert before[1] == own
    output = io.StringIO()
    call_command("seed_users", users=4, preferences=100, seed=2, stdout=output)
    assert output.getvalue() == "Nothing to do: each of the users 1 to 4 has lists.\n"
    assert given() == before


def test_the_experiment_is_created_and_started_once(inventory: None):
    def seeded() -> str:
        output = io.StringIO()
        call_command("seed_users", users=4, experiment="demo", stdout=output)
        return output.getvalue().splitlines()[0]

    assert seeded() == "Experiment demo is started: modelled against fixed preferences."
    started = lifecycle.get("demo")
    assert (started.plan["arms"], lifecycle.state_of(started)) == (
        Plan(seed="demo").to_json()["arms"],
        "running",
    )
    assert seeded() == "Experiment demo is running."
    assert lifecycle.get("demo").started_at == started.started_at
    lifecycle.stop("demo", actor="staff")
    assert seeded() == "Experiment demo is stopped."


def test_another_experiment_that_runs_goes_on(inventory: None):
    lifecycle.create("other", Plan(seed="a"), actor="staff")
    lifecycle.start("other", actor="staff")
    output = io.StringIO()
    call_command("seed_users", users=4, experiment="demo", stdout=output)
    assert output.getvalue().startswith("Experiment demo is not started: other is running. Stop it first.\n")
    running = lifecycle.running()
    assert running
    assert running.name == "other"
