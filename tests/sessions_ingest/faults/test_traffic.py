"""The traffic is a function of its seed, and stays within what the contract decides in any order of arrival."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks.faults.traffic import MOST_FINISHES, MOVIES, RECS, SESSIONS, Outgoing, Traffic
from sessions_ingest.messages import InvalidMessage, parse_recs, parse_session

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARSE = {SESSIONS: parse_session, RECS: parse_recs}


def drawn(seed: int, messages: int = 6_000) -> tuple[Traffic, list[list[Outgoing]]]:
    traffic = Traffic(seed, messages, START)
    return traffic, list(traffic.phases())


def test_the_same_seed_gives_the_same_messages() -> None:
    assert drawn(1)[1] == drawn(1)[1]
    assert drawn(1)[1] != drawn(2)[1]


def test_an_empty_phase_marks_the_middle() -> None:
    _, phases = drawn(3)
    sizes = [len(phase) for phase in phases]
    assert sizes.count(0) == 1
    assert sum(sizes[: sizes.index(0)]) >= 3_000
    assert sum(sizes[: sizes.index(0) - 2]) < 3_000


def test_messages_are_valid_or_known_to_be_invalid() -> None:
    traffic, phases = drawn(4)
    assert len(traffic.invalid[SESSIONS]) > 20
    assert traffic.invalid[RECS]
    for message in (message for phase in phases for message in phase):
        reason = traffic.invalid[message.queue].get(message.body)
        if reason is None:
            PARSE[message.queue](message.body, START)
        else:
            with pytest.raises(InvalidMessage) as error:
                PARSE[message.queue](message.body, START)
            assert str(error.value).startswith(reason)


def test_a_user_gets_one_list_in_a_phase_and_finishes_few_movies_between_two() -> None:
    traffic, phases = drawn(5)
    finished: dict[int, set[tuple[int, str]]] = {}
    for phase in phases:
        lists: dict[int, str] = {}
        for message in phase:
            if message.body in traffic.invalid[message.queue]:
                continue
            body = json.loads(message.body)
            user = int(body["userId"])
            if message.queue == RECS:
                assert lists.setdefault(user, message.body) == message.body
                finished[user] = set()
            else:
                finished.setdefault(user, set()).update(
                    (event["movie"]["id"], event.get("timestamp") or event["startTime"])
                    for event in body["events"]
                    if event["progress"] == 1 and event["movie"]["id"] in MOVIES
                )
        assert max(map(len, finished.values())) <= MOST_FINISHES


def test_messages_are_repeated_late_and_delayed() -> None:
    _, phases = drawn(6)
    copies = Counter(message.body for phase in phases for message in phase)
    assert len([number for number in copies.values() if number > 1]) > 300
    again = [body for phase in phases for body in {message.body for message in phase} if copies[body] > 1]
    assert max(Counter(again).values()) > 1  # in another phase
    assert len([message for phase in phases for message in phase if message.delay]) > 50
