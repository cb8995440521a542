"""The change feed: sends each committed change of inventory to the bus, in order for each movie."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import connection, transaction

from movies.foundation import advisory_locks
from movies.outbox import bus
from movies.profiles import to_wire

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

LOCK_PATIENCE = 1.0  # seconds; see publish()
ANNOUNCE_PATIENCE = 60.0  # seconds; see announce()
CHUNK = 100  # changes read, sent and marked together: what a killed publisher may send twice
TRIES = 3  # of an entry that SQS refuses alone, before the movie waits for the next run
LARGEST_STUCK = 1_000  # movies that wait at once, before the run gives up


class BusUnavailable(Exception):
    """SQS does not take messages now; nothing is lost, what is not sent stays in the outbox."""


class Message(NamedTuple):
    """What the bus is told about one version of one movie."""

    movie_id: int
    version: int
    action: str
    title: str | None = None
    profile: Sequence[int] | None = None

    @property
    def change_id(self) -> str:
        """The same whenever this version is sent, so that a reader drops what it had."""
        return f"{self.movie_id}-{self.version}"

    def body(self) -> str:
        """As the contract has it. Pure ASCII, because SQS refuses some characters."""
        message: dict[str, Any] = {"movieId": self.movie_id, "version": self.version, "action": self.action}
        if self.action != "deleted":
            message["changes"] = {"title": self.title, "profile": to_wire(self.profile or ())}
        return json.dumps(message, separators=(",", ":"))


def publish(*, seconds: float) -> int:
    """Sends what is in the outbox, oldest first, until it is empty or the time is over; returns how many.

    Each chunk is read, sent and marked in one transaction, which holds the publisher's lock: publishers take turns,
    and each reads what the last one left. A change is marked sent after SQS accepted it: a publisher that dies
    repeats at most one chunk. While another one keeps the lock for LOCK_PATIENCE this returns: that one reads again
    after each chunk until nothing is left, so it sees whatever was committed before this call. Raises BusUnavailable.
    """
    deadline = time.monotonic() + seconds
    sent, last, stuck = 0, 0, set[int]()
    while True:
        try:
            done, last = _publish_chunk(last, stuck)
        except advisory_locks.LockHeld:
            break
        sent += done
        if not last or time.monotonic() > deadline or len(stuck) > LARGEST_STUCK:
            break
    if stuck:
        logger.warning("SQS refused changes of %d movies; they wait for the next run", len(stuck))
    return sent


def _publish_chunk(after: int, stuck: set[int]) -> tuple[int, int]:
    """Sends the next chunk of changes; returns how many were sent, and the id of the last (0: nothing is left).

    What SQS took is marked, whatever happens to the rest. Raises advisory_locks.LockHeld or BusUnavailable.
    """
    away: BusUnavailable | None = None
    with transaction.atomic():
        _be_the_only_publisher(LOCK_PATIENCE)
        # Ids commit in order (the inventory's lock), so nothing unsent can appear below the last id read.
        changes = _unsent(after=after, without=stuck)
        if not changes:
            return 0, 0
        accepted: set[str] = set()
        try:
            _send([message for _, message in changes], accepted, stuck)
        except BusUnavailable as error:
            away = error
        _mark_sent([id for id, message in changes if message.change_id in accepted])
    if away:
        raise away
    return len(accepted), changes[-1][0]


def announce(*, after: int = 0) -> Iterator[tuple[int, int]]:
    """Sends the present state of every visible movie with a greater id, for a reader that starts empty.

    Yields after each chunk how many it sent and the last id, so that a broken run can go on from there.
    Raises BusUnavailable.

    A movie with a change still in the outbox is left to the publisher: its changes carry the whole state, and
    their order is kept. The publisher waits for each chunk, so a later change is sent later.
    """
    while True:
        refused: set[int] = set()
        accepted: set[str] = set()
        try:
            with transaction.atomic():
                _be_the_only_publisher(ANNOUNCE_PATIENCE)
                movies = _announced(after)
                _send([message for message in movies if message.action == "added"], accepted, refused)
        except advisory_locks.LockHeld:
            raise BusUnavailable(
                "the publisher of the change feed is busy: try again when the outbox is empty"
            ) from None
        if not movies:
            return
        after = movies[-1].movie_id
        if refused:
            raise BusUnavailable(f"SQS refused {len(refused)} messages, the first about movie {min(refused)}")
        yield len(accepted), after


def waiting(*, at_most: int = 100_000) -> tuple[int, float]:
    """How many changes wait in the outbox (counted up to `at_most`), and for how many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8
            FROM (SELECT at FROM movies_moviechange WHERE sent_at IS NULL ORDER BY id LIMIT %s) AS unsent
            """,
            [at_most],
        )
        return cursor.fetchone()


def _be_the_only_publisher(patience: float) -> None:
    """Other publishers wait until the transaction ends, which it does when this process dies. Raises LockHeld."""
    advisory_locks.acquire(advisory_locks.PUBLISHER, seconds=patience)
    advisory_locks.end_when_idle()


def _unsent(*, after: int, without: set[int]) -> list[tuple[int, Message]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, movie_id, version, action, after::text FROM movies_moviechange
            WHERE sent_at IS NULL AND id > %s AND movie_id <> ALL (%s::bigint[])
            ORDER BY id LIMIT %s
            """,
            [after, list(without), CHUNK],
        )
        return [(row[0], _message(*row[1:])) for row in cursor.fetchall()]


