"""A simulated sister service that reads the change feed, as User Profiles and Recommendations do."""

import json
import threading

from botocore.exceptions import BotoCoreError, ClientError

from movies.outbox import bus
from sessions_ingest.simulation.measurements import Measurements

WAIT_SECONDS = 5  # of a long poll, after which a stop is noticed
PAUSE_SECONDS = 1.0  # after an error


class ChangesReader(threading.Thread):
    """Receives the changes, counts them by action, and deletes them."""

    def __init__(self, queue: str, measurements: Measurements, stop: threading.Event) -> None:
        super().__init__(name="read changes", daemon=True)
        self._queue, self._measurements, self._stop_event = queue, measurements, stop

    def run(self) -> None:
        while not self._stop_event.is_set():
            try:
                self.read()
            except (BotoCoreError, ClientError):
                self._measurements.record_change_error()
                self._stop_event.wait(PAUSE_SECONDS)

    def read(self) -> None:
        """Reads what one request returns. Raises BotoCoreError, ClientError.

        Like any reader of SQS it may see a change twice: a body names movie and version, which tells them apart.
        """
        sqs, url = bus.shared_client(), bus.queue(self._queue).url
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=bus.MAX_BATCH_SIZE, WaitTimeSeconds=WAIT_SECONDS
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        self._measurements.record_changes([json.loads(message["Body"]) for message in messages])
        sqs.delete_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages)
            ],
        )
