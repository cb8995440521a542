"""Failing bulk jobs are retried a limited number of times and delay no other; and the progress of reverts."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from movies.bulk import jobs, progress
from movies.inventory import reverting, services
from movies.models import Job, Movie
from movies.search.selections import Selection
from tests.admin.jobs import replace_work
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db(transaction=True)


def refused_by_the_database(**arguments: Any) -> int:
    services.hide_movies(actor="staff:x", movie_ids=[1])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1ms'")
        cursor.execute("SELECT pg_sleep(60)")
    raise AssertionError("the statement was not cancelled")


def interrupted(**arguments: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    raise AssertionError("the connection was not ended")


@pytest.fixture
def for_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", -1)


def started(kind: str) -> Job:
    return jobs.start_bulk(kind=kind, actor="staff:x", which=Selection())


def pause_is_over(job: Job) -> None:
    Job.objects.filter(id=job.id).update(next_try=timezone.now() - timedelta(seconds=1))


def test_a_job_that_always_fails_delays_no_other_and_ends_with_its_reason(
    for_the_worker: None, monkeypatch: pytest.MonkeyPatch, boss: Client
) -> None:
    """Retries of the oldest job do not block later jobs."""
    replace_work(monkeypatch, "hide", refused_by_the_database)
    movie("Alpha", movie_id=1, hidden=True)
    bad, later = started("hide"), started("show")
    assert jobs.run_waiting() == 2
    bad.refresh_from_db()
    later.refresh_from_db()
    assert (bad.state, bad.tries, later.state) == ("applying", 1, "done")
    assert bad.result["error"].startswith(
        "Try 1 of 5 failed: canceling statement due to statement timeout. The next one begins at "
    )
    pauses = []
    for tries in range(2, jobs.MAX_TRIES + 1):
        pause_is_over(bad)
        assert jobs.run_waiting() == 1
        bad.refresh_from_db()
        assert bad.tries == tries
        pauses.append(bad.next_try - timezone.now())
        assert jobs.run_waiting() == 0  # not before its pause is over
    assert pauses[:-1] == sorted(pauses[:-1])
    reason = "Given up after 5 tries: canceling statement due to statement timeout. Nothing was changed."
    assert (bad.state, bad.result) == ("failed", {"error": reason})
    assert reason in boss.get(f"/admin/movies/job/{bad.pk}/").content.decode()
    assert list(Movie.objects.values_list("hidden", flat=True)) == [False]


def test_a_database_that_is_unavailable_is_not_the_jobs_fault(
    for_the_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a try never counts."""
    movie("Alpha", movie_id=1)
    job = started("hide")
    replace_work(monkeypatch, "hide", interrupted)
    pauses = []
    for _ in range(2 * jobs.MAX_TRIES):
        with pytest.raises(OperationalError):
            jobs.run_waiting()
        connection.close()
        assert jobs.run_waiting() == 0  # not before its pause is over
        job.refresh_from_db()
        assert (job.state, job.tries) == ("applying", 0)
        pauses.append(round((job.next_try - timezone.now()).total_seconds() / 10))
        pause_is_over(job)
    assert pauses[0] < pauses[1] < pauses[2] == pauses[-1]
    replace_work(monkeypatch, "hide", services.hide_movies)
    pause_is_over(job)
    jobs.run_waiting()
    job.refresh_from_db()
    assert job.state == "done"
    assert job.id not in jobs.interrupted


def test_a_job_that_kills_its_worker_each_time_fails(for_the_worker: None) -> None:
    """A try counts from its start, because a killed worker writes nothing."""
    movie("Alpha", movie_id=1)
    job = started("hide")
    for _ in range(jobs.MAX_TRIES):
        pause_is_over(job)
        assert jobs.begin_try(job.id)  # the worker is killed here
    pause_is_over(job)
    jobs.run_waiting()
    job.refresh_from_db()
    assert (job.state, job.result["error"]) == (
        "failed",
        "The worker died 5 times while it ran this job. Nothing was changed.",
    )


def test_the_progress_of_a_revert_is_of_all_its_movies(
    for_the_worker: None, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(reverting, "BATCH_SIZE", 4)
    monkeypatch.setattr(progress, "REPORT_EVERY_SECONDS", 0)
    for number in range(11):
        movie(f"Movie {number}")
    hide = started("hide")
    jobs.run_waiting()
    seen: list[int] = []
    job = jobs.start_revert(batch=hide.pk, actor="staff:y")

    jobs.run(job.pk, progress=seen.append)
    job.refresh_from_db()
    assert seen == [4, 8, 11]
    assert (job.state, job.done, job.total, job.result["movies"]) == ("done", 11, 11, 11)


def test_other_connections_see_the_exact_size_of_a_running_job(
    for_the_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size is never an estimate."""
    monkeypatch.setattr(progress, "REPORT_EVERY_SECONDS", 0)
    for number in range(7):
        movie(f"Movie {number}")
    started = [
        jobs.start_bulk(kind="hide", actor="x", which=Selection()),
        jobs.start_export(actor="x", form="csv"),
    ]
    for job in started:
        seen: list[tuple[int, int]] = []

        def look(done: int, job: Job = job, seen: list[tuple[int, int]] = seen) -> None:
            other = connection.copy()
            with other.cursor() as cursor:
                cursor.execute("SELECT total FROM movies_job WHERE id = %s", [job.pk])
                seen.append((done, cursor.fetchone()[0]))
            other.close()

        jobs.run(job.pk, progress=look)
        assert seen == [(7, 7)], job.kind


def test_a_revert_reads_its_batch_without_a_join() -> None:
    """After a bulk change PostgreSQL would plan a join for few rows, which takes minutes for many."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {reverting.MOVIES_OF_BATCH}", ["00000000-0000-0000-0000-000000000000"])
        plan = " ".join(line for (line,) in cursor)
    assert "Join" not in plan
    assert "Loop" not in plan
