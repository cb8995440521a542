"""Messages of the sister services: times as clocks and Node write them, limits, and what the answers report."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from movies.foundation import database_clock
from movies.models import GenreViews, View, ViewCount
from movies.outbox import bus
from recommendations import stores
from recommendations.stores.base import ListStore
from recommendations.user_lists import Entry, UserLists
from sessions_ingest.api import MAX_EVENTS_PER_REQUEST, MAX_IDS_PER_REQUEST, MAX_MESSAGE_BYTES
from sessions_ingest.consumer.receiver import Counts
from sessions_ingest.messages import MICROSECOND, InvalidMessage, parse_session
from tests.api.calling import Caller
from tests.movies.factories import movie
from tests.servers.queues import Queues
from tests.sessions_ingest.bus_messages import dead_letters, send
from tests.sessions_ingest.conftest import drain

__all__ = ["drain"]
pytestmark = pytest.mark.django_db(transaction=True)
SESSION, RECS, USER = "/tetraflix/sessionData", "/tetraflix/userRecs", 5
M, N = 1, 2
SENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, settings: Settings) -> ListStore:
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")
    store = stores.current()
    store.write([(USER, UserLists())])
    return store


@pytest.fixture
def service(db: None) -> Caller:
    for movie_id in range(1, 31):
        movie(f"Movie {movie_id}", movie_id=movie_id)
    return Caller("service")


def event(movie_id: int, progress: float, at: datetime | str | None = None) -> dict[str, Any]:
    time = at.isoformat() if isinstance(at, datetime) else at
    return {"movie": {"id": movie_id}, "progress": progress} | ({"timestamp": time} if time else {})


def session(*events: dict[str, Any]) -> dict[str, Any]:
    return {"userId": USER, "events": list(events)}


def shown(service: Caller) -> tuple[list[int], list[tuple[int, float]]]:
    lists = service("GET", f"/tetraflix/recommendations/{USER}").json()
    return (
        [movie["id"] for movie in lists["recommendations"]],
        [(movie["id"], movie["progress"]) for movie in lists["currentlyWatching"]],
    )


def soon(hours: float) -> datetime:
    return database_clock.database_time() + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2099-01-01T00:00:00Z", "is more than 24 hours ahead of the sending"),
        ("9999-12-31T23:59:59Z", "is more than 24 hours ahead of the sending"),
        ("2099-01-01 12:50PM", "is more than 24 hours ahead of the sending"),
        ("0001-01-01T00:00:00Z", "is before 1970"),
        ("1969-12-31T23:59:59.999Z", "is before 1970"),
        ("1900-01-01 2:50 pm", "is before 1970"),
    ],
)
def test_a_time_out_of_range_is_refused_and_nothing_is_stored(service: Caller, time: str, why: str) -> None:
    """A1, A1-years"""
    answer = service("POST", SESSION, session(event(N, 1), event(M, 1, time)))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["events[1].timestamp"]
    assert why in answer.json()["detail"]
    assert stores.current().read(USER) is None
    assert (View.objects.count(), GenreViews.objects.count()) == (0, 0)
    assert service("POST", SESSION, session(event(M, 0.9))).status_code == 201
    assert shown(service)[1] == [(M, 0.9)]
    assert service("POST", SESSION, session(event(M, 1))).json()["views"] == 1
    service("POST", RECS, {"userId": USER, "rec": [M, N]})
    assert shown(service) == ([M, N], [])


@pytest.mark.parametrize("ahead", [timedelta(hours=24), timedelta(hours=24, milliseconds=1)])
def test_a_time_may_lie_24_hours_ahead_of_the_sending_and_no_more(ahead: timedelta) -> None:
    """A1"""
    body = json.dumps(session(event(M, 1, SENT + ahead)))
    if ahead > timedelta(hours=24):
        with pytest.raises(InvalidMessage, match=r"^events\[0\].timestamp: .* ahead of the sending"):
            parse_session(body, SENT)
    else:
        (watched,) = parse_session(body, SENT).events
        assert (watched.at, watched.effective_at) == (SENT + ahead, SENT + MICROSECOND)


def test_a_time_ahead_hides_nothing_that_comes_later(service: Caller, store: ListStore) -> None:
    """A1"""
    service("POST", SESSION, session(event(M, 0.3, soon(20)), event(N, 0.5, soon(21))))
    assert shown(service)[1] == [(N, 0.5), (M, 0.3)]  # ordered by the stated times
    assert service("POST", SESSION, session(event(M, 0.9))).json()["superseded"] == 0
    assert shown(service)[1] == [(M, 0.9), (N, 0.5)]
    service("POST", SESSION, session(event(M, 1)))
    assert shown(service)[1] == [(N, 0.5)]
    service("POST", RECS, {"userId": USER, "rec": [M, 3]})
    assert shown(service)[0] == [M, 3]


def test_a_finish_ahead_counts_as_stated_and_hides_nothing_that_comes_later(
    service: Caller, store: ListStore
) -> None:
    """A1"""
    stated = soon(23)
    service("POST", RECS, {"userId": USER, "rec": [M, N, 3]})
    service("POST", SESSION, session(event(M, 0.5), event(N, 0.5)))
    finish = session(event(M, 1, stated), event(4, 0.2, stated + timedelta(minutes=1)), event(4, 1, soon(22)))
    assert service("POST", SESSION, finish).json()["views"] == 2
    assert list(View.objects.filter(movie_id=M).values_list("watched_at", flat=True)) == [stated]
    assert shown(service) == ([3], [(4, 0.2), (N, 0.5)])
    service("POST", RECS, {"userId": USER, "rec": [M, 3]})
    service("POST", SESSION, session(event(M, 0.1)))  # again, from the start
    assert shown(service) == ([3], [(M, 0.1), (4, 0.2), (N, 0.5)])
    again = service("POST", SESSION, finish).json()  # nothing of it is new
    assert again["views"] == 0
    assert ViewCount.objects.get(movie_id=M).views == 1
    assert (M, 0.1) in shown(service)[1]
    service("DELETE", f"/tetraflix/currentlyWatching/{USER}/{M}")
    assert shown(service)[0] == [M, 3]


def test_a_finish_ahead_that_is_in_no_list_any_more_hides_nothing(service: Caller, store: ListStore) -> None:
    """A1: after 20 more finishes only the table of views has it."""
    service("POST", SESSION, session(event(M, 1, soon(23))))
    service("POST", SESSION, session(*(event(movie_id, 1) for movie_id in range(2, 24))))
    service("POST", SESSION, session(event(M, 0.4)))
    assert shown(service)[1] == [(M, 0.4)]
    service("POST", RECS, {"userId": USER, "rec": [M, 30]})
    service("DELETE", f"/tetraflix/currentlyWatching/{USER}/{M}")
    assert shown(service)[0] == [M, 30]


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("2017-09-08 12:50\u202fPM", (12, 50)),
        ("2017-09-08 14:50PM", (14, 50)),
        ("2017-09-08 00:10AM", (0, 10)),
        ("2017-09-08 0:10 am", (0, 10)),
        ("2017-09-08, 12:50:00 p.m.", (12, 50)),
        ("2017-09-08, 2:50:00\u202fp.m.", (14, 50)),
        ("2017-09-08\u00a002:50:00.123\u00a0PM", (14, 50)),
        ("2017-09-08 12:50 AM", (0, 50)),
        ("2017-09-08 23:59\u2009Pm", (23, 59)),
    ],
)
def test_times_in_the_formats_of_node_are_read(text: str, minute: tuple[int, int]) -> None:
    """A2, A3"""
    at = parse_session(json.dumps(session(event(M, 0.3, text)), ensure_ascii=False), SENT).events[0].at
    assert at.replace(second=0, microsecond=0) == datetime(2017, 9, 8, *minute, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2017-09-08 14:50AM",
        "2017-09-08 00:10PM",
        "2017-09-08 24:00AM",
        "2017-09-08 12:60PM",
        "2017-09-08 12:50\u3000PM",
        "2017-09-08 12:50\nPM",
        "2017-09-08 12:50XM",
    ],
)
def test_a_time_whose_parts_disagree_is_invalid(text: str) -> None:
    """A3"""
    with pytest.raises(InvalidMessage, match=r"^events\[0\].timestamp: .* is not a time"):
        parse_session(json.dumps(session(event(M, 0.3, text))), SENT)


BLANKS = st.sampled_from([" ", "\u00a0", "\u202f", "\u2009"])


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2026, 1, 1)),
    st.sampled_from(["h", "hh", "H", "HH"]),
    st.sampled_from(["", ":%S", ":%S.%f"]),
    st.sampled_from(["am", "AM", "a.m.", "Am"]),
    BLANKS,
    BLANKS | st.just(""),
    st.sampled_from(["", ","]),
)
def test_any_spelling_of_a_time_with_a_meridiem_is_that_time(
    at: datetime, hours: str, seconds: str, meridiem: str, blank: str, before: str, comma: str
) -> None:
    """A2, A3"""
    hour = at.hour if hours.startswith("H") else (at.hour + 11) % 12 + 1
    digits = f"{hour:02}" if len(hours) == 2 else str(hour)
    letter = "a" if at.hour < 12 else "p"
    half = meridiem.replace("a", letter).replace("A", letter.upper())
    day = f"{at.year:04}-{at:%m-%d}"
    text = f"{day}{comma}{blank}{digits}:{at.strftime('%M' + seconds)}{before}{half}"
    expected = at.replace(microsecond=at.microsecond if "f" in seconds else 0)
    expected = expected.replace(second=expected.second if seconds else 0, tzinfo=UTC)
    assert parse_session(json.dumps(session(event(M, 0.3, text))), SENT).events[0].at == expected


def test_a_movie_finished_by_a_lower_mark_leaves_currently_watching(
    service: Caller, store: ListStore, settings: Settings
) -> None:
    """A5"""
    row = session(event(M, 0.97, NOON), event(N, 0.9995, NOON), event(3, 0.5, NOON), event(4, 0.96, NOON))
    service("POST", SESSION, row)
    service("DELETE", f"/tetraflix/currentlyWatching/{USER}/4")
    service("POST", RECS, {"userId": USER, "rec": [M, 6]})
    settings.FINISHED_MARK = 0.95
    assert shown(service) == ([6], [(3, 0.5)])
    assert service("PUT", f"/tetraflix/currentlyWatching/{USER}/4").status_code == 404
    late = session(event(7, 0.1), event(M, 0.5, NOON - timedelta(hours=1)))
    assert service("POST", SESSION, late).json() == {"events": 2, "views": 0, "skipped": 0, "superseded": 1}
    assert shown(service) == ([6], [(7, 0.1), (3, 0.5)])
    kept = store.read(USER)
    assert kept is not None
    assert ([entry.movie_id for entry in kept.watching], kept.removed) == ([7, 3], ())
    assert View.objects.count() == 0
    assert service("POST", SESSION, session(event(M, 0.2))).json()["superseded"] == 0
    assert shown(service)[1] == [(M, 0.2), (7, 0.1), (3, 0.5)]


def test_one_clock_decides_between_a_slow_host_and_the_others(service: Caller, store: ListStore) -> None:
    """A18"""
    store.write([(USER, UserLists((N,), database_clock.database_time() - timedelta(minutes=5)))])
    service("POST", SESSION, session(event(M, 0.2, soon(-1 / 12))))
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=10)):
        answer = service("POST", RECS, {"userId": USER, "rec": [3, 4, 6]})
        assert (answer.status_code, answer.json()) == (201, {"received": 3, "stored": True})
        counts = service("POST", SESSION, session(event(M, 0.6))).json()
        assert counts == {"events": 1, "views": 0, "skipped": 0, "superseded": 0}
        keyed = service("POST", SESSION, session(event(M, 0.7)), Idempotency_Key="a").json()
        assert keyed == counts
    assert shown(service) == ([3, 4, 6], [(M, 0.7)])


def test_the_answer_reports_what_was_not_stored_and_why(service: Caller, store: ListStore) -> None:
    """A18"""
    newer = database_clock.database_time() + timedelta(hours=1)  # a clock of SQS that is ahead
    at = newer.replace(microsecond=0)
    store.write([(USER, UserLists((N,), at, watching=(Entry(M, 0.2, at),)))])
    answer = service("POST", RECS, {"userId": USER, "rec": [3, 4]})
    assert (answer.status_code, answer.json()) == (
        201,
        {"received": 2, "stored": False, "reason": f"A newer list is stored: that of {at.isoformat()}."},
    )
    answer = service("POST", SESSION, session(event(M, 0.5), event(3, 0.5), event(99, 0.5), event(4, 1)))
    assert answer.json() == {"events": 3, "views": 1, "skipped": 1, "superseded": 1}
    assert shown(service) == ([N], [(M, 0.2), (3, 0.5)])


def test_an_event_that_twenty_later_ones_push_out_is_reported_as_superseded(service: Caller) -> None:
    """A18"""
    row = [event(movie_id, 0.5, NOON + timedelta(minutes=movie_id)) for movie_id in range(1, 23)]
    assert service("POST", SESSION, session(*row)).json()["superseded"] == 2
    assert len(shown(service)[1]) == 20


def test_a_movie_brought_back_stays_in_front(service: Caller, store: ListStore) -> None:
    """A-row"""
    oldest = f"/tetraflix/currentlyWatching/{USER}/{M}"
    service("POST", SESSION, session(*(event(m, 0.5, NOON + timedelta(minutes=m)) for m in range(1, 21))))
    assert service("DELETE", oldest).status_code == 204
    service("POST", SESSION, session(event(21, 0.5, NOON + timedelta(minutes=21))))
    for _ in range(2):
        assert service("PUT", oldest).status_code == 204
        row = [movie_id for movie_id, _ in shown(service)[1]]
        assert row == [M, *range(21, 2, -1)]
    # an older event changes nothing; one later than the last known event does, even when it is before the PUT
    service("POST", SESSION, session(event(M, 0.3, NOON)))
    assert shown(service)[1][0] == (M, 0.5)
    service("POST", SESSION, session(event(M, 0.6, NOON + timedelta(minutes=5))))
    assert shown(service)[1][0] == (M, 0.6)
    service("POST", SESSION, session(event(22, 0.5, NOON + timedelta(minutes=22))))
    assert [movie_id for movie_id, _ in shown(service)[1]] == [M, *range(22, 3, -1)]
    service("POST", SESSION, session(event(M, 1, NOON + timedelta(minutes=6))))
    assert M not in [movie_id for movie_id, _ in shown(service)[1]]


@pytest.mark.parametrize(
    ("path", "field", "most", "body"),
    [
        (SESSION, "events", MAX_EVENTS_PER_REQUEST, lambda number: session(*[event(M, 0.5)] * number)),
        (RECS, "rec", MAX_IDS_PER_REQUEST, lambda number: {"userId": USER, "rec": [M] * number}),
    ],
)
def test_a_request_is_limited_in_items_and_bytes(
    service: Caller, path: str, field: str, most: int, body: Callable[[int], dict[str, Any]]
) -> None:
    """B3-large"""
    assert service("POST", path, body(most)).status_code == 201
    answer = service("POST", path, body(most + 1))
    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        {field: ["1,001 items; one request takes at most 1,000: send the rest in others"]},
    )
    answer = service("POST", path, json.dumps(body(1)).encode() + b" " * MAX_MESSAGE_BYTES)
    assert (answer.status_code, answer.json()) == (413, {"detail": "A body has at most 1,048,576 bytes."})


TWICE = [
    '{"userId": 1, "userId": 2, "events": []}',
    '{"userId": 1, "us\\u0065rId": 2, "events": []}',
    '{"userId": 1, "events": [], "events": []}',
    '{"userId": 1, "events": [], "more": {"a": 1, "a": 1}}',
    '{"userId": 1, "events": [{"movie": {"id": 1, "id": 2}, "progress": 0.5}]}',
    '{"userId": 1, "events": [{"movie": {"id": 1}, "progress": 0.5, "timestamp": null, "timestamp": null}]}',
]


@pytest.mark.parametrize("body", TWICE)
def test_a_key_that_is_there_twice_is_refused(service: Caller, body: str) -> None:
    """D10-session"""
    answer = service("POST", SESSION, body.encode())
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("is there twice")


def test_a_message_that_http_refuses_is_dead_lettered_on_a_queue(
    queues: Queues, drain: Callable[[], Counts]
) -> None:
    """A1, A3, D10-session; B3-large: the queues take what SQS takes."""
    movie("Movie", movie_id=M)
    refused = [
        *TWICE,
        json.dumps(session(event(M, 1, "2099-01-01T00:00:00Z"))),
        json.dumps(session(event(M, 1, "0001-01-01"))),
        json.dumps(session(event(M, 1, "2017-09-08 14:50AM"))),
    ]
    for body in refused:
        send(queues.session, body)
    many = [event(M, 0.5, SENT + timedelta(seconds=number)) for number in range(2_000)]
    send(queues.session, json.dumps(session(*many)))
    send(queues.recs, json.dumps({"userId": USER, "rec": [M] * 20_000}))
    assert drain() == Counts(applied=2, dead_lettered=len(refused))
    letters = dict(dead_letters(queues.session))
    assert sorted(letters) == sorted(refused)
    assert all(letter["reason"] for letter in letters.values())
    lists = stores.current().read(USER)
    assert lists is not None
    assert lists.watching == (Entry(M, 0.5, SENT + timedelta(seconds=1_999)),)


def test_a_time_ahead_on_a_queue_is_ordered_by_the_sent_timestamp(
    service: Caller, queues: Queues, drain: Callable[[], Counts]
) -> None:
    """A1"""
    ahead = session(event(M, 0.3, soon(2)), event(N, 1, soon(3)))
    send(queues.session, json.dumps(ahead))
    drain()
    service("POST", SESSION, session(event(M, 0.8), event(N, 0.1)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM movies_view WHERE effective_at < watched_at")
        assert cursor.fetchone() == (1,)
    assert sorted(shown(service)[1]) == [(M, 0.8), (N, 0.1)]
    assert bus.depth(queues.session.dead_url) == 0
