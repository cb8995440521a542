"""Writes records of messages, a row for each flush of a process, and reads the last ones of a queue."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction

from sessions_ingest.message_log.record import Record, packed, unpacked
from sessions_ingest.models import RecordedMessages

# Rows behind those that hold the newest messages. A row that another process deletes is left to it.
DELETE_OLD = """
DELETE FROM sessions_ingest_recordedmessages WHERE id IN (
    SELECT id FROM sessions_ingest_recordedmessages WHERE queue = %(queue)s AND id < (
        SELECT id FROM (
            SELECT id, sum(messages) OVER (ORDER BY id DESC) AS newest
            FROM sessions_ingest_recordedmessages WHERE queue = %(queue)s
        ) AS kept WHERE newest >= %(kept)s ORDER BY id DESC LIMIT 1
    ) FOR UPDATE SKIP LOCKED
)
"""


def write(records: Mapping[str, Sequence[Record]], kept: int) -> None:
    """Stores the records of each queue, and deletes those that are older than its `kept` newest ones.

    Raises django.db's errors.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        RecordedMessages.objects.bulk_create(
            RecordedMessages(queue=queue, messages=len(each), records=packed(each))
            for queue, each in records.items()
        )
        for queue in records:
            cursor.execute(DELETE_OLD, {"queue": queue, "kept": kept})


def last(queue: str, most: int) -> list[Record]:
    """The last `most` messages of the queue, the latest first. One statement."""
    rows = RecordedMessages.objects.filter(queue=queue).order_by("-id")[:most]
    records: list[Record] = []
    for row in rows.iterator():
        records += unpacked(bytes(row.records))
    return sorted(records, key=lambda record: record.at, reverse=True)[:most]
