"""A simulated sister service that reads the change feed, as User Profiles and Recommendations do."""

import json
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from movies.outbox import bus
from sessions_ingest.simulation.measurements import Measurements

KEPT_SECONDS = 60.0  # that a change stays in the queue, so that a person who reads the queue by hand finds it
PAUSE_SECONDS = 2.0  # after a read that found nothing old enough, and after an error


class ChangesReader(threading.Thread):
    """Receives the changes that were sent KEPT_SECONDS ago, counts them by action, and deletes them."""

    def __init__(self, queue: str, measurements: Measurements, stop: threading.Event) -> None:
        super().__init__(name="read changes", daemon=True)
        self._queue, self._measurements, self._stop_event = queue, measurements, stop

    def run(self) -> None:
        while not self._stop_event.is_set():
            try:
                if self.read():
                    continue
            except (BotoCoreError, ClientError):
                self._measurements.record_change_error()
            self._stop_event.wait(PAUSE_SECONDS)

    def read(self) -> bool:
        """Reads what one request returns, and whether more may be due. Raises BotoCoreError, ClientError.

        Like any reader of SQS it may see a change twice: a body names movie and version, which tells them apart.
        """
        sqs, url = bus.shared_client(), bus.queue(self._queue).url
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=bus.MAX_BATCH_SIZE,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        before = time.time() - KEPT_SECONDS
        due = [
            message for message in messages if int(message["Attributes"]["SentTimestamp"]) / 1000 <= before
        ]
        early = [message for message in messages if message not in due]
        if early:
            released = [entry | {"VisibilityTimeout": 0} for entry in _entries(early)]
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=released)  # type: ignore[arg-type]
        if due:
            self._measurements.record_changes([json.loads(message["Body"]) for message in due])
            sqs.delete_message_batch(QueueUrl=url, Entries=_entries(due))  # type: ignore[arg-type]
        return bool(due) and not early


def _entries(messages: list[Any]) -> list[dict[str, Any]]:
    return [
        {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
        for place, message in enumerate(messages)
    ]
