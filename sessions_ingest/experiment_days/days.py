"""Plays the days of a simulated experiment in order: looks at lists, and the messages that follow, at their times."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recommendations.experiments import read_log
from recommendations.list_reads import FirstRead
from recommendations.lists import MAX_LIST_LENGTH
from recommendations.recommender.records import Record
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.experiment_days.evening import Memory, Shelf, Watched, evening
from sessions_ingest.experiment_days.population import WARM_UP_DAYS, Population
from sessions_ingest.experiment_days.shown_lists import BusList, ShownLists, differs
from sessions_ingest.messages import Recommendations, Session, WatchEvent

BATCH = 512  # users at a time, which bounds memory and transactions
DAY = timedelta(days=1)
LAST_LOOK_HOURS = 18  # of a day: an evening that begins later would reach into the next day
LATEST_MOVIES = 500  # of a shelf, from which the sister service draws its lists
SAYS_SHARE = 0.8  # of events say whether their movie was recommended
SAYS_WRONG = 0.03  # of those say it wrongly
OTHER_GROUP = 0.02  # of sessions name another group than the user's arm


@dataclass(slots=True)
class Played:
    """What was done so far, in numbers."""

    looks: int = 0
    lists: int = 0  # read, which the log has once each
    sessions: int = 0
    views: int = 0
    bus_lists: int = 0
    # by arm: users exposed, new movies chosen after reading a list of it, and those of them taken from the list
    exposed: Counter[str] = field(default_factory=Counter)
    chosen: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Days:
    """One run over the days. Memory grows with the number of users alone."""

    population: Population
    lists: ShownLists
    shelves: Sequence[Shelf]
    popular: Sequence[int]  # shown to users without a list
    chances: Mapping[str, float]  # by arm: that a movie is taken from the list
    usual: float  # the same for everybody else
    played: Played = field(default_factory=Played)
    _memories: dict[int, Memory] = field(default_factory=dict)
    _exposed: set[int] = field(default_factory=set)

    def play(self, days: int) -> Iterator[int]:
        """Plays each day, and yields how many days are done; the first ones are before the start."""
        for day in range(-WARM_UP_DAYS, days):
            draw = random.Random(f"{self.population.seed} {day}")
            looking = self.population.looking(day).tolist()
            for first in range(0, len(looking), BATCH):
                self._play(day, looking[first : first + BATCH], draw)
            yield day + 1 + WARM_UP_DAYS

    def _play(self, day: int, places: Sequence[int], draw: random.Random) -> None:
        begun = self.lists.running.started_at + day * DAY
        ids = self.population.ids[list(places)].tolist()
        looks = {user: begun + timedelta(seconds=draw.randrange(LAST_LOOK_HOURS * 3600)) for user in ids}
        users = dict(zip(ids, places, strict=True))
        sent = self._lists_of_the_bus(day, users, looks, draw) if day >= 0 else []
        reads, records = self.lists.at(looks, draw) if day >= 0 else ({}, {})
        read_log.write(reads.values())
        sessions = [
            self._session(day, place, looks[user], reads.get(user), records.get(user), draw)
            for user, place in users.items()
        ]
        outcomes = apply([Batch("", sent), Batch("", sessions)])
        self.played.looks += len(looks) if day >= 0 else 0
        self.played.lists += len(reads)
        self.played.sessions += len(sessions)
        self.played.views += sum(outcome.views for outcome in outcomes)
        self.played.bus_lists += len(sent)

    def _lists_of_the_bus(
        self, day: int, users: Mapping[int, int], looks: Mapping[int, datetime], draw: random.Random
    ) -> list[Recommendations]:
        """The lists of those whose list of the bus arrives before the look."""
        sent = []
        for user, place in users.items():
            if self.population.bus_on[place] <= day and user not in self.lists.from_bus:
                shelves = [
                    self.shelves[genre][:LATEST_MOVIES].tolist() for genre in self.population.tastes[place]
                ]
                movies = sorted({movie for shelf in shelves for movie in shelf})
                chosen = draw.sample(movies, min(MAX_LIST_LENGTH, len(movies)))
                self.lists.from_bus[user] = BusList(
                    chosen, looks[user] - timedelta(minutes=draw.randint(1, 600))
                )
                sent.append(Recommendations(user, tuple(chosen), self.lists.from_bus[user].sent_at))
        return sent

    def _session(
        self,
        day: int,
        place: int,
        look: datetime,
        read: FirstRead | None,
        record: Record | None,
        draw: random.Random,
    ) -> Session:
        """What the user watches after the look, as Events reports it."""
        user = int(self.population.ids[place])
        memory = self._memories.setdefault(user, Memory({}))
        watched = evening(
            draw,
            memory,
            read.movies if read else self.popular,
            record.unwanted if record else (),
            [self.shelves[genre] for genre in self.population.tastes[place]],
            self.chances[read.trial.arm] if read and read.trial and differs(read) else self.usual,
        )
        self._count(read, watched)
        rates = bool(self.population.rates_from[place] <= day)
        events = tuple(
            WatchEvent(
                one.movie_id,
                one.progress,
                look + timedelta(minutes=one.minutes),
                is_rec=_said(one, draw),
                rated=rates,
            )
            for one in watched
        )
        sent_at = max((event.at for event in events), default=look) + timedelta(minutes=1)
        self.lists.last_event[user] = sent_at
        return Session(user, events, sent_at, self._group(user, read, draw))

    def _count(self, read: FirstRead | None, watched: Sequence[Watched]) -> None:
        if read and read.trial and differs(read):
            arm = read.trial.arm
            if read.user_id not in self._exposed:
                self._exposed.add(read.user_id)
                self.played.exposed[arm] += 1
            self.played.chosen[arm] += sum(one.listed is not None for one in watched)
            self.played.taken[arm] += sum(one.listed is True for one in watched)

    def _group(self, user: int, read: FirstRead | None, draw: random.Random) -> str:
        """The group that the sister services name: the place of the arm, now and then another one."""
        arms = self.lists.running.plan.names
        place = arms.index(read.trial.arm) if read and read.trial else user % len(arms)
        return str((place + (draw.random() < OTHER_GROUP)) % len(arms))


def _said(one: Watched, draw: random.Random) -> bool | None:
    """Whether the sister service says that the movie was recommended; None: it says nothing."""
    if draw.random() >= SAYS_SHARE:
        return None
    return bool(one.listed) is not (draw.random() < SAYS_WRONG)
