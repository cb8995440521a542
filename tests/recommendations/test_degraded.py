"""While the store of lists is unavailable, reads return popular movies with a header, and writes a 503."""

import json
import time

import pytest
from django.test import Client
from pytest_django import Settings

from movies.models import ViewCount
from movies.profiles import to_wire
from movies.viewing import popularity
from recommendations import stores
from recommendations.user_lists import UserLists
from tests.movies.factories import movie
from tests.servers.mongodb import MongoServer
from tests.waiting import wait_until
from tetraflix.access.api_keys import create_key

pytestmark = pytest.mark.django_db(transaction=True)
HEADER = "X-Tetraflix-Degraded"


@pytest.fixture
def store(private_mongodb: MongoServer, settings: Settings) -> MongoServer:
    settings.MONGODB_URL = private_mongodb.url
    return private_mongodb


def test_a_read_returns_popular_movies_and_a_header(client: Client, store: MongoServer):
    popular, own = movie("Heat", comedy=100), movie("Alien")
    ViewCount.objects.filter(movie=popular).update(views=9)
    popularity.refresh()
    stores.current().write([(7, UserLists(recommended=(own.id,)))])
    usual = client.get("/tetraflix/recommendations/7")
    assert HEADER not in usual
    assert [shown["id"] for shown in usual.json()["recommendations"]] == [own.id]
    store.kill()
    for seconds in (10, 1.5, 1.5):  # the first request opens the circuit breaker; the next ones do not wait
        start = time.monotonic()
        degraded = client.get("/tetraflix/recommendations/7")
        assert time.monotonic() - start < seconds
        assert (degraded.status_code, degraded[HEADER]) == (200, "lists-unavailable")
        assert degraded.json() == {
            "recommendations": [
                {"id": found.id, "title": found.title, "profile": to_wire(found.profile), "progress": 0}
                for found in (popular, own)
            ],
            "currentlyWatching": [],
        }
    assert client.get("/tetraflix/genre/comedy").status_code == 200
    store.start()
    wait_until(lambda: HEADER not in client.get("/tetraflix/recommendations/7"))
    assert client.get("/tetraflix/recommendations/7").json() == usual.json()


def test_a_write_is_a_503_with_retry_after_and_then_counts_once(client: Client, store: MongoServer):
    watched = movie("Heat")
    _, key = create_key(name="events", role="service")
    body = {"userId": 7, "events": [{"movie": {"id": watched.id}, "progress": 1, "timestamp": "2017-09-08"}]}

    def post() -> int:
        answer = client.post(
            "/tetraflix/sessionData",
            json.dumps(body),
            "application/json",
            headers={"Authorization": f"Bearer {key}"},
        )
        if answer.status_code == 503:
            assert answer["Retry-After"]
            assert "detail" in answer.json()
        return answer.status_code

    store.kill()
    assert post() == 503
    store.start()
    wait_until(lambda: post() == 201)
    assert post() == 201
    assert ViewCount.objects.get(movie=watched).views == 1
    lists = stores.current().read(7)
    assert lists is not None
    assert [finish.movie_id for finish in lists.finished] == [watched.id]
