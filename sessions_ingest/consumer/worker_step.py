"""Runs the consumer inside a Celery worker, from the worker's start to its stop."""

import logging
from typing import Any

from celery import bootsteps
from django.conf import settings

from sessions_ingest.consumer.database_handler import make_consumer
from sessions_ingest.consumer.receiver import Consumer

logger = logging.getLogger(__name__)


class ConsumerStep(bootsteps.StartStopStep):
    """Runs the consumer unless CONSUME_IN_WORKER is off. Never raises, because that would end the worker.

    At a stop its batches are finished, and what its short polls bring is released, as at the end of `consume`.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self.consumer: Consumer | None = None

    def include_if(self, parent: Any) -> bool:
        return bool(settings.CONSUME_IN_WORKER)

    def start(self, parent: Any) -> None:
        try:
            self.consumer = make_consumer()
            self.consumer.start()
        except Exception:
            logger.exception("the consumer did not start: this worker runs background tasks only")
            return
        logger.info("consuming %s and %s", settings.SESSION_QUEUE, settings.RECS_QUEUE)

    def close(self, parent: Any) -> None:
        """Starts the shutdown: no further batch is received."""
        if self.consumer:
            self.consumer.stopping.set()

    def stop(self, parent: Any) -> None:
        if self.consumer and not self.consumer.stop():
            logger.warning("stopped with an unfinished batch, which will be redelivered")
        self.consumer = None

    terminate = stop
