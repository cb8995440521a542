"""The process's MongoDB client: one a process and address, with every option set on purpose."""

import functools
import os
from typing import Any

from pymongo import MongoClient, ReadPreference
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

DATABASE = "tetraflix"  # where the address names none

OPTIONS: dict[str, Any] = {
    # A process has as many connections as threads that read or write at once; consumers have the most.
    "maxPoolSize": 32,
    "minPoolSize": 0,
    "maxIdleTimeMS": 300_000,
    "waitQueueTimeoutMS": 2_000,
    # How long to look for a primary: an election takes longer (about 10 s), and is bridged by those who wait for the
    # store (the consumer backs off) or do without it (reads), not by a thread that hangs.
    "serverSelectionTimeoutMS": 2_000,
    "connectTimeoutMS": 2_000,
    "socketTimeoutMS": 10_000,  # a batch of 1,000 users takes 0.1 s; ten seconds of silence is a dead server
    "heartbeatFrequencyMS": 2_000,  # how soon a server that came back is seen
    # On: the driver repeats a read or write once when a primary steps down. Each write names its document and the
    # revision it replaces, so a write that did arrive is not applied a second time.
    "retryWrites": True,
    "retryReads": True,
    "appname": "tetraflix",
    "tz_aware": True,
}
# Acknowledged by a majority and in their journals: an election never takes back what a deleted message did.
WRITES = WriteConcern(w="majority", j=True, wtimeout=10_000)
# A list read from a secondary may be older than the one shown a second ago, so the primary is asked. "local" there:
# the conditional write that follows checks the revision, so a value that an election takes back is never built upon.
READS = ReadConcern("local")


@functools.lru_cache(maxsize=4)  # tests change the address; a service has one
def client(url: str) -> MongoClient[dict[str, Any]]:
    """The client; it connects at its first use. Never made before a fork: its threads would not be there after."""
    return MongoClient(url, **OPTIONS)


os.register_at_fork(after_in_child=client.cache_clear)


def collection(url: str, name: str) -> Any:
    """The collection in the address's database, with the read and write concern of user lists."""
    return (
        client(url)
        .get_default_database(DATABASE)
        .get_collection(
            name, read_preference=ReadPreference.PRIMARY, read_concern=READS, write_concern=WRITES
        )
    )
