"""The metrics of the dashboard, from roll-ups, also while other services are unavailable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import EndpointConnectionError
from django.db import connection
from django.test import Client

from movies.genres import GENRES
from movies.inventory import services
from movies.models import GenreViews
from movies.outbox import bus
from movies.palette import COLOURS
from movies.viewing.popularity import refresh
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from recommendations.user_lists import UserLists
from sessions_ingest.models import IngestMinute
from tests.admin.experiments import experiment_of_weeks
from tests.movies.factories import movie
from tetraflix.background import heartbeats, schedule
from tetraflix.backoffice import concentration_panel, experiment_panel
from tetraflix.health import background_cache, service_state

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch, queues: Any) -> None:
    service_state.forget()
    concentration_panel.forget()
    experiment_panel.forget()
    monkeypatch.setattr(background_cache, "FIRST_WAIT_SECONDS", 60)


def metrics(client: Client) -> dict[str, Any]:
    response = client.get("/admin/dashboard.json")
    assert response.status_code == 200
    return response.json()


@time_machine.travel(NOW, tick=False)
def test_views_are_shown_by_genre_and_day_for_thirty_days(viewer: Client):
    today = NOW.date()
    for ago, genre, weight in (
        (0, "drama", 150),
        (0, "horror", 50),
        (29, "drama", 1000),
        (30, "drama", 9900),
    ):
        GenreViews.objects.create(day=today - timedelta(days=ago), genre=genre, weight=weight)
    views = metrics(viewer)["views"]
    assert (views["days"][0], views["days"][-1], len(views["days"])) == ("2026-10-26", "2026-11-24", 30)
    assert views["series"]["drama"] == [10.0, *[0.0] * 28, 1.5]
    assert views["series"]["horror"] == [*[0.0] * 29, 0.5]
    assert (views["total"], views["today"]) == (12, 2)
    assert list(views["series"]) == list(GENRES)


@time_machine.travel(NOW, tick=False)
def test_ingest_is_shown_by_queue_and_minute_for_an_hour(viewer: Client):
    minute = NOW.replace(second=0)
    for ago, queue, messages, slowest in (
        (0, "sessionData", 7, 120),
        (0, "userRecs", 0, 5),
        (1, "sessionData", 0, 240),
        (2, "sessionData", 0, 9000),
        (59, "userRecs", 3, 9),
        (60, "userRecs", 9, 9),
    ):
        IngestMinute.objects.create(
            minute=minute - timedelta(minutes=ago),
            queue=queue,
            messages=messages,
            views=1,
            slowest_ms=slowest,
        )
    ingest = metrics(viewer)["ingest"]
    assert ingest["queues"] == {"sessionData": [*[0] * 59, 7], "userRecs": [3, *[0] * 59]}
    assert ingest["last_hour"] == {"messages": 10, "events": 0, "views": 5, "skipped": 0, "poison": 0}
    assert (ingest["minutes"][0], ingest["minutes"][-1], ingest["slowest_ms"]) == ("11:01", "12:00", 240)


def test_most_popular_lists_have_five_visible_movies_of_each_genre(viewer: Client):
    for number in range(1, 8):
        movie(f"Movie {number}", movie_id=number, drama=60, horror=40)
    refresh()
    tops = metrics(viewer)["tops"]
    assert [top["genre"] for top in tops] == ["", *GENRES]
    assert {top["genre"] for top in tops if top["movies"]} == {"", "drama", "horror"}
    assert [found["id"] for found in tops[0]["movies"]] == [1, 2, 3, 4, 5]
    services.hide_movies(actor="staff:x", movie_ids=[2])  # after the list was computed
    assert [found["id"] for found in metrics(viewer)["tops"][0]["movies"]] == [1, 3, 4, 5, 6]


def test_the_page_is_shown_while_sqs_is_unavailable(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    def unavailable() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    assert [queue["dead"] for queue in metrics(viewer)["queues"]][:3] == [0, 0, 0]
    service_state.forget()
    monkeypatch.setattr(bus, "quick_client", unavailable)
    assert metrics(viewer)["queues"] is None
    assert viewer.get("/admin/").status_code == 200


def test_stopped_processes_and_tasks_are_reported(viewer: Client):
    assert [line.split(": ")[:2] for line in metrics(viewer)["problems"]] == [
        [process.label, f"no heartbeat ever. {process.hint}"] for process in heartbeats.expected()
    ]
    heartbeats.record(*(process.name for process in heartbeats.expected()))
    schedule.claim_due({"some task": 5})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_heartbeat SET at = at - interval '61 s' WHERE name = 'worker'")
        cursor.execute("UPDATE tetraflix_scheduledtask SET waiting_since = waiting_since - interval '1 h'")
    assert metrics(viewer)["problems"] == [
        "The worker: no heartbeat for 61 s. `make run` or `celery -A tetraflix worker` starts it.",
        "some task was sent 3,600 s ago and is not done: see the worker's log.",
    ]


@pytest.mark.django_db(transaction=True)  # another connection measures
def test_the_concentration_of_lists_is_measured_once_for_some_minutes(viewer: Client):
    movie("Kahaani", movie_id=1, thriller=100)
    movie("Lord of the Rings", movie_id=2, fantasy=100)
    lists = UserLists((1,), datetime.now(UTC) - timedelta(hours=3), recommended_by="mixture")
    stores.current().write([(7, lists), (8, UserLists((1, 2), datetime.now(UTC)))])
    shown = metrics(viewer)["concentration"]
    assert shown["sentence"] == "The lists of all 2 users; 2 visible movies."
    whole, bus_lists, own = shown["parts"]
    assert [part["label"] for part in shown["parts"]] == ["all", "the bus", "own, mixture"]
    assert (whole["lists"], whole["coverage"], whole["top_share"], whole["title"]) == (2, 1, 1, "Kahaani")
    assert (bus_lists["profiles"], own["profiles"], round(own["median_age_seconds"] / 3600)) == (2, 1, 3)

    stores.current().write([(9, lists)])
    assert metrics(viewer)["concentration"]["parts"] == shown["parts"]
    concentration_panel.forget()
    assert metrics(viewer)["concentration"]["parts"][0]["lists"] == 3


def test_the_page_is_shown_while_lists_cannot_be_measured(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    def unavailable() -> None:
        raise StoreUnavailable("unavailable")

    monkeypatch.setattr(concentration_panel, "report", unavailable)
    assert metrics(viewer)["concentration"] is None


@pytest.mark.django_db(transaction=True)  # another connection reports
def test_the_running_experiment_is_named_with_its_verdict(viewer: Client):
    assert metrics(viewer)["experiment"] is None
    experiment = experiment_of_weeks("weeks", users=9)
    experiment_panel.forget()
    assert metrics(viewer)["experiment"] == {
        "name": "weeks",
        "verdict": "not enough data yet (6 of 100 users an arm)",
        "withheld": False,
        "exposed": 18,
        "address": f"/admin/recommendations/experiment/{experiment.pk}/change/",
    }


def test_each_genre_has_a_colour_of_its_own():
    assert list(COLOURS) == list(GENRES)
    assert len(set(COLOURS.values())) == len(GENRES)
