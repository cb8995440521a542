"""Background work about callers."""

from celery import shared_task

from tetraflix.access.idempotency import delete_old_answers


@shared_task(name="tetraflix.tasks.clean_up")
def clean_up() -> int:
    """Answers kept for repeated POSTs are gone after a day. Returns how many went."""
    return delete_old_answers()
