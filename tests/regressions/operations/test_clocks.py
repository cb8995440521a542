"""Hosts whose clocks disagree: what is due is decided by the database's clock alone."""

import threading

import pytest
from django.db import connection

from movies.models import Movie
from movies.outbox import publisher
from tests.sessions_ingest.conftest import private_bus, service_env
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until
from tetraflix.background import schedule
from tetraflix.embedded.sqs import EmbeddedSqs
from tetraflix.health import service_state
from tetraflix.models import ScheduledTask

__all__ = ["private_bus", "service_env"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)
DRAMA = [0] * 4 + [100] + [0] * 10
CELERY_ON_A_CLOCK = """
import sys, time
import time_machine
time_machine.travel(time.time() + float(sys.argv[1]), tick=True).start()
sys.argv[:2] = ["celery"]
from celery.__main__ import main
main()
"""


def celery(words: str, env: dict[str, str], *, ahead: float = 0) -> Process:
    """A Celery program on a host whose clock is so many seconds ahead."""
    return Process("-c", CELERY_ON_A_CLOCK, str(ahead), "-A", "tetraflix", *words.split(), env=env)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("worker", "beat"), [(12, 0), (600, 0), (-600, 0), (0, 90_000), (0, -90_000)])
def test_sweeps_run_on_hosts_whose_clocks_disagree(
    service_env: dict[str, str], private_bus: EmbeddedSqs, worker: float, beat: float
) -> None:
    """F6: a change whose wake was lost is sent, whichever clock is wrong."""
    env = {**service_env, "CONSUME_IN_WORKER": "off", "FEED_SWEEP_SECONDS": "1"}
    options = "worker --without-gossip --without-mingle --without-heartbeat"
    with celery("beat", env, ahead=beat), celery(options, env, ahead=worker):
        for title in ("First", "Second"):  # the second needs a sweep after the one that sent the first
            Movie.objects.create(title=title, profile=DRAMA)  # wakes no worker
            wait_until(lambda: publisher.outbox_lag() == (0, 0.0), seconds=100)
        wait_until(lambda: service_state.heartbeat_ages()["beat"] is not None, seconds=30)
        wait_until(lambda: service_state.heartbeat_ages()["worker"] is not None, seconds=30)


def due(**seconds: float) -> list[str]:
    return sorted(schedule.claim_due(seconds))


def ago(name: str, seconds: float) -> None:
    """Moves the task's times back by so many seconds; a negative number is a clock that was set back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tetraflix_scheduledtask SET sent_at = sent_at - make_interval(secs => %(s)s),"
            " waiting_since = waiting_since - make_interval(secs => %(s)s) WHERE name = %(name)s",
            {"s": seconds, "name": name},
        )


def test_a_task_is_due_again_after_its_interval_once_it_is_done() -> None:
    """F6: the rule of the schedule."""
    assert due(often=5, rarely=3600) == ["often", "rarely"]
    assert due(often=5, rarely=3600) == []
    schedule.mark_done("often")
    schedule.mark_done("not on the schedule")
    ago("often", 4)
    assert due(often=5, rarely=3600) == []
    ago("often", 1)
    assert due(often=5, rarely=3600) == ["often"]


def test_a_task_that_is_not_done_is_sent_again_after_a_minute_only() -> None:
    """F6: so no backlog grows while no worker runs, and a lost task is soon sent again."""
    assert due(sweep=5) == ["sweep"]
    ago("sweep", schedule.RESEND_SECONDS - 5)
    assert due(sweep=5) == []
    ago("sweep", 5)
    assert due(sweep=5) == ["sweep"]
    assert schedule.pending()["sweep"] == pytest.approx(schedule.RESEND_SECONDS, abs=5)
    schedule.mark_done("sweep")
    assert schedule.pending() == {}


def test_tasks_are_due_after_the_database_clock_was_set_back() -> None:
    """F6: after a failover, the new server's clock may be behind."""
    assert due(sweep=5) == ["sweep"]
    schedule.mark_done("sweep")
    ago("sweep", -3600)
    assert due(sweep=5) == ["sweep"]


def test_a_task_that_could_not_be_sent_is_due_at_once() -> None:
    """F6: while SQS is unavailable beat goes on trying."""
    assert due(a=3600, b=3600) == ["a", "b"]
    schedule.release(["a", "b"])
    assert due(a=3600, b=3600) == ["a", "b"]


def test_beat_does_not_wait_for_tasks_sent_before_it_started() -> None:
    """F6: the stack may have been down for a week."""
    due(sweep=5)
    ago("sweep", 7 * 24 * 3600)
    schedule.clear_pending()
    assert schedule.pending() == {}
    assert due(sweep=5) == ["sweep"]


def test_several_beats_send_a_task_once() -> None:
    """F6: one clock decides for all."""
    names = {f"task {number}": 5.0 for number in range(20)}
    sent: list[str] = []

    def beat() -> None:
        try:
            start.wait()
            sent.extend(schedule.claim_due(names))
        finally:
            connection.close()

    for _ in range(5):
        start = threading.Barrier(4)
        beats = [threading.Thread(target=beat) for _ in range(4)]
        for thread in beats:
            thread.start()
        for thread in beats:
            thread.join()
        assert sorted(sent) == sorted(names)
        sent.clear()
        ScheduledTask.objects.all().delete()
