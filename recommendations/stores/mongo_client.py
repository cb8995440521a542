"""The process's MongoDB client: one for each address, with explicit options."""

import functools
import os
from typing import Any

from pymongo import MongoClient, ReadPreference
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

DATABASE = "tetraflix"  # if the address names none

OPTIONS: dict[str, Any] = {
    # A process needs as many connections as threads that use them at once; consumers have the most.
    "maxPoolSize": 32,
    "minPoolSize": 0,
    "maxIdleTimeMS": 300_000,
    "waitQueueTimeoutMS": 2_000,
    # How long to look for a primary. An election takes longer (about 10 s): the consumer backs off and reads
    # degrade meanwhile, instead of blocking their threads.
    "serverSelectionTimeoutMS": 2_000,
    "connectTimeoutMS": 2_000,
    "socketTimeoutMS": 10_000,  # a batch of 1,000 users takes 0.1 s; a server silent for 10 s is dead
    "heartbeatFrequencyMS": 2_000,  # how soon a recovered server is detected
    # The driver retries a read or write once when a primary steps down. Each write selects its document by its
    # revision, so a write that did arrive is not applied a second time.
    "retryWrites": True,
    "retryReads": True,
    "appname": "tetraflix",
    "tz_aware": True,
}
# Acknowledged by a majority, so that an election never rolls back what a deleted message did; in their journals,
# too, if the replica set has writeConcernMajorityJournalDefault (the default).
WRITES = WriteConcern(w="majority", wtimeout=10_000)
# From the primary, because a secondary may lag behind what was shown a second ago. "local" suffices: the write
# that follows checks the revision, so it cannot build on data that an election rolls back.
READS = ReadConcern("local")


@functools.lru_cache(maxsize=4)  # tests change the address; a service has one
def client(url: str) -> MongoClient[dict[str, Any]]:
    """The client, which connects at its first use. A forked process makes its own: threads do not survive a fork."""
    return MongoClient(url, **OPTIONS)


os.register_at_fork(after_in_child=client.cache_clear)


def collection(url: str, name: str) -> Any:
    """The collection in the database of the address, with the read and write concerns of user lists."""
    return (
        client(url)
        .get_default_database(DATABASE)
        .get_collection(
            name, read_preference=ReadPreference.PRIMARY, read_concern=READS, write_concern=WRITES
        )
    )
