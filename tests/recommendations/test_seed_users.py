"""`manage.py seed_users` adds missing users, is deterministic, keeps existing lists, and works with any store."""

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from movies.inventory import seeding as movie_seeding
from recommendations import stores
from recommendations.lists import MAX_LIST_LENGTH
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
