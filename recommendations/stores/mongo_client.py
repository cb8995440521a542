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
    # How long to look for a primary: an election takes longer (about 10 s), and is bridged by those who wait
    # for the store (the consumer backs off) or do without it (reads), not by a thread that hangs.
    "serverSelectionTimeoutMS": 2_000,
    "connectTimeoutMS": 2_000,
    "socketTimeoutMS": 10_000,  # a batch of 1,000 users takes 0.1 s; ten seconds of silence is a dead server
    "heartbeatFrequencyMS": 2_000,  # how soon a server that came back is seen
    # On: the driver repeats a read or write once when a primary steps down. Each write names its document and
    # the revision it replaces, so a write that did arrive is not applied a second time.
    "retryWrites": True,
    "retryReads": True,
    "appname": "tetraflix",
    "tz_aware": True,
}
# Acknowledged by a majority: an election never takes back what a deleted message did. In their journals too
# where the replica set says so (writeConcernMajorityJournalDefault, on unless someone turned it off).
WRITES = WriteConcern(w="majority", wtimeout=10_000)
# A secondary may be behind what was shown a second ago, so the primary is asked. "local" is enough there: the
# conditional write that follows checks the revision, so nothing builds on what an election takes back.
READS = ReadConcern("local")


@functools.lru_cache(maxsize=4)  # tests change the address; a service has one
def client(url: str) -> MongoClient[dict[str, Any]]:
    """The client; it connects at its first use. A fork starts without: a client's threads stay behind."""
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
