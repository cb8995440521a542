"""The consumer of both queues as the settings say: what each holds, and which errors mean "not now"."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from movies.foundation.database_errors import Condition, condition_of
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from sessions_ingest.apply import Batch, apply
from sessions_ingest.consumer import Consumer, HandlerUnavailable
from sessions_ingest.group_commit import GroupCommit
from sessions_ingest.messages import Recommendations, Session, parse_recs, parse_session
from sessions_ingest.sqs import SqsQueue

M = TypeVar("M", Session, Recommendations)

# it answers, but no message at all can be applied: not migrated yet (no table, no column), or read only
NOT_NOW = {Condition.NOT_MIGRATED, Condition.READ_ONLY}


class Intake(Generic[M]):
    """A consumer.Handler: messages of one kind go into the database, with what other threads bring."""

    def __init__(self, queue: str, parse: Callable[[str, datetime], M], combiner: GroupCommit[Batch]) -> None:
        self.queue = queue
        self.parse: Callable[[str, datetime], M] = parse
        self.combiner = combiner

    def close(self) -> None:
        self.combiner.close()

    def open(self) -> SqsQueue:
        """A connection to its queue, for one thread."""
        return SqsQueue(self.queue, settings.QUEUE_VISIBILITY_SECONDS)

    def apply(self, parsed: Sequence[M], refused: int) -> None:
        self.combiner(Batch(self.queue, parsed, refused))

    def ready(self) -> bool:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM (SELECT FROM movies_view LIMIT 1) AS one")
            stores.current().read(1)
            apply([Batch(self.queue, ())])  # the roll-up can be written: it is no standby, and migrated
        except (DatabaseError, InterfaceError, StoreUnavailable):
            return False
        finally:
            connection.close()  # this thread asks the database nothing else
        return True


def apply_or_unavailable(batches: Sequence[Batch]) -> None:
    """As `apply`, with everything that would hit any batch alike as HandlerUnavailable."""
    try:
        apply(batches)
    except (DatabaseError, InterfaceError, StoreUnavailable) as error:
        if (
            isinstance(error, OperationalError | InterfaceError | StoreUnavailable)
            or condition_of(error) in NOT_NOW
        ):
            connection.close()  # the next try opens a new one
            raise HandlerUnavailable(str(error).strip()) from error
        raise


def _close_connection() -> None:
    connection.close()  # looked up now: each thread has its own


def make_consumer() -> Consumer:
    """A consumer of `sessionData` and `userRecs`, not started yet."""
    combiner = GroupCommit[Batch](apply_or_unavailable, _close_connection)
    handlers: list[Intake] = [
        Intake(settings.SESSION_QUEUE, parse_session, combiner),
        Intake(settings.RECS_QUEUE, parse_recs, combiner),
    ]
    return Consumer([(handler.open, handler) for handler in handlers], settings.CONSUMER_THREADS)
