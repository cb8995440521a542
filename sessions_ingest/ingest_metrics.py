"""Ingest metrics by minute and queue, written in the transaction that applies the messages."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from sessions_ingest.batches import Batch, BatchOutcome
from sessions_ingest.messages import Session


def record(batches: Sequence[Batch], outcomes: Sequence[BatchOutcome]) -> None:
    """Adds the batches to the metrics of this minute, by queue.

    Called last in the transaction, because every consumer updates the same rows.
    """
    sums: dict[str, list[int]] = {}
    oldest: dict[str, datetime] = {}
    for batch, outcome in zip(batches, outcomes, strict=True):
        if not batch.queue:
            continue
        one = [outcome.messages, outcome.events, outcome.views, outcome.skipped, outcome.invalid]
        sums[batch.queue] = [a + b for a, b in zip(sums.get(batch.queue, [0] * 5), one, strict=True)]
        sent = [message.sent_at if isinstance(message, Session) else message.at for message in batch.messages]
        if sent:
            oldest[batch.queue] = min(*sent, oldest.get(batch.queue, sent[0]))
    queues = sorted(sums)
    if not queues:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO sessions_ingest_ingestminute AS kept
                (minute, queue, messages, events, views, skipped, poison, slowest_ms)
            SELECT date_trunc('minute', clock_timestamp()), queue, messages, events, views, skipped, poison,
                greatest(0, coalesce(extract(epoch FROM clock_timestamp() - oldest) * 1000, 0))
            FROM unnest(%s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[])
                AS new (queue, messages, events, views, skipped, poison, oldest)
            ON CONFLICT (minute, queue) DO UPDATE SET
                messages = kept.messages + excluded.messages, events = kept.events + excluded.events,
                views = kept.views + excluded.views, skipped = kept.skipped + excluded.skipped,
                poison = kept.poison + excluded.poison,
                slowest_ms = greatest(kept.slowest_ms, excluded.slowest_ms)
            """,
            [
                queues,
                *([sums[queue][column] for queue in queues] for column in range(5)),
                [oldest.get(queue) for queue in queues],
            ],
        )
