"""The first read of a user's own list is published with what was shown; no other read is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from msgspec.structs import replace
from pytest_django import Settings

from movies.models import ViewCount
from movies.viewing import popularity
from recommendations import stores
from recommendations.api.reads import DEGRADED_HEADER
from recommendations.experiments import read_log
from recommendations.list_reads import FirstRead, first_read_subscribers
from recommendations.models import ListRead
from recommendations.stores.base import StoreUnavailable
from recommendations.user_lists import BUS, Entry, Trial, UserLists
from tests.movies.factories import movie
from tests.recommendations.user_lists import address

pytestmark = pytest.mark.django_db(transaction=True)
MADE = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
HIDDEN, WATCHED, DISMISSED, DELETED = 3, 4, 5, 99
OTHER = (2, HIDDEN, 1, WATCHED, 6, DISMISSED, DELETED)
LISTS = UserLists(
    recommended=(1, HIDDEN, 2, WATCHED, DISMISSED, DELETED),
    recommended_at=MADE,
    watching=(Entry(WATCHED, 0.5, MADE),),
    recommended_by="mixture",
    dismissed=(DISMISSED,),
    trial=Trial(3, "modelled", OTHER),
)


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Settings) -> stores.ListStore:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    for movie_id in range(1, 9):
        movie(f"Movie {movie_id}", movie_id=movie_id, hidden=movie_id == HIDDEN)
    ViewCount.objects.filter(movie=8).update(views=9)
    popularity.refresh()
    return stores.current()


@pytest.fixture
def published() -> Iterator[list[FirstRead]]:
    """The first reads that are published during the test, as in a web process."""
    reads: list[FirstRead] = []
    first_read_subscribers.append(reads.append)
    yield reads
    first_read_subscribers.remove(reads.append)


def recommended(client: Client, user_id: int = 7) -> list[int]:
    return [shown["id"] for shown in client.get(address(user_id)).json()["recommendations"]]


def test_a_first_read_has_what_was_shown_and_what_the_other_arm_would_have_shown(
    client: Client, store: stores.ListStore, published: list[FirstRead]
):
    store.write([(7, LISTS)])
    before = datetime.now(UTC)
    assert recommended(client) == [1, 2]
    after = datetime.now(UTC)
    (read,) = published
    assert read == FirstRead(7, MADE, read.read_at, "mixture", (1, 2), Trial(3, "modelled", (2, 1, 6)))
    assert before - timedelta(milliseconds=1) <= read.read_at <= after
    assert read.read_at.microsecond % 1000 == 0


def test_a_list_outside_of_experiments_is_read_for_the_first_time_too(
    client: Client, store: stores.ListStore, published: list[FirstRead]
):
    store.write([(7, replace(LISTS, recommended_by=BUS, trial=None))])
    assert recommended(client) == [1, 2]
    (read,) = published
    assert read == FirstRead(7, MADE, read.read_at, BUS, (1, 2))


def test_a_list_is_published_until_it_is_logged_and_the_next_list_again(
    client: Client, store: stores.ListStore, published: list[FirstRead]
):
    store.write([(7, LISTS)])
    for _ in range(2):
        assert recommended(client) == [1, 2]
    assert [read.made_at for read in published] == [MADE, MADE]
    read_log.write(published)
    assert recommended(client) == [1, 2]
    assert len(published) == 2
    assert ListRead.objects.get().read_at == published[0].read_at
    later = MADE + timedelta(hours=1)
    store.write([(7, replace(LISTS, recommended_at=later))])
    assert recommended(client) == [1, 2]
    assert [read.made_at for read in published] == [MADE, MADE, later]


def test_popular_movies_are_nobodys_list(client: Client, store: stores.ListStore, published: list[FirstRead]):
    """Of a user without a record, without a list, and with nothing left of it to show."""
    store.write(
        [
            (8, UserLists(watching=(Entry(WATCHED, 0.5, MADE),))),
            (9, replace(LISTS, recommended=(HIDDEN, WATCHED, DISMISSED))),
        ]
    )
    assert [recommended(client, user_id)[0] for user_id in (7, 8, 9)] == [8, 8, 8]
    assert published == []


def test_a_degraded_answer_is_no_read(
    client: Client,
    store: stores.ListStore,
    published: list[FirstRead],
    monkeypatch: pytest.MonkeyPatch,
):
    store.write([(7, LISTS)])

    def unavailable(*args: object, **more: object) -> None:
        raise StoreUnavailable("no primary")

    monkeypatch.setattr(store, "served", unavailable)
    answer = client.get(address(7))
    assert (answer.status_code, DEGRADED_HEADER in answer) == (200, True)
    assert published == []


def test_staff_who_look_at_a_user_read_nothing(
    boss: Client, store: stores.ListStore, published: list[FirstRead]
):
    store.write([(7, LISTS)])
    assert boss.get("/admin/recommendations/userlists/7/").status_code == 200
    assert published == []


def test_without_subscribers_nothing_is_asked_of_the_store(
    client: Client, store: stores.ListStore, monkeypatch: pytest.MonkeyPatch
):
    store.write([(7, LISTS)])
    asked = []
    served = store.served

    def noted(user_id: int, *, unread: bool = False) -> object:
        asked.append(unread)
        return served(user_id, unread=unread)

    monkeypatch.setattr(store, "served", noted)
    assert recommended(client) == [1, 2]
    assert asked == [False]
