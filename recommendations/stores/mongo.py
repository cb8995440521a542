"""The store of user lists in MongoDB: one document for each user, updated with optimistic locking."""

import functools
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import pymongo
from bson.int64 import Int64
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, ConnectionFailure, PyMongoError, WaitQueueTimeoutError

from movies.foundation.background_threads import CircuitBreaker
from movies.foundation.prepared_statements import PreparedStatement
from recommendations.list_reads import FirstRead
from recommendations.stores import mongo_documents as documents
from recommendations.stores.base import Change, ServedRow, StoreUnavailable
from recommendations.stores.mongo_client import collection
from recommendations.user_lists import EMPTY_LISTS, UserLists

P = ParamSpec("P")
R = TypeVar("R")

INVENTORY = PreparedStatement(
    "recommendations_inventory", ("smallint",), "SELECT version FROM movies_inventory WHERE id = $1"
)
COLLECTION = "user_lists"
HOT_SECONDS = 1.0  # timeout of a client's read, all retries included; usually it takes 1 ms
PROBE_SECONDS = 1.0
TRIES = 20  # at a batch against concurrent writers; with two of them, the second try nearly always succeeds
EXACT_COUNT_LIMIT = 1_000_000  # users; counting so many takes about 0.4 s
MAX_BATCH = 1_000  # documents in one find or bulk write
SAMPLE_BATCH = 500  # documents decoded at a time, because decoding holds the interpreter
DUPLICATE_KEY = 11000


def _guarded(method: Callable[Concatenate["MongoStore", P], R]) -> Callable[Concatenate["MongoStore", P], R]:
    """Raises StoreUnavailable for every error of the driver, and at once while the circuit breaker is open."""

    @functools.wraps(method)
    def wrapped(store: "MongoStore", *args: P.args, **kwargs: P.kwargs) -> R:
        if store.breaker.open:
            raise StoreUnavailable("MongoDB is unavailable")
        try:
            return method(store, *args, **kwargs)
        except PyMongoError as error:
            if _is_unavailable(error):
                store.breaker.trip(error)
            raise StoreUnavailable(str(error)) from error

    return wrapped


