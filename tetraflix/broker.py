"""Celery's SQS transport, mended so that an outage of the broker ends no worker."""

from typing import Any

from botocore.exceptions import ClientError
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.transport import SQS

from movies import bus


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
    """Where kombu 5.7 would end the worker, this goes on polling or connects anew."""

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        # An endpoint that is away comes as [] (kombu.asynchronous.aws.connection), on which kombu calls .get:
        # taken as "no messages", it is polled again after polling_interval.
        return super()._on_messages_ready(queue, qname, messages) if messages else 0  # type: ignore[misc]

    def asynsqs(self, queue: str | None = None) -> Any:
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
