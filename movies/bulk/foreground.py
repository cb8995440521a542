"""Runs a bulk job in the foreground of a command."""

import time

from movies.bulk import jobs
from movies.bulk.progress import Progress
from movies.models import Job

POLL_SECONDS = 0.5


def finished(job: Job, progress: Progress = lambda done: None) -> Job:
    """Runs the job here, or waits for the worker that runs it; returns the job when it has ended."""
    while job.state in jobs.UNDER_WAY:
        jobs.run(job.pk, progress=progress)
        job.refresh_from_db()
        if job.state in jobs.UNDER_WAY:
            progress(job.done)
            time.sleep(POLL_SECONDS)
    return job
