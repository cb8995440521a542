"""Builds the consumer of `sessionData` and `userRecs`, and sorts database errors into retryable and final."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from movies.foundation.background_threads import at_exit
from movies.foundation.database_errors import Condition, condition_of
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch, BatchOutcome
from sessions_ingest.consumer.group_commit import GroupCommit
from sessions_ingest.consumer.protocols import HandlerUnavailable, Message, State
from sessions_ingest.consumer.receiver import Consumer
from sessions_ingest.consumer.sqs import SqsQueue
from sessions_ingest.message_log.recorder import MessageRecorder
from sessions_ingest.messages import Recommendations, Session, parse_recs, parse_session

M = TypeVar("M", Session, Recommendations)

# The database answers, but cannot apply any message.
NOT_READY = {Condition.NOT_MIGRATED, Condition.READ_ONLY}


class DatabaseHandler(Generic[M]):
    """The MessageHandler of one queue: writes its messages to the database by group commit."""

    def __init__(
        self,
        queue: str,
        parse: Callable[[str, datetime], M],
        group_commit: GroupCommit[Batch, BatchOutcome],
        recorder: MessageRecorder,
    ) -> None:
        self.queue = queue
        self.parse: Callable[[str, datetime], M] = parse
        self.group_commit = group_commit
        self.recorder = recorder

    def close(self) -> None:
        self.group_commit.close()
        self.recorder.stop()

    def open(self) -> SqsQueue:
        """A connection to the handler's queue, for one thread."""
        return SqsQueue(self.queue, settings.QUEUE_VISIBILITY_SECONDS)

    def apply(self, parsed: Sequence[M], invalid: int) -> BatchOutcome:
        return self.group_commit.commit(Batch(self.queue, parsed, invalid))

    def record(self, state: State, messages: Sequence[tuple[Message, Any]], detail: Any = None) -> None:
        self.recorder.record(self.queue, state, messages, detail)

    def ready(self) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM (SELECT FROM movies_view LIMIT 1) AS one")
            stores.current().read(1)
            apply([Batch(self.queue, ())])  # writes ingest metrics: fails on a standby and before migrations
        except (DatabaseError, InterfaceError, StoreUnavailable):
            return False
        finally:
            connection.close()  # this thread needs the database for nothing else
        return True


def apply_or_unavailable(batches: Sequence[Batch]) -> list[BatchOutcome]:
    """As `apply`, but raises HandlerUnavailable for an error that any batch would meet."""
    try:
        return apply(batches)
    except (DatabaseError, InterfaceError, StoreUnavailable) as error:
        if isinstance(error, OperationalError | InterfaceError | StoreUnavailable) or (
            condition_of(error) in NOT_READY
        ):
            connection.close()  # the next try opens a new one
            raise HandlerUnavailable(str(error).strip()) from error
        raise


def _close_connection() -> None:
    connection.close()  # looked up here, because each thread has its own


def make_consumer() -> Consumer:
    """A consumer of `sessionData` and `userRecs`, not started yet."""
    group_commit = GroupCommit[Batch, BatchOutcome](apply_or_unavailable, _close_connection)
    recorder = MessageRecorder(settings.MESSAGES_KEPT)
    at_exit(recorder.stop)  # for a process that ends while its receivers poll
    handlers: list[DatabaseHandler] = [
        DatabaseHandler(settings.SESSION_QUEUE, parse_session, group_commit, recorder),
        DatabaseHandler(settings.RECS_QUEUE, parse_recs, group_commit, recorder),
    ]
    return Consumer([(handler.open, handler) for handler in handlers], settings.CONSUMER_THREADS)
