"""`manage.py seed_users` tops up, the same for a seed, leaves others' lists alone, and suits any store."""

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from movies.inventory import seeding as movie_seeding
from recommendations import seeding, stores
from recommendations.generated_lists import blocks
from recommendations.lists import LONGEST, UserLists
from recommendations.models import UserLists as Stored
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db


def seed(users: int, number: int = 1) -> str:
    output = io.StringIO()
    call_command("seed_users", users=users, seed=number, stdout=output)
    return output.getvalue()


@pytest.fixture
def inventory() -> None:
    movie_seeding.top_up(movies=3000, seed=1)


def everyone() -> list[tuple[int, UserLists]]:
    return stores.current().scan(0, 100_000)


def test_each_user_has_20_visible_movies_and_some_have_begun_others(inventory: None):
    assert seed(500).startswith("500 users added (seed 1) in ")
    users = everyone()
    assert [user_id for user_id, _ in users] == list(range(1, 501))
    for _, lists in users:
        begun = [entry.movie_id for entry in lists.watching]
        assert len({*lists.recommended, *begun}) == LONGEST + len(begun), "nothing twice"
        assert all(0 < entry.progress < 1 for entry in lists.watching)
        times = [entry.at for entry in lists.watching]
        assert times == sorted(times, reverse=True)
    assert 0.3 < sum(bool(lists.watching) for _, lists in users) / len(users) < 0.5


def test_topping_up_equals_seeding_at_once_and_keeps_what_is_there(inventory: None):
    stores.current().write([(7, UserLists(recommended=(1,)))])
    seed(40)
    assert stores.current().read(7) == UserLists(recommended=(1,))
    seed(90)
    at_once = everyone()
    Stored.objects.exclude(user_id=7).delete()
    seed(90)
    assert [(user_id, lists.recommended) for user_id, lists in everyone()] == [
        (user_id, lists.recommended) for user_id, lists in at_once
    ]
    assert seed(90) == "Nothing to do: each of the users 1 to 90 has lists.\n"


def test_another_seed_gives_other_lists(inventory: None):
    seed(10, number=1)
    first = everyone()
    Stored.objects.all().delete()
    seed(10, number=2)
    assert not {lists.recommended for _, lists in first} & {lists.recommended for _, lists in everyone()}


def test_copied_rows_are_what_any_other_store_is_given(inventory: None):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    (block,) = blocks(seed=1, first=1, last=50, pools=seeding.movie_pools())
    seeding._copy(iter([block]), 50, now, lambda done: None)
    assert everyone() == list(seeding.user_lists(block, now))


@pytest.mark.parametrize("movies", [1, 5, 30])
def test_few_movies_make_short_lists(movies: int):
    for number in range(movies):
        movie(f"Movie {number}")
    seed(20)
    assert {len(lists.recommended) for _, lists in everyone()} == {min(movies, LONGEST)}


def test_without_movies_there_is_nothing_to_recommend():
    with pytest.raises(CommandError, match="There are no movies to recommend: run seed_movies first"):
        seed(10)
