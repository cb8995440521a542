"""The worker's tasks: lists of changed users now, those of the others once a day, and patience with a store."""

from typing import Any

import pytest
from django.db import connection

from movies.models import Failure
from recommendations import stores, tasks
from recommendations.recommender import changed_users
from recommendations.stores.base import StoreUnavailable
from tests.recommendations.recommender.test_refresh import NOW, USER, listed, report, some_movies


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each time that the worker is woken."""
    wakes: list[Any] = []
    monkeypatch.setattr(changed_users.users_changed, "send", lambda sender: wakes.append("woken"))
    return wakes


def test_the_lists_of_changed_users_are_made(transactional_db):
    made = some_movies(3)
    report(USER, made[0])

    assert tasks.recommend() == 4
    assert tasks.recommend() == 0
    assert listed(USER)[1] == "mixture"


def test_users_who_were_just_served_are_looked_at_soon_again(transactional_db, settings, woken):
    settings.RECOMMEND_SECONDS = 3600
    made = some_movies(3)
    report(USER, made[0])
    tasks.recommend()
    woken.clear()
    report(USER, made[1], at=NOW)

    assert tasks.recommend() == 0
    assert len(woken) == 2  # by the finish, and by the task for what it left


def test_nothing_is_made_where_the_recommender_is_off(transactional_db, settings):
    settings.RECOMMENDER = "off"
    report(USER, some_movies(3)[0])

    assert (tasks.recommend(), tasks.recommend_again()) == (0, 0)
    assert changed_users.waiting().users == 4


def test_a_store_that_does_not_answer_is_tried_again_later(transactional_db, monkeypatch):
    report(USER, some_movies(3)[0])

    def unavailable(*args: Any) -> None:
        raise StoreUnavailable("the store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(stores.current()), "update", unavailable)
        assert tasks.recommend() == 0
    assert Failure.objects.get().name == "own recommendations"
    assert tasks.recommend() == 0  # not before the pause is over
    Failure.objects.update(next_try=NOW)

    assert tasks.recommend() == 4
    assert not Failure.objects.exists()


def test_lists_of_yesterday_are_made_again(transactional_db, woken):
    report(USER, some_movies(3)[0])
    tasks.recommend()
    assert tasks.recommend_again() == 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE recommendations_changeduser SET recommended_at = now() - interval '25 hours'")
    woken.clear()

    assert tasks.recommend_again() == 4

    assert len(woken) == 1
    assert tasks.recommend() == 4
