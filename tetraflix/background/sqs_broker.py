"""Celery's SQS transport with fixes, so that neither an outage of SQS nor an invalid message ends a worker.

Each override names what kombu 5.7.0 does instead. tests/tetraflix/background/test_kombu_faults.py shows each of these
faults in kombu's own classes: when one of its tests fails, kombu has changed, and the override can go.
"""

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from celery import current_app
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.transport import SQS, virtual

from movies.outbox import bus
from sessions_ingest.consumer.protocols import Message, QueueUnavailable
from sessions_ingest.consumer.sqs import SqsQueue, first_sent
from tetraflix.background import heartbeats, task_messages

logger = logging.getLogger(__name__)


class PredefinedQueue(dict[str, Any]):
    """A queue of `predefined_queues` whose URL is looked up when it is needed, not when settings are read.

    kombu 5.7.0 takes the URL from the settings alone, where an embedded server's is not known yet:
    test_kombu_wants_the_url_of_a_queue_in_its_settings.
    """

    def __init__(self, name: str, *, region: str, **options: Any) -> None:
        super().__init__(region=region, **options)  # not empty: kombu takes {} for an undefined queue
        self.name = name

    def __missing__(self, key: str) -> Any:
        if key != "url":
            raise KeyError(key)
        try:
            return bus.shared_client().get_queue_url(QueueName=self.name)["QueueUrl"]
        except ClientError:  # an embedded server whose folder was deleted has lost its queues
            bus.create_missing_queue(self.name)
            return bus.shared_client().get_queue_url(QueueName=self.name)["QueueUrl"]


class Channel(SQS.Channel):
    """kombu's channel, which goes on polling, dead-letters or reconnects where kombu would end the worker."""

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        """Passes tasks on to Celery and dead-letters everything else. Returns the number of messages.

        kombu 5.7.0 takes every message for a task, and an invalid one raises an error that ends the worker:
        test_kombu_raises_for_a_message_that_is_no_task.
        For an unavailable endpoint kombu passes [] instead of a dict, and calls .get on it:
        test_kombu_raises_for_an_endpoint_that_is_unavailable. Here it counts as no messages.
        """
        if not messages:
            return 0
        heartbeats.writer.note("worker")
        callback = (self.connection._callbacks or {}).get(qname)
        if callback is None:  # the worker stops: kombu releases the messages
            return super()._on_messages_ready(queue, qname, messages)  # type: ignore[misc]
        received = messages.get("Messages") or []
        for raw in received:
            try:
                message = task_messages.read(raw["Body"], current_app.tasks)
            except task_messages.NotATask as error:
                self._dead_letter(qname, raw, str(error))
            else:
                message["properties"]["delivery_info"] = {"exchange": "", "routing_key": qname}
                envelope = self._envelope_payload(message, "", raw, queue)  # type: ignore[attr-defined]
                self._pass_to_celery(callback, envelope)
        return len(received)

    def _schedule_queue(self, queue: str) -> None:
        # kombu's, with the heartbeat of a worker that does not poll because all its threads have a task.
        if not self.qos.can_consume():
            heartbeats.writer.note("worker")
        super()._schedule_queue(queue)  # type: ignore[misc]

    def _pass_to_celery(self, callback: Any, message: dict[str, Any]) -> None:
        """Passes the task to Celery. After an error other than the connection's, SQS delivers the message again.

        kombu 5.7.0 lets every error through, which ends the worker: test_kombu_raises_for_a_task_that_celery_refuses.
        """
        try:
            callback(message)
        except self.connection.connection_errors:
            raise
        except Exception:
            logger.exception("Celery refused task %s, it will be received again", message["headers"]["id"])
            virtual.Channel.basic_ack(self, message["properties"]["delivery_tag"])  # frees its slot

    def _dead_letter(self, name: str, raw: Any, reason: str) -> None:
        """Moves the message to the dead-letter queue; leaves it to SQS' redrive policy when that fails."""
        message = Message(
            id=raw["MessageId"],
            receipt=raw["ReceiptHandle"],
            body=raw["Body"],
            sent_at=first_sent(raw),
            receives=int(raw["Attributes"]["ApproximateReceiveCount"]),
        )
        logger.error("%s: message %s is dead-lettered: %s", name, message.id, reason)
        queue = SqsQueue(name, bus.TASKS_VISIBILITY_SECONDS)
        try:
            queue.delete(queue.dead_letter([(message, reason)]))
        except (QueueUnavailable, BotoCoreError, ClientError) as error:
            logger.warning("%s: message %s is left to the redrive policy: %s", name, message.id, error)
            if isinstance(error, ClientError) and bus.is_missing_queue(error):
                bus.create_missing_queue(name)  # an earlier version made queues without a dead-letter queue
        finally:
            queue.close()

    def asynsqs(self, queue: str | None = None) -> Any:
        """The connection, whose errors make Celery reconnect.

        kombu 5.7.0 raises a bare Exception for an error of SQS, which ends the worker:
        test_kombu_raises_no_connection_error_for_an_error_of_sqs.
        """
        connection = super().asynsqs(queue=queue)
        connection._for_status = _connection_error
        return connection


def _connection_error(response: Any, body: Any) -> Exception:
    """On an OSError Celery reconnects, which also recreates a queue that is gone; any other error ends the worker."""
    return ConnectionError(f"SQS answered {response.status}: {body!r:.300}")


class Transport(SQS.Transport):
    """kombu's transport, with the Channel above."""

    Channel = Channel

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Gives the loop to every channel.

        After a lost connection Celery resets its event loop, and kombu 5.7.0 then forgets the loop: channels made
        afterwards have none and never poll. test_kombu_gives_no_event_loop_to_channels_after_a_reset.
        """
        if get_event_loop() is None:
            set_event_loop(loop)
        for channel in (*self.channels, *self._avail_channels):  # type: ignore[misc, attr-defined]
            channel.hub = loop
        super().register_with_event_loop(connection, loop)
