"""The Celery application on SQS: its worker runs tasks and ingest, its beat sends the scheduled tasks."""

import os
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.signals import setup_logging, worker_init
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from tetraflix.background import heartbeats
from tetraflix.background.sqs_broker import PredefinedQueue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tetraflix.settings")
TRANSPORT_ALIASES["sqs"] = "tetraflix.background.sqs_broker:Transport"
HOUR = 3600
DAY = 24 * HOUR
JOBS_SECONDS = 10  # the longest wait of a bulk job whose wake was lost
LISTS_SECONDS = 10  # the longest wait of a changed user whose wake was lost
EXPERIMENTS_SECONDS = 5  # the longest wait of a fact until it is counted; two look-ups if there is nothing
REBUILD_SECONDS = 600  # between two checks whether the search index is older than a day
SEARCH_SECONDS = 5  # between two updates of the search index in Elasticsearch


def _broker() -> dict[str, Any]:
    """The broker's settings: the embedded SQS or the configured endpoint; else Amazon, as boto3 finds it."""
    keys = {}
    user = ""
    endpoint = urlsplit(settings.SQS_ENDPOINT)
    if settings.SQS_DUMMY_CREDENTIALS:
        keys = {"access_key_id": "embedded", "secret_access_key": "embedded"}
        user = "embedded:embedded@"
    return {
        "broker_url": f"sqs://{user}{endpoint.netloc}//" if endpoint.netloc else "sqs://",
        "broker_transport_options": {
            "region": settings.SQS_REGION,
            "is_secure": endpoint.scheme != "http",
            "wait_time_seconds": 10,  # a long poll: fewer paid requests, and a new task starts at once
            "polling_interval": 0.1,  # between polls that returned nothing or failed
            "fetch_message_attributes": ["SentTimestamp"],  # stored with a dead-lettered message
            # The worker's event loop sends acknowledgements, and does nothing else meanwhile.
            "client-config": {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 2}},
            "predefined_queues": {
                settings.CELERY_QUEUE: PredefinedQueue(
                    settings.CELERY_QUEUE, region=settings.SQS_REGION, **keys
                )
            },
        },
    }


app = Celery("tetraflix")
app.conf.update(
    **_broker(),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # an outage may last
    task_default_queue=settings.CELERY_QUEUE,
    task_create_missing_queues=False,
    task_ignore_result=True,
    # tasks are idempotent: one that was interrupted is received again
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_pool="threads",  # nothing forks under the consumer's threads
    worker_concurrency=2,
    # SQS has no broadcast
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_soft_shutdown_timeout=5.0,
    timezone="UTC",
    beat_scheduler="tetraflix.background.scheduler:Scheduler",
    # No task expires, because that would compare the clocks of two hosts; background/schedule.py limits the backlog.
    beat_schedule={
        "sweep the change feed": {
            "task": "movies.tasks.publish_changes",
            "schedule": settings.FEED_SWEEP_SECONDS,
        },
        "refresh popularity": {
            "task": "movies.tasks.refresh_popularity",
            "schedule": settings.POPULARITY_SECONDS,
        },
        # mostly two look-ups; hourly, so that a table that was in use is retried soon
        "make partitions": {"task": "movies.tasks.make_partitions", "schedule": HOUR},
        "make partitions of reads": {"task": "recommendations.tasks.make_partitions", "schedule": HOUR},
        "clean up answers": {"task": "tetraflix.tasks.clean_up", "schedule": HOUR},
        "make lists": {"task": "recommendations.tasks.recommend", "schedule": LISTS_SECONDS},
        "count experiments": {
            "task": "recommendations.tasks.count_experiments",
            "schedule": EXPERIMENTS_SECONDS,
        },
        "make old lists again": {"task": "recommendations.tasks.recommend_again", "schedule": HOUR},
        "run what jobs wait": {"task": "movies.tasks.run_jobs", "schedule": JOBS_SECONDS},
        "clean up jobs": {"task": "movies.tasks.clean_up_jobs", "schedule": DAY},
        "clean up movies": {"task": "movies.tasks.clean_up", "schedule": DAY},
        "clean up ingest": {"task": "sessions_ingest.tasks.clean_up", "schedule": DAY},
    },
)
if settings.ELASTICSEARCH_URL:
    app.conf.beat_schedule |= {
        "index changes": {"task": "movies.elastic.tasks.index_changes", "schedule": SEARCH_SECONDS},
        "rebuild search": {"task": "movies.elastic.tasks.rebuild_search", "schedule": REBUILD_SECONDS},
        "drop old activity": {"task": "tetraflix.analytics.tasks.drop_old_activity", "schedule": DAY},
    }
app.autodiscover_tasks()
app.steps["worker"].add("sessions_ingest.consumer.worker_step:ConsumerStep")
app.steps["worker"].add("tetraflix.background.worker_shutdown:ShutdownDeadline")


@setup_logging.connect
def keep_django_logging(**kwargs: Any) -> None:
    """Does nothing: with a receiver, Celery sets up no logging of its own, and settings.LOGGING holds."""


# Writes the heartbeats of the worker's event loop (background/sqs_broker.py) and of its receivers.
worker_init.connect(heartbeats.writer.start)
