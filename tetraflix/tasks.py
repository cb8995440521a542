"""Celery tasks about API callers."""

from celery import shared_task

from tetraflix.access.idempotency import delete_old_answers


@shared_task(name="tetraflix.tasks.clean_up")
def clean_up() -> int:
    """Deletes the responses kept for repeated POSTs after a day. Returns how many."""
    return delete_old_answers()
