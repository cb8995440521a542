"""Records messages that arrive over HTTP, in a process that has called `start`."""

import os
import uuid
from datetime import datetime

from django.conf import settings

from movies.foundation.background_threads import at_exit
from sessions_ingest.batches import BatchOutcome, Message
from sessions_ingest.consumer import protocols
from sessions_ingest.message_log.recorder import MessageRecorder

NO_DELIVERY = 0  # the number of deliveries by which a record says that its message came over HTTP
_recorders: list[MessageRecorder] = []  # one; none in a process that does not record


def start() -> None:
    """From now on this process records the messages that it answers. A fork of it makes a recorder of its own."""
    if settings.MESSAGES_KEPT:
        _make()
        os.register_at_fork(after_in_child=_make)


def record(queue: str, message: Message, body: bytes, sent_at: datetime, outcome: BatchOutcome) -> None:
    """Takes note of an applied message. Never waits and never raises."""
    for recorder in _recorders:
        request = protocols.Message(uuid.uuid4().hex, "", body.decode(errors="replace"), sent_at, NO_DELIVERY)
        recorder.record(queue, protocols.State.APPLIED, [(request, message)], outcome)


def _make() -> None:
    recorder = MessageRecorder(settings.MESSAGES_KEPT)
    at_exit(recorder.stop)
    _recorders[:] = [recorder]
