"""Plays the population against the service: lists are read by HTTP, and what people do is reported by SQS.

The model gets the same facts. What was shown comes from the answers; the service says as of when a list is, what the
other arm's is, and when within the time of an answer it was read.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command

from movies.outbox import bus
from recommendations import stores
from recommendations.models import ListRead
from recommendations.user_lists import UserLists
from tests.servers.queues import Queues
from tests.sessions_ingest.experiment.clients import Clients, Seen
from tests.sessions_ingest.experiment.model import Event, Facts, Read
from tests.sessions_ingest.experiment.people import People
from tests.sessions_ingest.processes import Process
from tests.waiting import wait_until

SECONDS = 120  # the longest wait for anything
CLOCK = timedelta(milliseconds=5)  # between an event and a read, whose times are in whole milliseconds
LIVED = timedelta(milliseconds=300)  # between reads, in which people watch
LATE = 0.12  # share of what is watched that is reported after the next reads


@dataclass(frozen=True)
class Expected:
    """A list of which the first read must be on record, between these times."""

    shown: tuple[int, ...]
    made_by: str
    experiment: int | None
    arm: str | None
    other: tuple[int, ...] | None
    earliest: datetime
    latest: datetime


@dataclass
class Play:
    """What was done so far, and what is known of it."""

    people: People
    clients: Clients
    queues: Queues
    consumer: Process
    facts: Facts = field(default_factory=Facts)
    expected: dict[tuple[int, datetime], Expected] = field(default_factory=dict)
    read_until: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    late: list[Event] = field(default_factory=list)
    killed: int = 0  # times that the consumer was killed while it had messages

    def look(self, users: Iterable[int]) -> list[Seen]:
        """The users look at their lists, which nothing changes meanwhile."""
        kept = dict(stores.current().scan(0, 100_000))
        seen = self.clients.look(users)
        for each in sorted(seen, key=lambda one: one.answered_at):
            if own := kept.get(each.user):
                self._note(each, own)
        self.read_until = max(self.read_until, *(each.answered_at for each in seen))
        return seen

    def live(self, seen: Iterable[Seen], *, kills: int) -> None:
        """Those who looked watch something, and it is reported while the consumer is killed; a part comes late."""
        begin = self.read_until + CLOCK
        wait_until(lambda: datetime.now(UTC) > begin + LIVED)
        events = self.people.react(seen, _milliseconds(begin) + CLOCK, datetime.now(UTC) - CLOCK)
        events = self.people.shuffled(events)
        number = round(LATE * len(events))
        late, self.late = self.late, events[:number]
        self.report([*late, *events[number:]], kills=kills)

    def report(self, events: Sequence[Event], *, kills: int = 0) -> None:
        """Sends the events as sessions, shuffled, some of them twice, and waits until they are applied.

        Meanwhile the consumer is killed, once while they are sent, and then while it consumes them.
        """
        for event in events:
            self.facts.happened(event)
        bodies = [json.dumps(body) for body in self.people.sessions(events)]
        half = len(bodies) // 2
        self._send(self.queues.session, bodies[:half])
        if kills:
            self._kill()
        self._send(self.queues.session, bodies[half:])
        for _ in range(kills - 1):
            left = self._depth()
            wait_until(lambda left=left: self._depth() < 0.7 * left, seconds=SECONDS)  # type: ignore[misc]
            self._kill()
        self.wait_until_applied()

    def send_lists(self, users: Iterable[int]) -> None:
        """The bus recommends something to each of the users."""
        lists = [json.dumps({"userId": str(user), "rec": self.people.bus_list()}) for user in users]
        self._send(self.queues.recs, lists * 2)
        self.wait_until_applied()

    def wait_until_applied(self) -> None:
        wait_until(lambda: self._depth() == 0, seconds=SECONDS)

    def make_lists(self) -> None:
        """Lists of our own follow what is known by now."""
        call_command("recommend", all=True, stdout=StringIO())

    def read_log(self) -> list[str]:
        """Waits until each expected read is on record and gives the log to the model; returns what differs."""
        wait_until(lambda: ListRead.objects.count() >= len(self.expected), seconds=SECONDS)
        found = []
        for row in ListRead.objects.all():
            expected = self.expected.get((row.user_id, row.made_at))
            movies, other = tuple(row.movies), None if row.other is None else tuple(row.other)
            stored = (movies, row.made_by, row.experiment, row.arm, other)
            if expected is None:
                found.append(f"{row}: nobody looked")
                continue
            shown = (expected.shown, expected.made_by, expected.experiment, expected.arm, expected.other)
            if stored != shown:
                found.append(f"{row}: stored {stored}, shown {shown}")
            if not expected.earliest - CLOCK <= row.read_at <= expected.latest + CLOCK:
                found.append(f"{row}: at {row.read_at}, not {expected.earliest} to {expected.latest}")
            self.facts.read(
                Read(
                    row.user_id, row.made_at, row.read_at, row.made_by, movies, row.experiment, row.arm, other
                )
            )
        logged = {(row.user_id, row.made_at) for row in ListRead.objects.all()}
        return found + [f"a read of {key} is not on record" for key in self.expected.keys() - logged]

    def _note(self, seen: Seen, own: UserLists) -> None:
        """Expects a read of the list, if the user's own is shown and was not read before."""
        watching = {entry.movie_id for entry in own.watching}
        shown = tuple(movie for movie in own.recommended if movie not in watching)
        if not shown:
            return
        assert seen.movies == shown, f"user {seen.user} sees {seen.movies} of {own}"
        assert own.recommended_at
        key = (seen.user, own.recommended_at)
        known = self.expected.get(key)
        if known is None:
            trial = own.trial
            self.expected[key] = Expected(
                shown,
                own.recommended_by,
                trial.experiment if trial else None,
                trial.arm if trial else None,
                tuple(movie for movie in trial.other if movie not in watching) if trial else None,
                seen.asked_at,
                seen.answered_at,
            )

    def _kill(self) -> None:
        """Kills the consumer, which most likely has messages, and starts it again."""
        self.killed += self._depth() > 0
        self.consumer.kill()
        self.consumer.start()

    def _depth(self) -> int:
        return bus.depth(self.queues.session.url) + bus.depth(self.queues.recs.url)

    def _send(self, queue: bus.Queue, bodies: Sequence[str]) -> None:
        for start in range(0, len(bodies), bus.MAX_BATCH_SIZE):
            entries: list[Any] = [
                {"Id": str(place), "MessageBody": body}
                for place, body in enumerate(bodies[start : start + bus.MAX_BATCH_SIZE])
            ]
            answer = bus.shared_client().send_message_batch(QueueUrl=queue.url, Entries=entries)
            assert not answer.get("Failed")


def _milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
