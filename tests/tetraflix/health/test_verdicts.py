"""The verdict on each part of the service: which facts make it healthy, worth a look, or broken."""

from typing import Any

import pytest
from pytest_django import Settings

from tetraflix.background import heartbeats
from tetraflix.health.service_state import QueueState
from tetraflix.health.verdicts import Facts, State, Verdict, overall, verdicts

HOUR = 3600
GOOD, WARN, BAD, OFF = State.GOOD, State.WARN, State.BAD, State.OFF


@pytest.fixture(autouse=True)
def _names(settings: Settings) -> None:
    settings.SESSION_QUEUE, settings.RECS_QUEUE = "sessionData", "userRecs"
    settings.CHANGES_QUEUE, settings.CELERY_QUEUE = "movieChanges", "celery"
    settings.POPULARITY_SECONDS = HOUR


def queues(*, dead: int = 0, changes: int = 0, sessions: int = 0) -> dict[str, QueueState]:
    return {
        "sessionData": QueueState("", sessions, "", dead),
        "userRecs": QueueState("", 0, "", 0),
        "movieChanges": QueueState("", changes, "", 0),
        "celery": QueueState("", 0, "", 0),
    }


def healthy(**other: Any) -> Facts:
    """The facts of a service in which everything is well, but for these."""
    facts: dict[str, Any] = {
        "queues": queues(),
        "heartbeat_ages": {process.name: 5.0 for process in heartbeats.expected()},
        "slowest_seconds": 0.2,
        "outbox_seconds": 0.0,
        "popularity_seconds": 60.0,
    }
    return Facts(**(facts | other))


def found(facts: Facts) -> dict[str, Verdict]:
    return {one.part: one for one in verdicts(facts)}


def test_a_healthy_service_has_no_problem() -> None:
    assert {one.part: (one.word, one.detail) for one in verdicts(healthy())} == {
        "ingest": ("healthy", "latency 0.2 s"),
        "dead_letters": ("healthy", "none"),
        "change_feed": ("healthy", "all changes sent"),
        "scheduler": ("healthy", "last seen 5 s ago"),
        "popularity": ("healthy", "computed 1 min ago"),
        "database": ("healthy", "answers"),
    }
    assert [one.problems for one in verdicts(healthy())] == [()] * 6
    assert overall(verdicts(healthy())) == (GOOD, "All systems are healthy.")


STALE = {"beat": 5.0, "worker": 61.0, "receiver of sessionData": 5.0, "receiver of userRecs": None}


@pytest.mark.parametrize(
    ("part", "facts", "state", "word", "detail"),
    [
        ("ingest", {"queues": None}, BAD, "down", "SQS does not answer"),
        ("ingest", {"queue_problems": ["x"]}, BAD, "down", "a queue is missing"),
        ("ingest", {"heartbeat_ages": STALE}, BAD, "down", "no receiver runs"),
        ("ingest", {"slowest_seconds": 10.0}, GOOD, "healthy", "latency 10 s"),
        ("ingest", {"slowest_seconds": 10.5}, WARN, "slow", "latency 10 s"),
        ("ingest", {"slowest_seconds": 90.0}, WARN, "slow", "latency 1 min"),
        ("ingest", {"slowest_seconds": 90.0, "queues": queues(sessions=100)}, BAD, "slow", "latency 1 min"),
        ("ingest", {"queues": queues(sessions=10_001)}, WARN, "behind", "10,001 waiting"),
        ("ingest", {"slowest_seconds": None}, GOOD, "healthy", "no messages lately"),
        (
            "ingest",
            {"slowest_seconds": None, "queues": queues(sessions=99)},
            GOOD,
            "healthy",
            "99 waiting",
        ),
        (
            "ingest",
            {"slowest_seconds": None, "queues": queues(sessions=100)},
            BAD,
            "stalled",
            "100 waiting, none applied",
        ),
        ("dead_letters", {"queues": None}, OFF, "unknown", "SQS does not answer"),
        ("dead_letters", {"queues": queues(dead=1)}, BAD, "1 waiting", "1 in sessionData"),
        ("change_feed", {"outbox_seconds": 10.0}, GOOD, "healthy", "oldest unsent change 10 s"),
        ("change_feed", {"outbox_seconds": 11.0}, WARN, "behind", "oldest unsent change 11 s"),
        ("change_feed", {"outbox_seconds": 61.0}, BAD, "behind", "oldest unsent change 1 min"),
        (
            "change_feed",
            {"failing": {"change feed": "x"}, "outbox_seconds": 2.0},
            BAD,
            "failing",
            "oldest unsent change 2.0 s",
        ),
        ("change_feed", {"queues": queues(changes=10_001)}, WARN, "not read", "10,001 unread"),
        ("change_feed", {"outbox_seconds": None}, OFF, "unknown", "the database does not answer"),
        ("scheduler", {"heartbeat_ages": STALE}, BAD, "down", "no heartbeat"),
        ("scheduler", {"heartbeat_ages": None}, OFF, "unknown", "starting"),
        ("scheduler", {"background_problems": ["x"]}, BAD, "failing", "1 problem"),
        ("scheduler", {"failing": {"search index": "x", "change feed": "y"}}, BAD, "failing", "1 problem"),
        ("popularity", {"popularity_seconds": 2.0 * HOUR}, GOOD, "healthy", "computed 2 h ago"),
        ("popularity", {"popularity_seconds": 2.5 * HOUR}, WARN, "outdated", "computed 2 h ago"),
        ("popularity", {"popularity_seconds": 4.5 * HOUR}, BAD, "outdated", "computed 4 h ago"),
        ("popularity", {"popularity_seconds": None}, WARN, "missing", "not computed yet"),
        ("popularity", {"outbox_seconds": None}, OFF, "unknown", "the database does not answer"),
        ("database", {"database_problems": ["x", "y"]}, BAD, "failing", "2 problems"),
    ],
)
def test_a_threshold(part: str, facts: dict[str, Any], state: State, word: str, detail: str) -> None:
    verdict = found(healthy(**facts))[part]
    assert (verdict.state, verdict.word, verdict.detail) == (state, word, detail)
    assert bool(verdict.problems) is (state in (WARN, BAD))


def test_a_problem_says_what_to_do() -> None:
    verdict = found(healthy(heartbeat_ages=STALE))
    starts = "`make run` or `celery -A tetraflix worker` starts it."
    receives = "`make run`, `celery -A tetraflix worker` or `manage.py consume` starts it."
    assert verdict["scheduler"].problems == (f"The worker: no heartbeat for 61 s. {starts}",)
    assert verdict["ingest"].problems == (f"The receiver of userRecs: no heartbeat ever. {receives}",)
    failing = healthy(failing={"change feed": "The change feed has failed."}, outbox_seconds=99.0)
    assert found(failing)["change_feed"].problems == ("The change feed has failed.",)
    assert found(failing)["scheduler"].state is GOOD


def test_one_sentence_names_all_problems_and_the_worst_colours_it() -> None:
    late = verdicts(healthy(popularity_seconds=2.5 * HOUR))
    assert overall(late) == (WARN, "1 problem: popularity (computed 2 h ago).")
    both = verdicts(healthy(popularity_seconds=2.5 * HOUR, queues=queues(dead=2)))
    assert overall(both) == (
        BAD,
        "2 problems: dead letters (2 in sessionData); popularity (computed 2 h ago).",
    )
