"""The Celery tasks of this app. Each is thin, and safe to run twice."""

from celery import shared_task
from django.conf import settings

from movies.foundation import retries
from recommendations.recommender import changed_users, refresh
from recommendations.stores.base import StoreUnavailable

SECONDS = 5.0  # a worker has two threads, and other tasks need their turn


@shared_task
def recommend() -> int:
    """Makes the own lists of changed users; returns how many it made. Runs after finishes, and by schedule."""
    if settings.RECOMMENDER == "off":
        return 0
    with retries.retried("own recommendations", StoreUnavailable, first=2, longest=30) as due:
        if due:
            done = refresh.refresh_changed(seconds=SECONDS)
            if (
                changed_users.waiting().users
            ):  # those with a list of just now, and what time did not suffice for
                changed_users.wake()
            return done.lists
    return 0


@shared_task
def recommend_again() -> int:
    """Marks the users whose lists are old, so that `recommend` makes them again; returns how many.

    Runs by schedule, and when an experiment was started or stopped.
    """
    if settings.RECOMMENDER == "off":
        return 0
    marked = refresh.mark_old_lists()
    if marked:
        changed_users.wake()
    return marked