def _message(movie_id: int, version: int, action: str, after: str | None) -> Message:
    if after is None:
        return Message(movie_id, version, action)
    state = json.loads(after)
    return Message(movie_id, version, action, state["title"], state["profile"])


def _announced(after: int) -> list[Message]:
    """The next movies by id; those that need no announcement have the action ''."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, version,
                   CASE WHEN hidden OR EXISTS (
                       SELECT FROM movies_moviechange WHERE movie_id = movie.id AND sent_at IS NULL
                   ) THEN '' ELSE 'added' END,
                   title, profile
            FROM movies_movie AS movie WHERE id > %s ORDER BY id LIMIT %s
            """,
            [after, CHUNK],
        )
        return [Message(*values) for values in cursor.fetchall()]


def _mark_sent(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_moviechange SET sent_at = clock_timestamp() WHERE id = ANY (%s)", [ids])


def _send(messages: Sequence[Message], accepted: set[str], stuck: set[int]) -> None:
    """Adds to `accepted` the change ids that SQS took, as it takes them. Raises BusUnavailable.

    A movie whose message is refused is added to `stuck`, and its later ones are held back.
    """
    for batch in _batches(messages):
        left = [message for message in batch if message.movie_id not in stuck]
        for attempt in range(TRIES):
            if not left:
                break
            time.sleep(0.1 * attempt)
            refused = _send_batch(left)
            accepted.update(message.change_id for message in left if message.change_id not in refused)
            left = [message for message in left if message.change_id in refused]
        stuck.update(message.movie_id for message in left)


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Batches of what one request may hold, with a movie once in each: a request may fail in part."""
    batch: list[Message] = []
    movies: set[int] = set()
    for message in messages:
        if len(batch) == bus.BATCH or message.movie_id in movies:
            yield batch
            batch, movies = [], set()
        batch.append(message)
        movies.add(message.movie_id)
    if batch:
        yield batch


def _send_batch(messages: list[Message]) -> set[str]:
    """The change ids that SQS refused. Raises BusUnavailable."""
    name = settings.CHANGES_QUEUE
    entries = [_entry(message, fifo=name.endswith(".fifo")) for message in messages]
    for again in (True, False):
        try:
            answer = bus.shared_client().send_message_batch(QueueUrl=bus.queue(name).url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            # An embedded server that was killed comes back without its queues.
            if not (again and isinstance(error, ClientError) and bus.is_gone(error)):
                raise BusUnavailable(str(error)) from error
            try:
                bus.create_missing(name)
            except (BotoCoreError, ClientError) as still_away:
                raise BusUnavailable(str(still_away)) from still_away
        else:
            for failure in answer.get("Failed", ()):
                logger.warning(
                    "SQS refused change %s: %s %s", failure["Id"], failure["Code"], failure.get("Message", "")
                )
            return {failure["Id"] for failure in answer.get("Failed", ())}
    raise BusUnavailable(f"the queue {name} is gone")


def _entry(message: Message, *, fifo: bool) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": message.change_id,
        "MessageBody": message.body(),
        "MessageAttributes": {"changeId": {"DataType": "String", "StringValue": message.change_id}},
    }
    if fifo:
        entry["MessageGroupId"] = str(message.movie_id)
        entry["MessageDeduplicationId"] = message.change_id
    return entry
