"""Builds the consumer of `sessionData` and `userRecs`, and sorts database errors into retryable and final."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from movies.foundation.database_errors import Condition, condition_of
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.consumer.group_commit import GroupCommit
from sessions_ingest.consumer.protocols import HandlerUnavailable
from sessions_ingest.consumer.receiver import Consumer
from sessions_ingest.consumer.sqs import SqsQueue
from sessions_ingest.messages import Recommendations, Session, parse_recs, parse_session

M = TypeVar("M", Session, Recommendations)

# The database answers, but cannot apply any message.
NOT_READY = {Condition.NOT_MIGRATED, Condition.READ_ONLY}


class DatabaseHandler(Generic[M]):
    """The MessageHandler of one queue: writes its messages to the database by group commit."""

    def __init__(
        self, queue: str, parse: Callable[[str, datetime], M], group_commit: GroupCommit[Batch]
    ) -> None:
        self.queue = queue
        self.parse: Callable[[str, datetime], M] = parse
        self.group_commit = group_commit

    def close(self) -> None:
        self.group_commit.close()

    def open(self) -> SqsQueue:
        """A connection to the handler's queue, for one thread."""
        return SqsQueue(self.queue, settings.QUEUE_VISIBILITY_SECONDS)

    def apply(self, parsed: Sequence[M], invalid: int) -> None:
        self.group_commit.commit(Batch(self.queue, parsed, invalid))

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


def apply_or_unavailable(batches: Sequence[Batch]) -> None:
    """As `apply`, but raises HandlerUnavailable for an error that any batch would meet."""
    try:
        apply(batches)
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
    group_commit = GroupCommit[Batch](apply_or_unavailable, _close_connection)
    handlers: list[DatabaseHandler] = [
        DatabaseHandler(settings.SESSION_QUEUE, parse_session, group_commit),
        DatabaseHandler(settings.RECS_QUEUE, parse_recs, group_commit),
    ]
    return Consumer([(handler.open, handler) for handler in handlers], settings.CONSUMER_THREADS)
