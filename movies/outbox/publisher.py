"""The publisher of the transactional outbox: sends each committed change to `movieChanges`, in order by movie."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import connection, transaction

from movies.foundation import advisory_locks
from movies.foundation.numbers import MAX_BIGINT
from movies.outbox import bus
from movies.profiles import to_wire

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

LOCK_WAIT_SECONDS = 1.0  # see publish()
ANNOUNCE_WAIT_SECONDS = 60.0  # see announce()
CHUNK_SIZE = 100  # changes read, sent and marked in one transaction, which a killed publisher repeats
MAX_ATTEMPTS = 3  # to send a message that SQS refuses, before its movie waits for the next run
COUNTED = 5_000  # latest changes that are read for a rate
MAX_STUCK_MOVIES = 1_000  # a run ends when more movies than this wait for the next one


class BusUnavailable(Exception):
    """SQS does not accept messages now. Nothing is lost: unsent changes stay in the outbox."""


class Message(NamedTuple):
    """The message about one version of one movie."""

    movie_id: int
    version: int
    action: str
    title: str | None = None
    profile: Sequence[int] | None = None

    @property
    def change_id(self) -> str:
        """The same each time this version is sent, so that a reader can drop duplicates."""
        return f"{self.movie_id}-{self.version}"

    def body(self) -> str:
        """The JSON of the contract, in ASCII, because SQS refuses some characters."""
        message: dict[str, Any] = {"movieId": self.movie_id, "version": self.version, "action": self.action}
        if self.action != "deleted":
            message["changes"] = {"title": self.title, "profile": to_wire(self.profile or ())}
        return json.dumps(message, separators=(",", ":"))


def publish(*, seconds: float) -> int:
    """Sends the outbox, oldest change first, until it is empty or the time is over; returns how many it sent.

    Each chunk is read, sent and marked in one transaction, which holds the publisher's lock, so publishers take
    turns. A change is marked sent after SQS accepted it, so a killed publisher repeats at most one chunk. Ends when
    another publisher holds the lock for LOCK_WAIT_SECONDS, because that one also sends what was committed before
    this call. Raises BusUnavailable.
    """
    deadline = time.monotonic() + seconds
    sent, last, stuck = 0, 0, set[int]()
    while True:
        try:
            done, last = _publish_chunk(last, stuck)
        except advisory_locks.LockHeld:
            break
        sent += done
        if not last or time.monotonic() > deadline or len(stuck) > MAX_STUCK_MOVIES:
            break
    if stuck:
        logger.warning("SQS refused changes of %d movies; they wait for the next run", len(stuck))
    return sent


def _publish_chunk(after: int, stuck: set[int]) -> tuple[int, int]:
    """Sends the next chunk of changes; returns how many it sent, and the last id (0: nothing is left).

    Marks what SQS accepted, also when it raises BusUnavailable. Raises advisory_locks.LockHeld.
    """
    unavailable: BusUnavailable | None = None
    with transaction.atomic():
        _lock_publisher(LOCK_WAIT_SECONDS)
        # Ids commit in order, because of the inventory's lock: no unsent change appears below the last id read.
        changes = _unsent(after=after, without=stuck)
        if not changes:
            return 0, 0
        accepted: set[str] = set()
        try:
            _send([message for _, message in changes], accepted, stuck)
        except BusUnavailable as error:
            unavailable = error
        _mark_sent([id for id, message in changes if message.change_id in accepted])
    if unavailable:
        raise unavailable
    return len(accepted), changes[-1][0]


def announce(*, after: int = 0) -> Iterator[tuple[int, int]]:
    """Sends the present state of every visible movie with a greater id, for a reader that starts empty.

    Yields after each chunk how many it sent and the last id, from which an interrupted run can resume. Raises
    BusUnavailable.

    Skips a movie with changes in the outbox, because these carry its whole state and must stay in order. The
    publisher waits for each chunk, so a later change is sent later.
    """
    while True:
        refused: set[int] = set()
        accepted: set[str] = set()
        try:
            with transaction.atomic():
                _lock_publisher(ANNOUNCE_WAIT_SECONDS)
                movies = _announced(after)
                _send([message for message in movies if message.action == "added"], accepted, refused)
        except advisory_locks.LockHeld:
            raise BusUnavailable(
                "another publisher is sending the outbox: try again when it is empty"
            ) from None
        if not movies:
            return
        after = movies[-1].movie_id
        if refused:
            raise BusUnavailable(f"SQS refused {len(refused)} messages, the first about movie {min(refused)}")
        yield len(accepted), after


UNSENT = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8
FROM (SELECT at FROM movies_moviechange WHERE sent_at IS NULL ORDER BY id LIMIT %s) AS unsent
"""
SENT = f"""
SELECT count(*) FILTER (WHERE sent_at >= date_trunc('minute', now()) - interval '1 minute'
                          AND sent_at < date_trunc('minute', now())),
       extract(epoch FROM clock_timestamp() - (array_agg(sent_at ORDER BY id DESC))[%s])::float8
FROM (
    SELECT id, sent_at FROM movies_moviechange
    WHERE id < coalesce((SELECT min(id) FROM movies_moviechange WHERE sent_at IS NULL), {MAX_BIGINT})
    ORDER BY id DESC LIMIT {COUNTED}
) AS sent
"""  # noqa: S608 -- constants


