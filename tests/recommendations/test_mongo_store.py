"""The MongoDB store keeps the contract, and its own promises: concurrent writers, outages, sharding."""

import time
from datetime import timedelta

import pytest
from pymongo import monitoring
from pymongo.monitoring import CommandStartedEvent

from recommendations.stores import mongo_client
from recommendations.stores.base import StoreUnavailable
from recommendations.stores.mongo import MongoStore
from recommendations.user_lists import EMPTY_LISTS, Entry, UserLists
from tests.recommendations.store_contract import AT, StoreContract, begun
from tests.recommendations.store_reads_contract import ReadsContract
from tests.servers.mongodb import MongoServer
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


class TestMongoStore(StoreContract, ReadsContract):
    """Runs every case."""


class Commands(monitoring.CommandListener):
    """Records the commands that were sent."""

    def __init__(self) -> None:
        self.sent: list[CommandStartedEvent] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append(event)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture
def store(mongodb_url: str) -> MongoStore:
    return MongoStore(mongodb_url)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    listener = Commands()
    monkeypatch.setitem(mongo_client.OPTIONS, "event_listeners", [listener])
    mongo_client.client.cache_clear()
    return listener


def test_a_concurrent_update_is_not_lost(store: MongoStore):
    store.update({1: begun(10)})
    raced: list[bool] = []

    def races(lists: UserLists) -> UserLists:
        if not raced:  # after the document was read, before it is written
            raced.append(True)
            MongoStore(store.url).update({1: begun(11, at=AT + timedelta(seconds=1))})
        return begun(12, at=AT + timedelta(seconds=2))(lists)

    store.update({1: races, 2: begun(20)})
    assert [entry.movie_id for entry in _read(store, 1).watching] == [12, 11, 10]
    assert [entry.movie_id for entry in _read(store, 2).watching] == [20]


def test_concurrent_first_documents_of_a_user_are_both_kept(store: MongoStore):
    raced: list[bool] = []

    def races(lists: UserLists) -> UserLists:
        if not raced:
            raced.append(True)
            MongoStore(store.url).update({1: begun(11)})
        return begun(12)(lists)

    store.update({1: races})
    assert {entry.movie_id for entry in _read(store, 1).watching} == {11, 12}


def test_a_concurrent_write_is_not_lost(store: MongoStore):
    store.update({1: begun(10)})
    raced: list[bool] = []

    def races(lists: UserLists) -> UserLists:
        if not raced:
            raced.append(True)
            store.write([(1, UserLists(recommended=(7,), recommended_at=AT))])
        return begun(12)(lists)

    store.update({1: races})
    assert _read(store, 1) == UserLists((7,), AT, (Entry(12, 0.5, AT),))


def test_a_batch_is_one_find_and_one_write_whatever_its_size(store: MongoStore, commands: Commands):
    changes = {user: begun(user) for user in range(1, 501)}
    store.update(changes)
    assert [event.command_name for event in commands.sent] == ["find", "insert"]
    commands.sent.clear()
    store.update(changes)  # changes nothing, so nothing is written
    assert [event.command_name for event in commands.sent] == ["find"]


def test_every_statement_selects_its_document_by_the_shard_key(store: MongoStore, commands: Commands):
    store.update({user: begun(user) for user in range(1, 4)})
    store.update({user: begun(user, 0.6, AT + timedelta(seconds=1)) for user in range(1, 4)})
    store.write([(5, EMPTY_LISTS)])
    store.read(1)
    store.served(1)
    for event in commands.sent:
        match event.command_name:
            case "find":
                wanted = event.command["filter"]["_id"]
                assert isinstance(wanted, int) or list(wanted) == ["$in"]
            case "insert":
                assert all(isinstance(document["_id"], int) for document in event.command["documents"])
            case "update":
                assert all(isinstance(update["q"]["_id"], int) for update in event.command["updates"])
            case name:
                raise AssertionError(name)


def test_writes_wait_for_a_majority_and_reads_use_the_primary(store: MongoStore, commands: Commands):
    store.update({1: begun(1)})
    insert = next(event for event in commands.sent if event.command_name == "insert")
    assert insert.command["writeConcern"] == {"w": "majority", "wtimeout": 10_000}
    assert "txnNumber" in insert.command  # a retryable write
    find = next(event for event in commands.sent if event.command_name == "find")
    assert find.command["readConcern"] == {"level": "local"}
    assert "$readPreference" not in find.command  # the primary


def test_an_unavailable_store_raises_at_once_after_the_first_call(private_mongodb: MongoServer):
    store = MongoStore(private_mongodb.url)
    store.update({1: begun(10)})
    private_mongodb.kill()
    with pytest.raises(StoreUnavailable):
        store.served(1)
    start = time.monotonic()
    for call in (lambda: store.served(1), lambda: store.read(1), lambda: store.update({1: begun(11)})):
        with pytest.raises(StoreUnavailable):
            call()
    assert time.monotonic() - start < 1.5  # a call to the server would take 2 s to time out
    private_mongodb.start()
    wait_until(lambda: not store.breaker.open)
    store.update({1: begun(11)})
    assert {entry.movie_id for entry in _read(store, 1).watching} == {10, 11}


def test_a_hung_store_delays_one_read_by_a_second(private_mongodb: MongoServer):
    store = MongoStore(private_mongodb.url)
    store.update({1: begun(10)})
    private_mongodb.pause()
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.served(1)
    assert time.monotonic() - start < 10
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.served(1)
    assert time.monotonic() - start < 1.5  # a call to the server would take 2 s to time out
    private_mongodb.resume()
    wait_until(lambda: not store.breaker.open)
    row, _ = store.served(1)
    assert row
    assert row.watching == [10]


def _read(store: MongoStore, user_id: int) -> UserLists:
    lists = store.read(user_id)
    assert lists is not None
    return lists
