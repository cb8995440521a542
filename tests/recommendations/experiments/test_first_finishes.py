"""The first finishes that are a user's fixed preferences: frozen, and independent of the order of arrival."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from movies.models import Movie, View
from movies.viewing.partitions import month_start
from recommendations import preferences, services
from recommendations.models import FirstFinishes
from recommendations.recommender import refresh, snapshot
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import Session, WatchEvent
from tests.movies.factories import movie, profile

pytestmark = pytest.mark.django_db(transaction=True)
USER = 7
FIRST = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)


def finish(movies: Sequence[Movie], *, hours: Sequence[int] | None = None, start: datetime = FIRST) -> None:
    """The user finishes each movie, an hour after the other, and the lists are made."""
    for number, each in zip(hours or itertools.count(), movies, strict=False):
        at = start + timedelta(hours=number)
        apply(
            [Batch("sessionData", [Session(USER, (WatchEvent(each.id, 1, at),), at + timedelta(minutes=1))])]
        )
    refresh.refresh_changed(seconds=60)


@pytest.fixture(autouse=True)
def seen_at_once(settings: Settings) -> None:
    settings.RECOMMEND_SECONDS = 0


def stored() -> list[int]:
    return list(FirstFinishes.objects.values_list("movie_ids", flat=True).get())


def fixed() -> dict[int, int]:
    found = services.fixed_preferences(USER)
    assert found is not None
    return dict(enumerate(found.weights))


def of(*movies: Movie) -> dict[int, int]:
    return {place: sum(each.profile[place] for each in movies) // len(movies) for place in range(15)}


def some(number: int) -> list[Movie]:
    return [movie(f"Movie {n}", action=5 * n, drama=100 - 5 * n) for n in range(number)]


def test_five_finishes_are_frozen_and_a_sixth_changes_nothing() -> None:
    made = some(6)
    finish(made[:4])
    assert not FirstFinishes.objects.exists()
    finish(made[4:], hours=[4, 5])
    assert stored() == [each.id for each in made[:5]]
    assert fixed() == of(*made[:5])


def test_an_edit_and_a_deletion_change_nothing() -> None:
    made = some(6)
    ids = [each.id for each in made[:5]]
    finish(made[:5])
    before = fixed()
    Movie.objects.filter(id=made[0].id).update(profile=profile(western=100))
    made[1].delete()
    finish(made[5:], hours=[9])
    assert (fixed(), stored()) == (before, ids)


@pytest.mark.parametrize("late", [0, 2, 5])
def test_an_earlier_finish_that_arrives_late_counts(late: int) -> None:
    """Whatever arrives last, the first five by time are those that are frozen."""
    made = some(6)
    finish(
        [each for number, each in enumerate(made) if number != late], hours=[n for n in range(6) if n != late]
    )
    finish([made[late]], hours=[late])
    assert stored() == [each.id for each in made[:5]]
    assert fixed() == of(*made[:5])


def test_at_the_same_time_the_lower_id_is_first() -> None:
    made = some(6)
    finish(made[::-1], hours=[0] * 6)
    assert stored() == [each.id for each in made[:5]]


def test_a_movie_that_was_deleted_before_it_was_frozen_does_not_count() -> None:
    made = some(7)
    finish(made[:4])
    made[0].delete()
    snapshot.clear()
    finish(made[4:6], hours=[4, 5])
    assert stored() == [each.id for each in made[1:6]]
    finish(made[6:], hours=[6])
    assert stored() == [each.id for each in made[1:6]]


def test_dropped_months_of_views_change_nothing(settings: Settings) -> None:
    made = some(8)
    long_ago = month_start(datetime.now(UTC), -3)
    finish(made[:3], start=long_ago)
    finish(made[3:7])
    before = fixed()
    settings.VIEWS_KEPT_MONTHS = 2
    View.objects.filter(watched_at__lt=month_start(datetime.now(UTC), -2)).delete()
    finish(made[7:], hours=[50])
    assert (stored(), fixed()) == ([each.id for each in made[:5]], before)
    late = movie("Late", western=100)
    finish([late], hours=[-1])
    assert stored() == [*(each.id for each in made[:3]), late.id, made[3].id]


def test_given_preferences_come_first() -> None:
    made = some(5)
    finish(made)
    preferences.give(USER, profile(horror=100))
    found = services.fixed_preferences(USER)
    assert found == services.FixedPreferences(tuple(profile(horror=100)), "given")


def test_all_of_it_is_a_few_statements(django_assert_max_num_queries) -> None:
    made = some(5)
    finish(made)
    with django_assert_max_num_queries(2):
        preferences.of_first_finishes(USER)
    with connection.cursor() as cursor, pytest.raises(Exception, match="first_finishes_are_five"):
        cursor.execute("UPDATE recommendations_firstfinishes SET movie_ids = '{1}'")
