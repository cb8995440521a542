"""The log has the first read of each list once, by however many processes it is reported; the store knows it."""

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connections, transaction
from msgspec.structs import replace
from pytest_django import Settings

from movies.viewing.partitions import PartitionChanges
from recommendations import stores
from recommendations.experiments import read_log, untallied
from recommendations.experiments.read_log import Lost
from recommendations.list_reads import FirstRead
from recommendations.models import ChangedUser, ListRead
from recommendations.tasks import make_partitions
from recommendations.user_lists import BUS, Trial, UserLists
from tests.partitions import rows_by_partition, without_months

pytestmark = pytest.mark.django_db(transaction=True)
MADE = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
READ = datetime(2026, 11, 24, 13, 0, 0, 7000, tzinfo=UTC)
TRIAL = Trial(3, "modelled", (2, 9))
OURS = FirstRead(7, MADE, READ, "mixture", (1, 2), TRIAL)
OF_BUS = FirstRead(8, MADE, READ, BUS, (5,))


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Settings) -> stores.ListStore:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    return stores.current()


@pytest.fixture
def no_months_left() -> Iterator[None]:
    with without_months(read_log.PARTITIONS):
        yield


def logged() -> list[FirstRead]:
    return [
        FirstRead(
            row.user_id,
            row.made_at,
            row.read_at,
            row.made_by,
            tuple(row.movies),
            Trial(row.experiment or 0, row.arm, tuple(row.other)) if row.arm else None,
        )
        for row in ListRead.objects.order_by("user_id", "made_at")
    ]


def test_a_read_is_logged_and_its_list_marked_and_its_user_counted_again(store: stores.ListStore):
    lists = UserLists((1, 2), MADE, recommended_by="mixture", trial=TRIAL)
    store.write([(7, lists), (8, UserLists((5,), MADE)), (9, lists)])
    read_log.write([OF_BUS, OURS])
    assert logged() == [OURS, OF_BUS]
    assert dict(store.scan(0, 10)) == {
        7: replace(lists, read_at=READ),
        8: UserLists((5,), MADE, read_at=READ),
        9: lists,
    }
    assert set(ChangedUser.objects.filter(untallied=True).values_list("user_id", flat=True)) == {7, 8}


def test_the_earliest_report_of_a_list_stays_in_any_order_and_grouping():
    reports = [
        OURS,
        replace(OURS, read_at=READ + timedelta(milliseconds=1), movies=(1,)),
        replace(OURS, read_at=READ + timedelta(days=1), movies=(2,), trial=Trial(3, "modelled", ())),
        replace(OURS, movies=(9, 1)),  # at the same millisecond
    ]
    for order in itertools.permutations(reports):
        ListRead.objects.all().delete()
        read_log.write(order)
        assert logged() == [OURS]
        ListRead.objects.all().delete()
        for one in order:
            read_log.write([one])
        assert logged() == [OURS]


def test_reads_of_several_lists_of_a_user_are_several():
    later = replace(OURS, made_at=MADE + timedelta(microseconds=1), trial=None)
    read_log.write([OURS, later])
    read_log.write([later, OURS])
    assert logged() == [OURS, later]


def test_a_transaction_that_fails_neither_logs_nor_marks(store: stores.ListStore):
    store.write([(7, UserLists((1, 2), MADE))])
    with transaction.atomic():
        read_log.write([OURS])
        transaction.set_rollback(True)
    assert logged() == []
    assert store.read(7) == UserLists((1, 2), MADE)
    assert untallied.take(10) == []


def test_processes_that_report_the_same_lists_at_once_log_each_once(store: stores.ListStore):
    users = range(1, 201)
    store.write((user, UserLists((1, 2), MADE)) for user in users)
    reports = [
        [replace(OURS, user_id=user, read_at=READ + timedelta(milliseconds=late)) for user in users[::step]]
        for late, step in ((0, 1), (1, -1), (2, 1), (3, -1))
    ]
    failures: list[BaseException] = []

    def report(reads: list[FirstRead]) -> None:
        try:
            for start in range(0, len(reads), 50):
                read_log.write(reads[start : start + 50])
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=report, args=[reads]) for reads in reports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert logged() == reports[0]
    assert all(lists.read_at is not None for _, lists in store.scan(0, 1000))


def test_nothing_to_write_takes_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        read_log.write([])


@time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC))
def test_months_are_made_ahead_and_dropped_when_they_are_too_old(settings: Settings, no_months_left: None):
    settings.EXPOSURES_KEPT_DAYS = 90
    old = replace(OURS, made_at=datetime(2026, 8, 1, tzinfo=UTC))  # 115 days ago; its month ended 84 days ago
    read_log.write([OURS, old, replace(OURS, made_at=datetime(2026, 7, 31, tzinfo=UTC))])
    names = [f"recommendations_listread_y{month}" for month in ("2026m08", "2026m11", "2026m12", "2027m01")]
    assert make_partitions.run() == names
    assert make_partitions.run() == []
    assert logged() == [old, OURS]  # the month of the third is no longer kept
    assert rows_by_partition(read_log.PARTITIONS) == dict(zip(names, (1, 1, 0, 0), strict=True)) | {
        "recommendations_listread_default": 0
    }
    settings.EXPOSURES_KEPT_DAYS = 60
    assert read_log.PARTITIONS.maintain() == PartitionChanges(dropped=names[:1])
    assert logged() == [OURS]


def test_lost_reads_are_added_up_by_day():
    first, second = MADE.date(), MADE.date() + timedelta(days=1)
    read_log.add_lost({first: Lost(5, 1), second: Lost(2, 2)})
    read_log.add_lost({first: Lost(1, 1)})
    assert read_log.lost(MADE, MADE) == Lost(6, 2)
    assert read_log.lost(MADE, MADE + timedelta(days=1)) == Lost(8, 4)
    assert read_log.lost(MADE - timedelta(days=9), MADE - timedelta(days=1)) == Lost(0, 0)
