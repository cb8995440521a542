"""What became of each message of a transaction, in a sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.message_log.outcomes import Outcome, outcomes
from sessions_ingest.messages import Recommendations, Session, WatchEvent
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def session(user: int, *events: tuple[int, float, float], sent: float = 10) -> Session:
    """Movie, progress and minute of each event."""
    return Session(
        user, tuple(WatchEvent(movie, share, at(minute)) for movie, share, minute in events), at(sent)
    )


def of(*messages: Session | Recommendations) -> list[Outcome]:
    """Applies the messages in one transaction, each in a batch of its own."""
    found = apply([Batch("q", [message]) for message in messages])
    return list(outcomes(found[0].applied))


@pytest.fixture(autouse=True)
def movies() -> None:
    for number in (1, 2, 3):
        movie(f"Movie {number}", movie_id=number, drama=100)


def test_each_message_of_a_transaction_has_its_own_outcome():
    assert of(
        session(7, (1, 1, 0), (2, 0.5, 1), (99, 0.5, 2)),
        session(8, (1, 1, 0)),
        session(9, (98, 0.5, 0), (97, 0.5, 0), (98, 0.6, 1)),
        session(10),
        Recommendations(11, (1, 2, 77, 1), at(5)),
    ) == [
        Outcome("applied", "2 events, 1 new view; 1 event skipped: no movie 99"),
        Outcome("applied", "1 event, 1 new view"),
        Outcome("skipped", "3 events skipped: no movie 98, 97"),
        Outcome("applied", "no events"),
        Outcome("applied", "a list of 2 of 4 movies is stored; 1 id skipped: no movie 77"),
    ]


def test_a_redelivered_message_is_superseded():
    message = session(7, (1, 1, 0), (2, 0.5, 1))
    assert of(message) == [Outcome("applied", "2 events, 1 new view")]
    assert of(message) == [
        Outcome("superseded", "2 events, nothing changed: on record already, or something newer is")
    ]


def test_an_older_event_is_superseded_by_a_newer_one():
    of(session(7, (1, 0.8, 5)))
    assert of(session(7, (1, 0.2, 1), (2, 0.1, 1)), session(8, (1, 0.2, 1))) == [
        Outcome("applied", "2 events, 0 new views; 1 event superseded: something newer is on record"),
        Outcome("applied", "1 event, 0 new views"),
    ]


def test_a_list_that_is_older_than_the_stored_one_is_superseded():
    older, newer = Recommendations(7, (1, 2), at(1)), Recommendations(7, (2, 3), at(2))
    stored = Outcome("applied", "a list of 2 movies is stored")
    refused = Outcome("superseded", "not stored: the stored list, of 2026-03-01 12:02 UTC, is newer")
    assert of(older, newer) == [refused, stored]
    assert of(older) == [refused]


def test_a_list_without_a_known_movie_is_skipped():
    assert of(Recommendations(7, (70, 71, 72, 73, 74, 75), at(1)), Recommendations(8, (), at(1))) == [
        Outcome("skipped", "an empty list is stored: no movie 70, 71, 72, 73, 74 and others"),
        Outcome("applied", "an empty list is stored"),
    ]


def test_a_finish_reported_in_two_messages_counts_for_the_first():
    twice = session(7, (1, 1, 0))
    assert of(twice, session(7, (1, 1, 0))) == [
        Outcome("applied", "1 event, 1 new view"),
        Outcome("applied", "1 event, 0 new views; 1 finish counted before, or too old to count"),
    ]
