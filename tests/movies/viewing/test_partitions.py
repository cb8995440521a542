"""Monthly partitions of views are created ahead, filled while views are counted, and dropped when too old."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction

from movies.models import View, ViewCount
from movies.tasks import make_partitions
from movies.viewing import partitions, view_counting
from tests.movies.factories import count_views, movie, other_connection, waits_meanwhile
from tests.partitions import rows_by_partition, without_months
from tests.waiting import wait_until

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AHEAD = ["movies_view_y2026m11", "movies_view_y2026m12", "movies_view_y2027m01"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_months_left() -> Iterator[None]:
    with without_months(partitions.VIEWS):
        yield


def by_partition() -> dict[str, int]:
    return rows_by_partition(partitions.VIEWS)


@time_machine.travel(NOON)
def test_this_month_and_the_next_two_are_created_once():
    assert partitions.VIEWS.maintain() == partitions.PartitionChanges(made=AHEAD)
    assert partitions.VIEWS.maintain() == partitions.PartitionChanges()
    assert make_partitions.run() == []
    kahaani = movie()
    count_views([(1, kahaani.id, NOON), (1, kahaani.id, NOON + timedelta(days=45))])
    assert by_partition() == dict.fromkeys(AHEAD, 0) | {
        "movies_view_default": 0, "movies_view_y2026m11": 1, "movies_view_y2027m01": 1,
    }  # fmt: skip


@time_machine.travel(NOON)
def test_views_of_a_month_without_a_partition_move_to_a_new_one():
    kahaani = movie()
    first, last = datetime(2017, 9, 1, tzinfo=UTC), datetime(2017, 9, 30, 23, 59, 59, 999999, tzinfo=UTC)
    finishes = {(1, kahaani.id, at) for at in (first, last, last + timedelta(microseconds=1), NOON)}
    count_views(finishes)

    tended = partitions.VIEWS.maintain()

    assert tended.made == ["movies_view_y2017m09", "movies_view_y2017m10", *AHEAD]
    assert by_partition() == {
        "movies_view_default": 0, "movies_view_y2017m09": 2, "movies_view_y2017m10": 1,
        "movies_view_y2026m11": 1, "movies_view_y2026m12": 0, "movies_view_y2027m01": 0,
    }  # fmt: skip
    assert set(View.objects.values_list("user_id", "movie_id", "watched_at")) == finishes
    assert count_views(finishes) == set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid = 'movies_view_y2017m09'::regclass AND contype = 'c'"
        )
        assert cursor.fetchall() == []


@time_machine.travel(NOON)
def test_views_from_wrong_clocks_stay_in_the_default_partition():
    kahaani = movie()
    count_views([(1, kahaani.id, datetime(year, 5, 1, tzinfo=UTC)) for year in (1, 1999, 2027, 9999)])
    assert partitions.VIEWS.maintain().made == AHEAD
    assert by_partition()["movies_view_default"] == 4


@time_machine.travel(NOON)
def test_too_old_months_are_dropped_and_their_finishes_are_not_counted_again(settings):
    kahaani = movie()
    years = [
        datetime(1999, 7, 1, tzinfo=UTC),
        datetime(2026, 8, 31, 23, tzinfo=UTC),
        datetime(2026, 9, 1, tzinfo=UTC),
    ]
    finishes = [(1, kahaani.id, at) for at in years]
    count_views(finishes)
    partitions.VIEWS.maintain()

    settings.VIEWS_KEPT_MONTHS = 2
    tended = partitions.VIEWS.maintain()

    assert tended == partitions.PartitionChanges(dropped=["movies_view_y2026m08"])
    assert list(View.objects.values_list("watched_at", flat=True)) == [years[2]]
    assert count_views(finishes) == set()
    assert ViewCount.objects.get().views == 3


def test_an_old_month_is_dropped_after_a_grace_period(settings):
    settings.VIEWS_KEPT_MONTHS = 1
    kahaani = movie()
    with time_machine.travel(NOON):
        count_views([(1, kahaani.id, datetime(2026, 10, 31, 23, tzinfo=UTC))])
        assert "movies_view_y2026m10" in partitions.VIEWS.maintain().made
    with time_machine.travel(datetime(2026, 12, 1, 23, tzinfo=UTC)):
        assert partitions.VIEWS.maintain().dropped == []
    with time_machine.travel(datetime(2026, 12, 2, 0, 1, tzinfo=UTC)):
        assert partitions.VIEWS.maintain().dropped == ["movies_view_y2026m10"]


@time_machine.travel(NOON)
def test_a_month_whose_lock_is_not_free_is_postponed(monkeypatch):
    monkeypatch.setattr(partitions, "SET_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("INSERT INTO movies_view VALUES (1, 1, '2026-11-24')")
        assert partitions.VIEWS.maintain() == partitions.PartitionChanges(postponed=AHEAD)
        other.commit()
    assert partitions.VIEWS.maintain() == partitions.PartitionChanges(made=AHEAD)
    assert by_partition()["movies_view_y2026m11"] == 1


@time_machine.travel(NOON, tick=True)
def test_views_counted_while_a_partition_is_created_are_neither_lost_nor_doubled():
    kahaani = movie()
    early = [(user, kahaani.id, NOON) for user in range(1, 200)]
    count_views(early)
    with other_connection() as other, other.cursor() as cursor:
        # an open transaction that the new partition has to wait for
        cursor.execute("INSERT INTO movies_view VALUES (1000, %s, %s)", [kahaani.id, NOON])
        with waits_meanwhile(partitions.VIEWS.maintain):
            other.commit()
    assert by_partition()["movies_view_y2026m11"] == 200
    assert by_partition()["movies_view_default"] == 0
    assert count_views([*early, (1000, kahaani.id, NOON)]) == set()


@time_machine.travel(NOON, tick=True)
def test_concurrent_maintenance_and_counting_do_no_harm():
    movies = [movie(f"Movie {n}") for n in range(3)]
    finishes = [
        (user, m.id, datetime(2026, month, 3, tzinfo=UTC))
        for user in range(1, 40) for month in range(1, 12) for m in movies
    ]  # fmt: skip
    failures: list[BaseException] = []
    counted: list[int] = []

    def count(part: int) -> None:
        for start in range(part, len(finishes), 200):
            with transaction.atomic():
                counted.append(len(count_views(finishes[start : start + 150])))

    def guarded(action, *args) -> threading.Thread:
        def run() -> None:
            try:
                action(*args)
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [guarded(count, part) for part in (0, 100)] + [
        guarded(partitions.VIEWS.maintain) for _ in range(2)
    ]
    for thread in threads:
        thread.join()
    partitions.VIEWS.maintain()

    assert failures == []
    assert by_partition()["movies_view_default"] == 0
    assert sum(counted) == View.objects.count() == len(set(finishes))
    assert {views for (views,) in ViewCount.objects.values_list("views")} == {39 * 11}


@time_machine.travel(NOON, tick=True)
def test_a_finish_is_found_while_its_partition_is_created():
    """A reader that waited for the new partition reads it, not only the default one."""
    kahaani = movie()
    count_views([(1, kahaani.id, NOON)])
    known: list[dict[tuple[int, int], datetime]] = []
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE movies_view_default IN ACCESS SHARE MODE")  # as an active reader does
        cursor.execute("SELECT count(*) FROM movies_view")

        def maintain() -> None:
            partitions.VIEWS.maintain()
            connection.close()

        def ask() -> None:
            known.append(view_counting.last_finishes([(1, kahaani.id, NOON)]))
            connection.close()

        maintaining, asking = threading.Thread(target=maintain), threading.Thread(target=ask)
        maintaining.start()
        wait_until(lambda: waiting_for_a_table() == 1)
        asking.start()
        wait_until(lambda: waiting_for_a_table() == 2)
        other.commit()
        maintaining.join()
        asking.join()
    assert by_partition()["movies_view_y2026m11"] == 1
    assert known == [{(1, kahaani.id): NOON}]


def waiting_for_a_table() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return cursor.fetchone()[0]
