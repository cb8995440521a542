"""The metrics of the dashboard, from roll-ups, also while other services are unavailable."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import EndpointConnectionError
from django.db import connection
from django.test import Client

from movies.genres import GENRES
from movies.inventory import services
from movies.models import GenreViews, ViewCount
from movies.outbox import bus
from movies.palette import COLOURS
from movies.viewing.popularity import refresh
from recommendations import stores
from recommendations.stores.base import StoreUnavailable
from recommendations.user_lists import UserLists
from sessions_ingest.models import IngestMinute
from tests.admin.experiments import experiment_of_weeks
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.waiting import wait_until
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
        (0, "sessionData", 99, 120),  # under way: a part of a minute is not drawn
        (1, "sessionData", 7, 240),
        (1, "userRecs", 0, 5),
        (2, "sessionData", 0, 9000),
        (60, "userRecs", 3, 9),
        (61, "userRecs", 9, 9),
    ):
        IngestMinute.objects.create(
            minute=minute - timedelta(minutes=ago),
            queue=queue,
            messages=messages,
            views=1,
            slowest_ms=slowest,
        )
    found = metrics(viewer)
    ingest = found["ingest"]
    assert ingest["queues"] == {"sessionData": [*[0] * 59, 7], "userRecs": [3, *[0] * 59]}
    assert ingest["last_hour"] == {"messages": 10, "events": 0, "views": 4, "skipped": 0, "poison": 0}
    assert (ingest["minutes"][0], ingest["minutes"][-1]) == ("11:00", "11:59")


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


def test_movies_are_listed_with_the_number_that_they_are_sorted_by(viewer: Client):
    for movie_id, views, horror in ((1, 1000, 20), (2, 300, 90)):
        movie(f"Movie {movie_id}", movie_id=movie_id, horror=horror, drama=100 - horror)
        ViewCount.objects.update_or_create(movie_id=movie_id, defaults={"views": views})
    refresh()
    tops = {top["genre"]: top["movies"] for top in metrics(viewer)["tops"]}
    shown = {
        genre: [(found["id"], found["score"], found["share"]) for found in tops[genre]] for genre in tops
    }
    assert shown[""] == [(1, 1000, 100), (2, 300, 100)]
    assert shown["horror"] == [(2, 270, 90), (1, 200, 20)]
    assert shown["drama"] == [(1, 800, 80), (2, 30, 10)]
    assert [found["views"] for found in tops["horror"]] == [300, 1000]


def test_the_page_is_shown_while_sqs_is_unavailable(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    def unavailable() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    assert [queue["dead"] for queue in metrics(viewer)["queues"]][:3] == [0, 0, 0]
    service_state.forget()
    monkeypatch.setattr(bus, "quick_client", unavailable)
    assert metrics(viewer)["queues"] is None
    assert viewer.get("/admin/").status_code == 200


def test_each_queue_is_a_row_with_what_waits_since_when_and_its_rate(boss: Client, queues: Queues):
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")  # the same to the end of this test, which is one transaction
        (now,) = cursor.fetchone()
    minute = now.replace(second=0, microsecond=0)
    for ago, messages, slowest in ((0, 5, 700), (1, 40, 300)):
        IngestMinute.objects.create(
            minute=minute - timedelta(minutes=ago),
            queue=queues.session.name,
            messages=messages,
            slowest_ms=slowest,
        )
    send = bus.shared_client().send_message
    for url in (queues.session.url, queues.recs.dead_url, queues.changes.url, queues.changes.url):
        send(QueueUrl=url, MessageBody="{}")
    for movie_id in (1, 2, 3):
        movie(f"Movie {movie_id}", movie_id=movie_id)
    with connection.cursor() as cursor:  # two were sent in the last whole minute, the third is not sent yet
        cursor.execute(
            "UPDATE movies_moviechange SET sent_at ="
            " date_trunc('minute', now()) - make_interval(secs => 20 * movie_id) WHERE movie_id < 3"
        )
    schedule.claim_due({"some task": 5})

    with time_machine.travel(now, tick=False):
        rows = {row["name"]: row for row in metrics(boss)["queues"]}
    session, recs, changes, tasks = (rows[name] for name in bus.queue_names())
    assert (session["waiting"], session["oldest_seconds"], session["dead"], session["rate"]) == (
        1,
        0.7,
        0,
        40,
    )
    assert (recs["waiting"], recs["oldest_seconds"], recs["dead"], recs["rate"]) == (0, None, 1, 0)
    sent_at = minute - timedelta(seconds=40)  # of the first of the two that wait
    assert changes["oldest_seconds"] == pytest.approx((datetime.now(UTC) - sent_at).total_seconds(), abs=30)
    assert (changes["waiting"], changes["rate"], changes["oldest_at_least"]) == (2, 2, False)
    assert (tasks["waiting"], tasks["oldest_seconds"], tasks["rate"]) == (0, None, None)
    assert recs["dead_address"] == "/admin/sessions_ingest/deadletteract/"
    assert recs["address"] == f"/admin/sessions_ingest/recordedmessages/?queue={queues.recs.name}"


def test_a_row_links_only_to_what_the_user_may_see(viewer: Client):
    data = metrics(viewer)
    assert {row["dead_address"] for row in data["queues"]} == {None}
    chips = {chip["part"]: chip["address"] for chip in data["chips"]}
    assert chips["dead_letters"] is None
    assert chips["experiment"] == "/admin/recommendations/experiment/"
    assert chips["ingest"] == "#queues"


def test_the_menu_has_the_number_of_dead_letters_in_red_while_there_are_any(boss: Client, queues: Queues):
    dead_letters = "/admin/sessions_ingest/deadletteract/"
    assert "tf-badge" not in boss.get(dead_letters).content.decode()
    for _ in range(3):
        bus.shared_client().send_message(QueueUrl=queues.session.dead_url, MessageBody="{}")
    # the page of dead letters asks again, others show what is known
    assert '<b class="tf-badge" title="3 dead letters">3</b>' in boss.get(dead_letters).content.decode()
    assert '<b class="tf-badge" title="3 dead letters">3</b>' in boss.get("/admin/").content.decode()


def test_the_menu_does_not_wait_for_sqs(boss: Client, monkeypatch: pytest.MonkeyPatch):
    asked, answer = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        answer.wait(60)

    hanging = background_cache.BackgroundCache(hang, keep_seconds=0)
    monkeypatch.setattr(service_state, "queue_depths", hanging)
    try:
        assert "tf-badge" not in boss.get("/admin/movies/movie/").content.decode()
        assert asked.wait(60)
        assert not answer.is_set()
    finally:
        answer.set()


def test_the_sentence_and_the_chips_say_how_the_service_is(viewer: Client):
    refresh()
    heartbeats.record(*(process.name for process in heartbeats.expected()))
    data = metrics(viewer)
    assert (data["state"], data["sentence"], data["problems"]) == ("good", "All systems are healthy.", [])
    assert [(chip["part"], chip["state"], chip["word"]) for chip in data["chips"]] == [
        *((part, "good", "healthy") for part in ("ingest", "dead_letters", "change_feed", "scheduler")),
        *((part, "good", "healthy") for part in ("popularity", "database")),
        ("experiment", "off", "none"),
    ]


def test_stopped_processes_and_tasks_are_reported(viewer: Client):
    stale = [line for line in metrics(viewer)["problems"] if "no heartbeat" in line]
    beat, worker, *receivers = heartbeats.expected()
    assert stale == [f"{one.label}: no heartbeat ever. {one.hint}" for one in (*receivers, beat, worker)]
    heartbeats.record(*(process.name for process in heartbeats.expected()))
    schedule.claim_due({"some task": 5})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tetraflix_heartbeat SET at = at - interval '61 s' WHERE name = 'worker'")
        cursor.execute("UPDATE tetraflix_scheduledtask SET waiting_since = waiting_since - interval '1 h'")
    assert metrics(viewer)["problems"][:2] == [
        "The worker: no heartbeat for 61 s. `make run` or `celery -A tetraflix worker` starts it.",
        "some task was sent 3,600 s ago and is not done: see the worker's log.",
    ]


def known(viewer: Client, name: str) -> Any:
    """What a thread finds out beside the requests, once it is known."""
    wait_until(lambda: metrics(viewer)[name] is not None, seconds=60)
    return metrics(viewer)[name]


@pytest.mark.django_db(transaction=True)  # another connection measures
def test_the_concentration_of_lists_is_measured_once_for_some_minutes(viewer: Client):
    movie("Kahaani", movie_id=1, thriller=100)
    movie("Lord of the Rings", movie_id=2, fantasy=100)
    lists = UserLists((1,), datetime.now(UTC) - timedelta(hours=3), recommended_by="mixture")
    stores.current().write([(7, lists), (8, UserLists((1, 2), datetime.now(UTC)))])
    shown = known(viewer, "concentration")
    assert shown["sentence"] == "The lists of all 2 users; 2 visible movies."
    whole, bus_lists, own = shown["parts"]
    assert [part["label"] for part in shown["parts"]] == ["all", "the bus", "own, mixture"]
    assert (whole["lists"], whole["coverage"], whole["top_share"], whole["title"]) == (2, 1, 1, "Kahaani")
    assert (bus_lists["profiles"], own["profiles"], round(own["median_age_seconds"] / 3600)) == (2, 1, 3)

    stores.current().write([(9, lists)])
    assert metrics(viewer)["concentration"]["parts"] == shown["parts"]
    concentration_panel.forget()
    assert known(viewer, "concentration")["parts"][0]["lists"] == 3


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
    assert known(viewer, "experiment") == {
        "name": "weeks",
        "verdict": "not enough data yet (6 of 100 users an arm)",
        "withheld": False,
        "exposed": 18,
        "address": f"/admin/recommendations/experiment/{experiment.pk}/change/",
    }


def test_each_genre_has_a_colour_of_its_own():
    assert list(COLOURS) == list(GENRES)
    assert len(set(COLOURS.values())) == len(GENRES)
