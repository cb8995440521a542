"""A finished watch counts once, however often it is reported; past finishes are found."""

import logging
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from movies.foundation.numbers import MAX_BIGINT
from movies.genres import GENRES
from movies.models import GenreViews, Movie, View, ViewCount
from movies.viewing import view_counting
from tests.movies.factories import count_views, movie, other_connection
from tests.movies.query_plans import plans_of_reads
from tests.waiting import wait_until

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HUGE = 10**30


def views_by_movie() -> dict[int, int]:
    return dict(ViewCount.objects.values_list("movie_id", "views"))


def genre_views() -> dict[tuple[date, str], int]:
    return {
        (day, genre): weight
        for day, genre, weight in GenreViews.objects.values_list("day", "genre", "weight")
    }


def test_a_finish_raises_the_movie_and_its_genres(db):
    kahaani = movie("Kahaani", drama=70, thriller=30)

    new = count_views([(534356757834, kahaani.id, NOON)])

    assert new == {(534356757834, kahaani.id, NOON)}
    assert list(View.objects.values_list("user_id", "movie_id", "watched_at")) == [
        (534356757834, kahaani.id, NOON)
    ]
    assert views_by_movie() == {kahaani.id: 1}
    assert genre_views() == {(NOON.date(), "drama"): 70, (NOON.date(), "thriller"): 30}


def test_the_same_finish_counts_once(db):
    kahaani = movie()
    finish = (1, kahaani.id, NOON)
    in_india = (1, kahaani.id, NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))

    assert count_views([finish, finish, in_india]) == {finish}
    assert count_views([in_india]) == set()
    assert count_views([finish, (2, kahaani.id, NOON)]) == {(2, kahaani.id, NOON)}

    assert views_by_movie() == {kahaani.id: 2}
    assert genre_views() == {(NOON.date(), "action"): 200}


def test_a_movie_watched_again_counts_again(db):
    kahaani = movie()
    again = NOON + timedelta(microseconds=1)
    assert len(count_views([(1, kahaani.id, NOON), (1, kahaani.id, again)])) == 2
    assert views_by_movie() == {kahaani.id: 2}


def test_a_hidden_movie_counts_and_one_that_does_not_exist_does_not(db):
    hidden = movie(hidden=True)
    finishes = [
        (1, movie_id, NOON) for movie_id in (hidden.id, hidden.id + 1, 0, -1, HUGE, -HUGE, MAX_BIGINT)
    ]
    assert count_views(finishes) == {(1, hidden.id, NOON)}
    assert views_by_movie() == {hidden.id: 1}
    assert View.objects.count() == 1


def test_no_finishes_take_no_statements(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert count_views([]) == set()
        assert view_counting.last_finishes([]) == {}
        assert view_counting.finished_after([]) == []
        assert view_counting.finished_after([(1, [], NOON)]) == [set()]
        assert view_counting.existing([]) == set()


def test_the_number_of_statements_does_not_grow_with_the_batch(db, django_assert_num_queries):
    movies = [movie(f"Movie {n}") for n in range(50)]
    finishes = [(n, m.id, NOON + timedelta(days=40 * n)) for n, m in enumerate(movies)]
    with django_assert_num_queries(3):  # the views, the movies' counts, the genres' counts
        assert len(count_views(finishes)) == 50
    with django_assert_num_queries(1):
        assert len(view_counting.last_finishes(finishes)) == 50
    with django_assert_num_queries(1):
        assert view_counting.existing(m.id for m in movies) == {m.id for m in movies}
    with django_assert_num_queries(1):
        assert all(view_counting.finished_after([(user, [m], at - timedelta(1)) for user, m, at in finishes]))


def test_a_view_of_any_time_is_stored(db):
    kahaani = movie()
    times = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2017, 9, 8, 12, 50, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    finishes = {(1, kahaani.id, at) for at in times}
    assert count_views(finishes) == finishes
    assert count_views(finishes) == set()
    assert sorted(day for day, _ in genre_views()) == [at.date() for at in times]


def test_the_day_of_a_view_is_that_of_utc(db):
    late_in_new_york = datetime(2026, 11, 23, 22, tzinfo=timezone(timedelta(hours=-5)))
    count_views([(1, movie().id, late_in_new_york)])
    assert genre_views() == {(date(2026, 11, 24), "action"): 100}


@time_machine.travel(NOON)
def test_a_finish_from_before_the_kept_months_is_not_counted(db, settings, caplog):
    settings.VIEWS_KEPT_MONTHS = 2
    kahaani = movie()
    kept, too_old = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC)
    with caplog.at_level(logging.WARNING, "movies.viewing.view_counting"):
        assert count_views([(1, kahaani.id, kept), (1, kahaani.id, too_old)]) == {(1, kahaani.id, kept)}
    assert [record.getMessage() for record in caplog.records] == [
        "1 finished watches from before 2026-09-01 00:00:00+00:00 are too old to count"
    ]


def test_the_last_finish_not_before_the_event_is_found(db):
    kahaani, barfi, other = movie("Kahaani"), movie("Barfi"), movie("Other")
    early, late = NOON - timedelta(days=400), NOON + timedelta(days=1)
    count_views([(1, kahaani.id, early), (1, kahaani.id, NOON), (1, barfi.id, early), (2, other.id, NOON)])

    asked = [
        (1, kahaani.id, early),
        (1, barfi.id, NOON),
        (1, other.id, early),
        (2, other.id, late),
        (3, HUGE, NOON),
    ]
    assert view_counting.last_finishes(asked) == {(1, kahaani.id): NOON}
    assert view_counting.last_finishes([(1, kahaani.id, late), (1, kahaani.id, NOON)]) == {
        (1, kahaani.id): NOON
    }