def outbox_lag(*, at_most: int = 100_000) -> tuple[int, float]:
    """How many changes wait in the outbox (counted up to `at_most`), and the age of the oldest in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(UNSENT, [at_most])
        return cursor.fetchone()


def feed_state(place: int) -> tuple[float, int, float | None]:
    """The age of the oldest unsent change in seconds (0 for none), and two facts about the COUNTED latest sent ones.

    How many of them were sent in the last whole minute, and how many seconds ago the one at `place` was sent, where
    the latest is at 1; None when there are fewer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT lag, minute, age FROM ({UNSENT}) AS a (changes, lag), ({SENT}) AS b (minute, age)",  # noqa: S608
            [1, place],
        )
        return cursor.fetchone()


def _lock_publisher(seconds: float) -> None:
    """Other publishers wait until the transaction ends, which it does when this process dies. Raises LockHeld."""
    advisory_locks.acquire(advisory_locks.PUBLISHER, seconds=seconds)
    advisory_locks.end_when_idle()


def _unsent(*, after: int, without: set[int]) -> list[tuple[int, Message]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, movie_id, version, action, after::text FROM movies_moviechange
            WHERE sent_at IS NULL AND id > %s AND movie_id <> ALL (%s::bigint[])
            ORDER BY id LIMIT %s
            """,
            [after, list(without), CHUNK_SIZE],
        )
        return [(row[0], _message(*row[1:])) for row in cursor.fetchall()]


def _message(movie_id: int, version: int, action: str, after: str | None) -> Message:
    if after is None:
        return Message(movie_id, version, action)
    state = json.loads(after)
    return Message(movie_id, version, action, state["title"], state["profile"])


def _announced(after: int) -> list[Message]:
    """The next movies by id. Those to be skipped have the action ''."""
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
            [after, CHUNK_SIZE],
        )
        return [Message(*values) for values in cursor.fetchall()]


def _mark_sent(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_moviechange SET sent_at = clock_timestamp() WHERE id = ANY (%s)", [ids])


def _send(messages: Sequence[Message], accepted: set[str], stuck: set[int]) -> None:
    """Adds to `accepted` each change id that SQS accepts, at once. Raises BusUnavailable.

    Adds to `stuck` each movie whose message is refused, and holds back its later messages.
    """
    for batch in _batches(messages):
        left = [message for message in batch if message.movie_id not in stuck]
        for attempt in range(MAX_ATTEMPTS):
            if not left:
                break
            time.sleep(0.1 * attempt)
            refused = _send_batch(left)
            accepted.update(message.change_id for message in left if message.change_id not in refused)
            left = [message for message in left if message.change_id in refused]
        stuck.update(message.movie_id for message in left)


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Batches for one request each, with a movie at most once, because a request may fail in part."""
    batch: list[Message] = []
    movies: set[int] = set()
    for message in messages:
        if len(batch) == bus.MAX_BATCH_SIZE or message.movie_id in movies:
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
            # An embedded server that was killed has lost its queues.
            if not (again and isinstance(error, ClientError) and bus.is_missing_queue(error)):
                raise BusUnavailable(str(error)) from error
            try:
                bus.create_missing_queue(name)
            except (BotoCoreError, ClientError) as still_unavailable:
                raise BusUnavailable(str(still_unavailable)) from still_unavailable
        else:
            for failure in answer.get("Failed", ()):
                logger.warning(
                    "SQS refused change %s: %s %s", failure["Id"], failure["Code"], failure.get("Message", "")
                )
            return {failure["Id"] for failure in answer.get("Failed", ())}
    raise BusUnavailable(f"the queue {name} does not exist")


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
