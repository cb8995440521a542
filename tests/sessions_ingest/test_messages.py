"""A body is what its schema says, or InvalidMessage with a reason that a person understands; never anything else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movies.foundation.numbers import MAX_BIGINT
from sessions_ingest.messages import (
    InvalidMessage,
    Recommendations,
    Session,
    WatchEvent,
    parse_recs,
    parse_session,
)

SENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INVALID = [
    json.loads(line) for line in (Path(__file__).parent / "samples/invalid.jsonl").read_text().splitlines()
]


def session(**event: Any) -> str:
    return json.dumps({"userId": 1, "events": [{"movie": {"id": 5}, "progress": 0.5, **event}]})


def parsed_time(text: Any) -> datetime:
    return parse_session(session(timestamp=text), SENT).events[0].at


def reason(body: str | bytes, parse: Any = parse_session) -> str:
    with pytest.raises(InvalidMessage) as error:
        parse(body, SENT)
    return str(error.value)


def test_a_session_is_its_user_and_events() -> None:
    body = json.dumps(
        {
            "userId": 534356757834,
            "groupId": "control",
            "events": [
                {
                    "movie": {"id": 543, "isRec": True, "profile": {}},
                    "progress": 1,
                    "timestamp": "2017-09-08 12:50PM",
                },
                {"movie": {"id": 155}, "progress": 0.7, "startTime": "2017-09-08T14:50:00.000Z"},
                {"movie": {"id": 156}, "progress": 0},
            ],
        }
    )
    assert parse_session(body, SENT) == Session(
        534356757834,
        (
            WatchEvent(543, 1.0, datetime(2017, 9, 8, 12, 50, tzinfo=UTC), is_rec=True),
            WatchEvent(155, 0.7, datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
            WatchEvent(156, 0.0, SENT),
        ),
        sent_at=SENT,
        group_id="control",
    )


@pytest.mark.parametrize(
    ("group", "is_rec", "kept"),
    [
        (1, False, ("1", False)),
        ("0", None, ("0", None)),
        ("", "yes", (None, None)),
        ("x" * 41, 1, (None, None)),
        ("\ud800", [], (None, None)),
        ("a\x00", {}, (None, None)),
        (10**30, 0, (None, None)),
        (True, "true", (None, None)),
        ([1], 0.5, (None, None)),
    ],
)
def test_what_the_sender_says_about_groups_is_kept_or_ignored(group: Any, is_rec: Any, kept: Any) -> None:
    event = {"movie": {"id": 1, "isRec": is_rec}, "progress": 1}
    parsed = parse_session(json.dumps({"userId": 1, "groupId": group, "events": [event]}), SENT)
    assert (parsed.group_id, parsed.events[0].is_rec) == kept


@pytest.mark.parametrize("rating", [4, 4.5, 0, "5", {"stars": 3}])
def test_a_rating_is_seen_wherever_it_stands(rating: Any) -> None:
    of_event = {"movie": {"id": 1}, "progress": 1, "rating": rating}
    of_movie = {"movie": {"id": 1, "rating": rating}, "progress": 1}
    none = {"movie": {"id": 1, "rating": None}, "progress": 1, "rating": None}
    parsed = parse_session(json.dumps({"userId": 1, "events": [of_event, of_movie, none]}), SENT)
    assert [event.rated for event in parsed.events] == [True, True, False]


def test_recommendations_are_their_user_and_ids_as_they_came() -> None:
    body = '{"userId": "5783", "rec": [23, 7, 23, -1, 123456789012345678901234567890]}'
    assert parse_recs(body, SENT) == Recommendations(
        5783, (23, 7, 23, -1, 123456789012345678901234567890), SENT
    )


def test_messages_and_their_events_without_a_time_are_as_of_whole_milliseconds() -> None:
    """Over HTTP a list comes at some microsecond; SQS tells milliseconds of a session sent after it."""
    came = SENT.replace(microsecond=123456)
    sent = SENT.replace(microsecond=123000)
    assert parse_recs('{"userId": 1, "rec": [7]}', came) == Recommendations(1, (7,), sent)
    session = parse_session('{"userId": 1, "events": [{"movie": {"id": 7}, "progress": 1}]}', came)
    assert session == Session(1, (WatchEvent(7, 1.0, sent),), sent)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2017-09-08T14:50:00.000Z", datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
        ("2017-09-08t14:50:00z", datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
        ("2017-09-08T14:50:00.123456789-03:30", datetime(2017, 9, 8, 18, 20, 0, 123456, tzinfo=UTC)),
        ("2017-09-08 14:50", datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
        ("2017-09-08", datetime(2017, 9, 8, tzinfo=UTC)),
        ("20170908T1450Z", datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
        ("2017-09-08 12:50PM", datetime(2017, 9, 8, 12, 50, tzinfo=UTC)),
        ("2017-09-08 2:50PM", datetime(2017, 9, 8, 14, 50, tzinfo=UTC)),
        ("2017-09-08 12:05 am", datetime(2017, 9, 8, 0, 5, tzinfo=UTC)),
    ],
)
def test_times_are_utc_where_no_zone_is_given(text: str, at: datetime) -> None:
    assert parsed_time(text) == at
    assert parsed_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("event", [{}, {"timestamp": None}, {"timestamp": None, "startTime": None}])
def test_an_event_without_a_time_has_that_of_its_message(event: dict[str, None]) -> None:
    assert parse_session(session(**event), SENT).events[0].at == SENT


def test_a_missing_timestamp_leaves_the_word_to_the_start_time() -> None:
    body = session(timestamp=None, startTime="2017-09-08T14:50:00Z")
    assert parse_session(body, SENT).events[0].at == datetime(2017, 9, 8, 14, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2017-09-08 13:50AM",
        "2017-09-08 0:50PM",
        "2017-09-08 24:00PM",
        "2017-02-29",
        "2017-09-08x14:50",
        "0001-01-01T00:00+05:00",  # before the first possible instant
        "9999-12-31T23:59-05:00",
        "+012017-09-08T14:50:00Z",
        "٢٠١٧-09-08",
        "2017-09-08\n",
    ],
)
def test_what_is_no_time_is_poison(text: str) -> None:
    assert reason(session(timestamp=text)).startswith("events[0].timestamp: ")
    assert reason(session(timestamp=text)).endswith(" is not a time (ISO 8601, or like 2017-09-08 2:50PM)")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "empty"),
        (
            "{",
            "not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (b'{"userId": "\xff"}', "not UTF-8 (at byte 12)"),
        ("null", "Expected an object, got null"),
        ('{"events": []}', "missing `userId`"),
        ('{"userId": true, "events": []}', "userId: Expected a whole number, got true or false"),
        ('{"userId": 1e3, "events": []}', "userId: Expected a whole number, got a number"),
        ('{"userId": 0, "events": []}', f"userId: 0 is not a whole number from 1 to {MAX_BIGINT}"),
        (
            '{"userId": "\u0663", "events": []}',
            f"userId: '\\u0663' is not a whole number from 1 to {MAX_BIGINT}",
        ),
        ('{"userId": 1, "events": {}}', "events: Expected a list, got an object"),
        (session(movie=5), "events[0].movie: Expected an object, got a whole number"),
        (session(movie={"id": "5"}), "events[0].movie.id: Expected a whole number, got a text"),
        (session(movie={"id": 5.0}), "events[0].movie.id: Expected a whole number, got a number"),
        (session(progress=7), "events[0].progress: 7.0 is not between 0 and 1"),
        (session(progress=None), "events[0].progress: Expected a number, got null"),
        (session(progress=float("nan")), "not valid JSON: NaN is not a number in JSON"),
        (session(timestamp=1504882200), "events[0].timestamp: Expected a text, got a whole number"),
        ('{"userId": 1, "events": [], "more": %s}' % ("[" * 50_000 + "]" * 50_000), "nested too deeply"),
    ],
)
def test_poison_says_where_and_what(body: str | bytes, why: str) -> None:
    assert reason(body) == why


@pytest.mark.parametrize("user", [MAX_BIGINT, str(MAX_BIGINT), "0005783", "1"])
def test_user_ids_are_whole_numbers_or_strings_of_digits(user: int | str) -> None:
    assert parse_recs(json.dumps({"userId": user, "rec": []}), SENT).user_id == int(user)


@pytest.mark.parametrize(
    "user", [MAX_BIGINT + 1, "9" * 5000, "0", "-1", " 1", "1_000", "", "0x1", -1, 10**4000]
)
def test_other_user_ids_are_poison(user: int | str) -> None:
    assert reason(json.dumps({"userId": user, "rec": []}), parse_recs).startswith("userId: ")


@pytest.mark.parametrize(
    "more",
    [
        '"x": "\\u0000"',
        '"x": "\\ud800"',
        '"\\udc00": 1',
        '"x": "\ud800"',
        '"x": 1e999',
        '"x": ' + "9" * 4000,
        '"x": [{"userId": "no"}]',
    ],
)
def test_unknown_keys_may_hold_anything(more: str) -> None:
    assert parse_session(f'{{"userId": 1, "events": [], {more}}}', SENT) == Session(1, (), SENT)


@pytest.mark.parametrize("body", INVALID)
def test_each_poison_sample_is_poison_in_both_queues(body: str) -> None:
    assert reason(body).isprintable()
    assert reason(body, parse_recs).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
TIMES = st.none() | JSON | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat)
EVENTS = st.fixed_dictionaries(
    {"movie": st.fixed_dictionaries({"id": st.integers() | JSON}) | JSON, "progress": st.floats(0, 1) | JSON},
    optional={"timestamp": TIMES, "startTime": TIMES, "more": JSON},
)
BODIES = st.fixed_dictionaries(
    {"userId": st.integers() | st.text() | JSON},
    optional={"events": st.lists(EVENTS) | JSON, "rec": st.lists(st.integers()) | JSON, "more": JSON},
)


@given(BODIES.map(json.dumps) | JSON.map(json.dumps) | st.text(st.characters()) | st.binary())
def test_any_body_is_a_message_or_poison(body: str | bytes) -> None:
    for parse, kind in ((parse_session, Session), (parse_recs, Recommendations)):
        message = outcome(body, parse)
        if isinstance(message, InvalidMessage):
            assert str(message)
            assert str(message).isprintable()
            assert str(message).isascii()
        else:
            assert isinstance(message, kind)
            assert 1 <= message.user_id <= MAX_BIGINT
            for event in getattr(message, "events", ()):
                assert 0 <= event.progress <= 1
                assert event.at.tzinfo is UTC


def outcome(body: str | bytes, parse: Any) -> Any:
    try:
        return parse(body, SENT)
    except InvalidMessage as error:
        return error
