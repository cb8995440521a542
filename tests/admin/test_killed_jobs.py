"""A bulk job whose process is killed changes nothing, and the next process finishes it."""

from pathlib import Path

import pytest
from django.db import connection

from movies.bulk import jobs
from movies.bulk.file_format import heading, lines_of
from movies.models import ImportRow, Job, Movie, MovieChange
from tests.movies.factories import profile
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until

ROWS = 40_000
HELD = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""


def no_job_runs() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        return bool(cursor.fetchone()[0] == 0)


@pytest.mark.django_db(transaction=True)
def test_the_next_process_applies_an_import_whose_process_was_killed(database_url: str, tmp_path: Path):
    action = profile(action=100)
    path = tmp_path / "movies.csv"
    movies = [(number, f"Movie {number}", False, action) for number in range(1, ROWS + 1)]
    path.write_bytes(heading("csv") + lines_of(movies, "csv"))

    env = {"DATABASE_URL": database_url}
    with Process("manage.py", "import_movies", str(path), env=env) as process:
        wait_until(lambda: Job.objects.filter(state="applying", done__gt=0).exists(), seconds=60)
        process.kill()
    job = Job.objects.get()
    wait_until(no_job_runs)  # PostgreSQL has noticed that the process died
    assert (Movie.objects.count(), MovieChange.objects.count()) == (0, 0)
    assert (job.state, ImportRow.objects.count()) == ("applying", ROWS)

    assert jobs.run_waiting() == 1
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"new": ROWS, "changed": 0, "unchanged": 0})
    assert (Movie.objects.count(), ImportRow.objects.count()) == (ROWS, 0)
    assert MovieChange.objects.filter(batch=job.pk).count() == ROWS


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_check_starts_again(monkeypatch: pytest.MonkeyPatch):
    content = heading("csv") + lines_of([(7, "Kahaani", False, profile(action=100))], "csv")
    monkeypatch.setattr(jobs, "MAX_INLINE_BYTES", 0)
    job = jobs.start_import(actor="staff:x", file_name="m.csv", chunks=[content])
    # the state that a killed process leaves: staged rows, no result
    ImportRow.objects.create(job=job, line=2, movie_id=7, title="Kahaani", profile=profile(action=100))
    jobs.run_waiting()
    job.refresh_from_db()
    assert (job.state, job.result["rows"], job.result["bad"]) == ("ready", 1, 0)
    assert ImportRow.objects.filter(job=job).count() == 1