def test_months_before_the_oldest_event_are_not_read(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE v2017 PARTITION OF movies_view FOR VALUES FROM ('2017-01-01') TO ('2018-01-01')"
        )
    with plans_of_reads() as plans:
        view_counting.last_finishes([(1, movie().id, NOON)])
        view_counting.finished_after([(1, [movie().id], NOON)])
    assert len(plans) == 2
    for text in plans:
        assert "movies_view_default" in text
        assert "v2017" not in text


def test_which_of_a_lists_movies_were_finished_after_it_was_made(db):
    kahaani, barfi, don = movie("Kahaani"), movie("Barfi"), movie("Don")
    count_views([(1, kahaani.id, NOON), (1, barfi.id, NOON - timedelta(days=1)), (2, don.id, NOON)])
    ids = [kahaani.id, barfi.id, don.id, HUGE, 0]
    assert view_counting.finished_after(
        [
            (1, ids, NOON - timedelta(seconds=1)),
            (1, ids, NOON),
            (1, ids, NOON - timedelta(days=2)),
            (2, ids, NOON - timedelta(days=2)),
            (3, ids, NOON - timedelta(days=2)),
        ]
    ) == [{kahaani.id}, set(), {kahaani.id, barfi.id}, {don.id}, set()]


def test_which_ids_are_movies(db):
    shown, hidden = movie(), movie(hidden=True)
    assert view_counting.existing([shown.id, hidden.id, hidden.id + 1, 0, -5, HUGE]) == {shown.id, hidden.id}


@pytest.mark.django_db(transaction=True)
def test_two_transactions_with_the_same_finish_count_it_once():
    kahaani = movie()
    finish = (1, kahaani.id, NOON)
    counted = []

    def count() -> None:
        with transaction.atomic():
            counted.append(count_views([finish]))
        connection.close()

    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("INSERT INTO movies_view VALUES (1, %s, %s)", [kahaani.id, NOON])
        thread = threading.Thread(target=count)
        thread.start()
        wait_until(lambda: bool(waiting_for(other.info.backend_pid)))
        other.commit()
        thread.join()

    assert counted == [set()]
    assert views_by_movie() == {kahaani.id: 0}


def waiting_for(pid: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", [pid])
        return [waiting for (waiting,) in cursor]


@pytest.mark.django_db(transaction=True)
def test_many_threads_with_overlapping_finishes_never_deadlock():
    movies = [movie(f"Movie {n}", drama=50, comedy=50) for n in range(30)]
    finishes = [(user, m.id, NOON) for user in range(4) for m in movies]
    counted: list[int] = []

    def report(order: int) -> None:
        for start in range(0, len(finishes), 20):
            with transaction.atomic():
                counted.append(len(count_views(finishes[start : start + 30][:: (-1) ** order])))
        connection.close()

    threads = [threading.Thread(target=report, args=[order]) for order in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(counted) == 4 * 6
    assert sum(counted) == len(finishes)
    assert views_by_movie() == {m.id: 4 for m in movies}
    assert genre_views() == {(NOON.date(), "drama"): 120 * 50, (NOON.date(), "comedy"): 120 * 50}


class CountingAnyBatches(TestCase):
    """However finishes are cut into batches, repeated and ordered, each is counted once."""

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 3)), max_size=8),
            max_size=6,
        )
    )
    def test_counts_equal_the_distinct_finishes(self, batches):
        movies = [movie(f"Movie {n}", drama=100 - n, comedy=n) for n in range(1, 4)]
        ids = [m.id for m in movies] + [max(m.id for m in movies) + 1]  # the last does not exist
        reported = [
            [(user, ids[place], NOON + timedelta(days=day)) for user, place, day in batch]
            for batch in batches
        ]

        new = [finish for batch in reported for finish in count_views(batch)]

        distinct = {finish for batch in reported for finish in batch if finish[1] != ids[3]}
        assert len(new) == len(set(new))
        assert set(new) == distinct
        views = Counter(movie_id for _, movie_id, _ in distinct)
        assert views_by_movie() == {m.id: views[m.id] for m in movies}
        weights: Counter[tuple[date, str]] = Counter()
        for _, movie_id, at in distinct:
            for genre, weight in zip(GENRES, Movie.objects.get(id=movie_id).profile, strict=True):
                weights[at.date(), genre] += weight
        assert genre_views() == {key: weight for key, weight in weights.items() if weight}


def test_a_view_in_the_future_counts_at_its_own_time_and_is_ordered_by_another(db):
    kahaani, ahead, sent = movie().id, NOON + timedelta(hours=20), NOON
    finish = (1, kahaani, ahead)
    assert view_counting.record_views({finish: sent + timedelta(minutes=2)}) == {finish}
    for effective_at in (
        sent + timedelta(minutes=9),
        None,
        sent + timedelta(minutes=1),
    ):  # the earliest stays
        assert view_counting.record_views({finish: effective_at}) == set()
    assert View.objects.get().watched_at == ahead
    order = sent + timedelta(minutes=1)
    assert View.objects.get().effective_at == order
    assert view_counting.last_finishes([(1, kahaani, order)]) == {(1, kahaani): order}
    assert view_counting.last_finishes([(1, kahaani, order + timedelta(microseconds=1))]) == {}
    assert view_counting.finished_after([(1, [kahaani], sent), (1, [kahaani], order)]) == [{kahaani}, set()]


def test_a_view_reported_again_is_only_ordered_earlier(db):
    kahaani = movie().id
    finish = (1, kahaani, NOON)
    assert view_counting.record_views({finish: None}) == {finish}
    view_counting.record_views({finish: NOON - timedelta(hours=1)})
    assert View.objects.get().effective_at == NOON - timedelta(hours=1)
