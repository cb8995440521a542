"""Celery's SQS transport, mended so that neither an outage of the broker nor a message in it ends a worker."""

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from celery import current_app
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.transport import SQS, virtual

from movies.outbox import bus
from sessions_ingest.consumer import Message, QueueUnavailable
from sessions_ingest.sqs import SqsQueue, first_sent
from tetraflix.background import task_messages
from tetraflix.background.heartbeats import writer

logger = logging.getLogger(__name__)


class PredefinedQueue(dict[str, Any]):
    """A queue of `predefined_queues` whose URL is looked up when it is needed, not when settings are read."""

    def __init__(self, name: str, *, region: str, **options: Any) -> None:
        super().__init__(region=region, **options)  # not empty: kombu takes an empty one for undefined
        self.name = name

    def __missing__(self, key: str) -> Any:
        if key != "url":
            raise KeyError(key)
        try:
            return bus.shared_client().get_queue_url(QueueName=self.name)["QueueUrl"]
        except ClientError:  # an embedded server that was killed has forgotten its queues
            bus.create_missing(self.name)
            return bus.shared_client().get_queue_url(QueueName=self.name)["QueueUrl"]


class Channel(SQS.Channel):
    """Where kombu 5.7.0 would end the worker, this goes on polling, dead-letters or connects anew.

    Each override names what kombu does instead, and the test that fails without it: when a later kombu passes that
    test alone, the override goes.
    """

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        """Tasks are handed over, everything else is dead-lettered; nothing that lies in the queue ends the worker.

        kombu takes whatever it receives for a task, and an error on the way (properties that are no object, say)
        leaves through the event loop and ends the worker: tests/regressions/operations/test_task_queue.py.
        An endpoint that is away comes as [] (kombu.asynchronous.aws.connection), on which kombu calls .get; taken
        as "no messages", it is polled again after polling_interval: tests/sessions_ingest/test_worker.py.
        """
        if not messages:
            return 0
        writer.note("worker")
        callback = (self.connection._callbacks or {}).get(qname)
        if callback is None:  # the worker stops: kombu releases what still came
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
                self._hand_over(callback, envelope)
        return len(received)

    def _schedule_queue(self, queue: str) -> None:
        if not self.qos.can_consume():  # every thread works on a task: no poll is due, and none is missed
            writer.note("worker")
        super()._schedule_queue(queue)  # type: ignore[misc]

    def _hand_over(self, callback: Any, message: dict[str, Any]) -> None:
        """To Celery. An error that is not the connection's concerns this message alone: SQS shows it again later."""
        try:
            callback(message)
        except self.connection.connection_errors:
            raise
        except Exception:
            logger.exception("task %s is not taken, it will be received again", message["headers"]["id"])
            virtual.Channel.basic_ack(self, message["properties"]["delivery_tag"])  # its place is free

    def _dead_letter(self, name: str, raw: Any, reason: str) -> None:
        """In the dead-letter queue and out of this one; left to the redrive policy when that cannot be done now."""
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
            if isinstance(error, ClientError) and bus.is_gone(error):
                bus.create_missing(name)  # a queue that an earlier version made has no dead-letter queue yet
        finally:
            queue.close()

    def asynsqs(self, queue: str | None = None) -> Any:
        """kombu raises a bare Exception for an SQS error; the worker ends: tests/sessions_ingest/test_worker.py."""
        connection = super().asynsqs(queue=queue)
        connection._for_status = _lost
        return connection


def _lost(response: Any, body: Any) -> Exception:
    """The queue is gone, say: on an OSError Celery reconnects, which makes sure of it; others end it."""
    return ConnectionError(f"SQS answered {response.status}: {body!r:.300}")


class Transport(SQS.Transport):
    """kombu's, with the Channel above."""

    Channel = Channel

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        # After a lost connection Celery resets its loop, which kombu takes for its end: the new channels
        # find no loop, and would never poll.
        if get_event_loop() is None:
            set_event_loop(loop)
        for channel in (*self.channels, *self._avail_channels):  # type: ignore[misc, attr-defined]
            channel.hub = loop
        super().register_with_event_loop(connection, loop)
