"""Messages over HTTP are in the log of messages, as those of the queues are."""

import json

import pytest
from pytest_django import Settings

from sessions_ingest.message_log import log, over_http
from tests.api.calling import Caller
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db(transaction=True)


def test_messages_over_http_are_in_the_log(
    service: Caller, monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    movie("Movie 1", movie_id=1, drama=100)
    monkeypatch.setattr(over_http, "_recorders", [])
    over_http.start()
    body = {"userId": 7, "events": [{"movie": {"id": 1}, "progress": 1}]}
    assert service("POST", "/tetraflix/sessionData", body).status_code == 201
    assert service("POST", "/tetraflix/userRecs", {"userId": 7, "rec": [1]}).status_code == 201
    assert service("POST", "/tetraflix/userRecs", {"userId": 7}).status_code == 400  # its sender knows
    (recorder,) = over_http._recorders
    recorder.stop()
    (session,), (recs,) = log.last(settings.SESSION_QUEUE, 10), log.last(settings.RECS_QUEUE, 10)
    assert (session.user, session.delivery, session.outcome) == (
        7,
        over_http.NO_DELIVERY,
        "1 event, 1 new view",
    )
    assert json.loads(session.body) == body
    assert (recs.state, recs.movies) == ("applied", (1,))
