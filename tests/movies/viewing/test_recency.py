"""Recent views are exact sums, whatever the order and however often views are reported."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from movies.models import Movie, Recency, ViewCount
from movies.viewing import recency
from tests.movies.factories import count_views, movie

TODAY = date(2026, 11, 28)
DAYS = st.dates(date(1985, 1, 1), date(2080, 1, 1))


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def recent(movie_id: int) -> Decimal:
    return ViewCount.objects.values_list("recent", flat=True).get(movie_id=movie_id)


@given(day=DAYS, half_life=st.integers(14, 400))
def test_a_view_counts_half_after_a_half_life(day, half_life):
    later = recency.weight(day + timedelta(days=half_life), half_life)
    assert 0 <= later - 2 * recency.weight(day, half_life) <= 1


@given(day=DAYS, half_life=st.integers(14, 400))
def test_a_later_view_counts_more(day, half_life):
    assert recency.weight(day + timedelta(days=1), half_life) >= recency.weight(day, half_life)


def test_the_weights_are_the_powers_of_two(db):
    assert recency.weight(recency.FIRST_DAY, 90) == 2**64
    assert recency.weight(recency.FIRST_DAY + timedelta(days=45), 90) == round(2**32.5) * 2**32
    assert recency.weight(recency.FIRST_DAY - timedelta(days=180), 90) == 2**62
    assert recency.weight(date(1970, 1, 1), 14) == 0


def test_views_add_up_exactly_in_any_order_and_count_once(db, settings):
    one, other = movie("One"), movie("Other")
    days = [TODAY - timedelta(days=37 * ago) for ago in range(40)]

    for user, day in enumerate(days, 1):
        count_views([(user, one.id, noon(day))])
    count_views([(user, other.id, noon(day)) for user, day in enumerate(reversed(days), 1)])
    count_views([(1, one.id, noon(days[0]))])

    expected = sum(recency.weight(day, settings.POPULARITY_HALF_LIFE_DAYS) for day in days)
    assert recent(one.id) == recent(other.id) == expected


def test_another_half_life_counts_all_views_again(db, settings):
    watched, generated = movie("Watched"), movie("Generated")
    count_views([(1, watched.id, noon(TODAY)), (2, watched.id, noon(TODAY - timedelta(days=30)))])
    ViewCount.objects.filter(movie=generated).update(views=3)
    Movie.objects.filter(id=generated.id).update(created=noon(TODAY - timedelta(days=60)))
    settings.POPULARITY_HALF_LIFE_DAYS = 30

    assert recency.recount_if_changed()

    today = recency.weight(TODAY, 30)
    assert recent(watched.id) == today + today // 2
    assert recent(generated.id) == 3 * (today // 4)
    assert Recency.objects.get().half_life_days == 30
    assert not recency.recount_if_changed()


def test_the_first_count_is_of_all_views(db, settings):
    kahaani = movie()
    count_views([(1, kahaani.id, noon(TODAY))])
    ViewCount.objects.update(recent=0)
    Recency.objects.all().delete()

    assert recency.recount_if_changed()

    assert recent(kahaani.id) == recency.weight(TODAY, settings.POPULARITY_HALF_LIFE_DAYS)
