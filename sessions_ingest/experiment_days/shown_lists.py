"""Which list each simulated user sees at a look: one from the bus, one from before the start, or one of our own.

Own lists are those of the real recommender, for both arms, made of what is on record about the user at that moment.
Popularity and inventory are those of the first day: read again each day, they would cost more than the lists.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from msgspec.structs import replace

from recommendations import lists, preferences
from recommendations.experiments.lifecycle import Running
from recommendations.list_reads import FirstRead
from recommendations.recommender.recommender import Made, lists_over
from recommendations.recommender.records import Record, records_of
from recommendations.recommender.snapshot import Current
from recommendations.user_lists import BUS

OLDEST = timedelta(hours=24)  # an own list is made again after so long
AFTER_FINISH = timedelta(seconds=2)  # an own list follows a finish
BEFORE_START = 0.3  # of those who were there before: the list they see first was made before the start
AGE_THEN = timedelta(hours=3)


@dataclass(slots=True)
class BusList:
    """A list from the bus."""

    movies: list[int]
    sent_at: datetime


@dataclass(slots=True)
class ShownLists:
    """The lists of the simulated users, and those that they have seen."""

    movies: Current
    running: Running  # the experiment, as if it ran
    from_bus: dict[int, BusList] = field(default_factory=dict)
    last_event: dict[int, datetime] = field(default_factory=dict)  # own lists are newer
    seen: set[int] = field(default_factory=set)  # users who looked since the start

    def at(
        self, looks: Mapping[int, datetime], draw: random.Random
    ) -> tuple[dict[int, FirstRead], dict[int, Record]]:
        """What each user sees at the time of the look (users without a list are left out), and the records."""
        records = records_of(looks)
        preferences.freeze(
            {user: record.first for user, record in records.items() if record.first and record.first_is_new}
        )
        held = {user: self._held(user, records[user], at) for user, at in looks.items()}
        own = {
            user: record for user, record in records.items() if held[user] is None and record.says_something
        }
        made = lists_over(self.movies, own, self.running)
        reads = {}
        for user, at in looks.items():
            if read := held[user]:
                reads[user] = read
            elif user in made:
                reads[user] = self._own(user, at, made[user], draw)
            self.seen.add(user)
        return reads, records

    def _held(self, user: int, record: Record, at: datetime) -> FirstRead | None:
        """The user's list from the bus, if it is held."""
        bus = self.from_bus.get(user)
        if bus is None:
            return None
        left = tuple(movie for movie in bus.movies if movie not in record.unwanted)
        stored = replace(record.lists, recommended=left, recommended_at=bus.sent_at, recommended_by=BUS)
        if not lists.is_held(stored, at, timedelta(days=settings.BUS_LISTS_HOLD_DAYS)):
            return None
        return FirstRead(user, bus.sent_at, at, BUS, left)

    def _own(self, user: int, at: datetime, made: Made, draw: random.Random) -> FirstRead:
        start = self.running.started_at
        last = self.last_event.get(user)
        was_there = last is not None and last < start
        if user not in self.seen and was_there and draw.random() < BEFORE_START:
            return FirstRead(user, start - draw.random() * AGE_THEN, at, made.made_by, tuple(made.movie_ids))
        earliest = max(start, at - OLDEST, last + AFTER_FINISH if last else start)
        made_at = earliest + draw.random() * max(at - earliest, timedelta(0))
        return FirstRead(user, made_at, at, made.made_by, tuple(made.movie_ids), made.trial)


def differs(read: FirstRead) -> bool:
    """Whether the list is one of the experiment, and the other arm's is another one: reading it exposes."""
    return read.trial is not None and read.trial.other != read.movies