class MongoStore:
    """A ListStore on MongoDB.

    `update` takes one find and one bulk write for up to MAX_BATCH users; each statement in them selects its
    document by the shard key.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.breaker = CircuitBreaker("MongoDB", self._probe)

    @property
    def _users(self) -> Any:
        return collection(self.url, COLLECTION)

    def served(self, user_id: int, *, unread: bool = False) -> tuple[ServedRow | None, int]:
        """Raises django.db's errors if PostgreSQL, which has the inventory, is unavailable."""
        return self._served(user_id, unread), INVENTORY.row("1")[0]

    @_guarded
    def _served(self, user_id: int, unread: bool) -> ServedRow | None:
        fields = documents.SERVED_OR_UNREAD_FIELDS if unread else documents.SERVED_FIELDS
        with pymongo.timeout(HOT_SECONDS):
            found = self._users.find_one({"_id": user_id}, fields)
        if found is None:
            return None
        progress = [repr(share).encode() for share in found["progress"]]
        dismissed = found.get("dismissed") or ()
        not_logged = documents.unread(found) if unread else None
        return ServedRow(found["recommended"], found["watching"], progress, dismissed, not_logged)

    @_guarded
    def mark_read(self, reads: Collection[FirstRead]) -> None:
        for batch in _batches(list(reads)):
            self._users.bulk_write(
                [UpdateOne(*documents.mark_read(read.user_id, read.made_at, read.read_at)) for read in batch],
                ordered=False,
            )

    @_guarded
    def read(self, user_id: int) -> UserLists | None:
        found = self._users.find_one({"_id": user_id})
        return documents.lists(found) if found else None

    @_guarded
    def read_each(self, user_ids: Collection[int]) -> dict[int, UserLists]:
        return {user_id: documents.lists(found) for user_id, found in self._documents(user_ids).items()}

    def _documents(self, user_ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """The users' documents by id, in one find."""
        found = self._users.find(
            {"_id": {"$in": [Int64(user_id) for user_id in user_ids]}}, batch_size=len(user_ids) + 1
        )
        return {int(each["_id"]): each for each in found}

    @_guarded
    def update(self, changes: Mapping[int, Change]) -> None:
        for user_ids in _batches(sorted(changes)):
            for attempt in range(TRIES):
                if self._update(user_ids, changes):
                    break
                # another writer was faster with some of them: retry after a random wait
                time.sleep(random.uniform(0, 0.002 * (attempt + 1)))
            else:
                raise StoreUnavailable(
                    f"concurrent writers won {TRIES} times against an update of {len(user_ids)} users"
                )

    def _update(self, user_ids: Sequence[int], changes: Mapping[int, Change]) -> bool:
        """Whether every user's change is stored. If not, some may be; changes are idempotent, so all are repeated."""
        known = self._documents(user_ids)
        writes: list[InsertOne[dict[str, Any]] | UpdateOne] = []
        for user_id in user_ids:
            found = known.get(user_id)
            old = documents.lists(found) if found else EMPTY_LISTS
            new = changes[user_id](old)
            if new == old:
                continue
            fields = documents.document(new)
            if found is None:
                writes.append(InsertOne({"_id": Int64(user_id), "rev": Int64(1), **fields}))
            else:
                changed = {name: value for name, value in fields.items() if value != found.get(name)}
                writes.append(
                    UpdateOne(
                        {"_id": Int64(user_id), "rev": found["rev"]},
                        {"$set": changed, "$inc": {"rev": Int64(1)}},
                    )
                )
        return not writes or self._write_all(writes)

    def _write_all(self, writes: list[Any]) -> bool:
        """Whether all were stored; false if another writer was faster with some."""
        try:
            result = self._users.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            refused = error.details.get("writeErrors", [])
            if error.details.get("writeConcernErrors") or any(e["code"] != DUPLICATE_KEY for e in refused):
                raise
            return False  # another writer's insert was first
        return bool(result.matched_count + result.inserted_count == len(writes))

    @_guarded
    def write(self, rows: Iterable[tuple[int, UserLists]]) -> int:
        written = 0
        for batch in _batches(list(dict(rows).items())):  # the last of several rows for a user wins
            self._users.bulk_write(
                [
                    # the revision is a time, so that a concurrent update of the old document fails
                    ReplaceOne(
                        {"_id": Int64(user_id)},
                        {"rev": Int64(time.time_ns()), **documents.document(lists)},
                        upsert=True,
                    )
                    for user_id, lists in batch
                ],
                ordered=False,
            )
            written += len(batch)
        return written

    @_guarded
    def delete(self, user_ids: Collection[int]) -> None:
        for batch in _batches(list(user_ids)):
            self._users.delete_many({"_id": {"$in": [Int64(user_id) for user_id in batch]}})

    @_guarded
    def scan(self, after: int, limit: int) -> list[tuple[int, UserLists]]:
        """Not for hot reads: a sharded cluster queries every shard."""
        found = self._users.find({"_id": {"$gt": Int64(after)}}).sort("_id", 1).limit(limit)
        return [(int(each["_id"]), documents.lists(each)) for each in found]

    @_guarded
    def ids(self, after: int, limit: int) -> list[int]:
        found = self._users.find({"_id": {"$gt": Int64(after)}}, {"_id": 1}).sort("_id", 1).limit(limit)
        return [int(each["_id"]) for each in found]

    @_guarded
    def ids_before(self, before: int, limit: int) -> list[int]:
        found = self._users.find({"_id": {"$lt": Int64(before)}}, {"_id": 1}).sort("_id", -1).limit(limit)
        return [int(each["_id"]) for each in found]

    @_guarded
    def sample(self, limit: int) -> list[UserLists]:
        """Draws users one by one, on every shard."""
        everybody = self.count() <= limit
        found = self._users.aggregate(
            [*([] if everybody else [{"$sample": {"size": limit}}]), {"$project": documents.SAMPLED_FIELDS}],
            batchSize=SAMPLE_BATCH,
        )
        drawn = {each["_id"]: each for each in found}  # MongoDB may draw a document twice
        return [documents.recommended(each) for each in drawn.values()]

    @_guarded
    def count(self) -> int:
        """Exact up to EXACT_COUNT_LIMIT; above, from the collection's metadata, which may be wrong after a crash."""
        estimate = int(self._users.estimated_document_count())
        return estimate if estimate > EXACT_COUNT_LIMIT else int(self._users.count_documents({}))

    def _probe(self) -> None:
        with pymongo.timeout(PROBE_SECONDS):
            # a find, because a ping succeeds on a replica set without a primary
            self._users.find_one({"_id": 0}, {"_id": 1})


def _is_unavailable(error: PyMongoError) -> bool:
    """Whether the server, or its primary, did not answer. A full connection pool does not count."""
    if isinstance(error, WaitQueueTimeoutError):
        return False
    return isinstance(error, ConnectionFailure) or error.timeout


def _batches(items: Sequence[R]) -> Iterator[Sequence[R]]:
    for start in range(0, len(items), MAX_BATCH):
        yield items[start : start + MAX_BATCH]
