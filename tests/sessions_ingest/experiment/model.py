"""What an experiment counts, in plain Python: from lists read and events to users, days, and who is left out.

It shares no code with the service. It knows every read and every event, in whatever order they were given, and
repeats the rules of the experiment in their plainest form: each question looks at all facts of a user.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAY = timedelta(days=1)
BEFORE = timedelta(days=14)
FOREVER = datetime.max.replace(tzinfo=None)


@dataclass(frozen=True)
class Read:
    """The first read of a list."""

    user: int
    made_at: datetime
    read_at: datetime
    made_by: str
    movies: tuple[int, ...]
    experiment: int | None = None
    arm: str | None = None
    other: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Event:
    """What a sister service says that a user did."""

    user: int
    movie: int
    progress: float
    at: datetime
    rating: float | None = None
    is_rec: bool | None = None
    group: str | None = None


@dataclass(frozen=True)
class Trial:
    """The experiment that is counted; `ended_at` is None while it runs."""

    id: int
    started_at: datetime
    ended_at: datetime | None
    window_days: int
    in_share: frozenset[int]  # users
    places: dict[str, str]  # of the arms, from 0, as sister services name them


@dataclass(frozen=True)
class Start:
    at: datetime
    is_rec: bool | None
    group: str | None


@dataclass
class Person:
    """A user that read a list while the experiment ran."""

    arm: str | None = None
    exposed_at: datetime | None = None
    left_out: str = ""
    arms: int = 0
    before: int = 0
    first_read_at: datetime | None = None
    lists: int = 0
    bus_lists: int = 0
    days: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    age: dict[int, float] = field(default_factory=lambda: defaultdict(float))  # seconds, by day


class Facts:
    """All reads and events, and what follows from them for one user."""

    def __init__(self) -> None:
        self.reads: dict[int, dict[datetime, Read]] = defaultdict(dict)
        self.events: dict[int, set[Event]] = defaultdict(set)

    def read(self, read: Read) -> None:
        """Adds a read; of several reads of a list the first counts."""
        known = self.reads[read.user].get(read.made_at)
        if known is None or read.read_at < known.read_at:
            self.reads[read.user][read.made_at] = read

    def happened(self, event: Event) -> None:
        """Adds an event; once, however often it is reported."""
        self.events[event.user].add(event)

    def start(self, user: int, movie: int) -> Start | None:
        mine = [event for event in self.events[user] if event.movie == movie]
        if not mine:
            return None
        at = min(event.at for event in mine)
        first = [event for event in mine if event.at == at]
        said = [event.is_rec for event in first if event.is_rec is not None]
        groups = [event.group for event in first if event.group is not None]
        return Start(at, max(said, default=None), max(groups, default=None))

    def starts(self, user: int) -> dict[int, Start]:
        movies = {event.movie for event in self.events[user]}
        return {movie: start for movie in movies if (start := self.start(user, movie))}

    def rated_at(self, user: int) -> datetime | None:
        return min((event.at for event in self.events[user] if event.rating is not None), default=None)

    def finishes(self, user: int) -> list[tuple[datetime, int]]:
        return sorted({(event.at, event.movie) for event in self.events[user] if event.progress >= 1})

    def attributed_to(self, user: int, start: Start) -> Read | None:
        """The list that was read last before the start."""
        before = [read for read in self.reads[user].values() if read.read_at <= start.at]
        return max(before, key=lambda read: (read.read_at, read.made_at), default=None)


def counted(facts: Facts, trial: Trial) -> dict[int, Person]:
    """Everybody that read a list while the experiment ran."""
    people = {user: _person(facts, trial, user) for user in facts.reads}
    return {user: person for user, person in people.items() if person}


def _person(facts: Facts, trial: Trial, user: int) -> Person | None:
    reads = sorted(
        (
            read
            for read in facts.reads[user].values()
            if read.read_at >= trial.started_at and (trial.ended_at is None or read.read_at < trial.ended_at)
        ),
        key=lambda read: read.read_at,
    )
    if not reads:
        return None
    own = [read for read in reads if read.experiment == trial.id]
    person = Person(
        arms=len({read.arm for read in own}),
        first_read_at=reads[0].read_at,
        lists=len(reads),
        bus_lists=sum(read.made_by == "bus" for read in reads),
    )
    rated_at = facts.rated_at(user)
    telling = [read for read in own if read.movies != read.other]
    if telling and (rated_at is None or rated_at > telling[0].read_at):
        person.arm, person.exposed_at = telling[0].arm, telling[0].read_at
        _count(facts, trial, user, person, own)
    elif rated_at is not None and rated_at <= reads[-1].read_at:
        person.left_out = "rates movies"
    elif user not in trial.in_share:
        person.left_out = "outside the share"
    elif own:
        person.left_out = "same list in both arms"
    elif any(read.made_by not in ("bus", "generated") and read.made_at >= trial.started_at for read in reads):
        person.left_out = "no fixed preferences"
    elif person.bus_lists:
        person.left_out = "list from the bus"
    else:
        person.left_out = "list made before the start"
    return person


def _count(facts: Facts, trial: Trial, user: int, person: Person, own: list[Read]) -> None:
    """Fills in what the exposed user did, day by day."""
    begin = person.exposed_at
    assert begin
    end = begin + trial.window_days * DAY
    if trial.ended_at:
        end = min(end, trial.ended_at)

    def on(at: datetime) -> Iterator[Counter[str]]:
        """The day of the time, if it counts."""
        if begin <= at < end:
            yield person.days[(at - begin) // DAY]

    finishes = facts.finishes(user)
    starts = facts.starts(user)
    lists = {movie: facts.attributed_to(user, start) for movie, start in starts.items()}

    def is_recommended(movie: int) -> bool:
        read = lists[movie]
        return (
            read is not None
            and read.experiment == trial.id
            and read.read_at >= begin
            and movie in read.movies
        )

    person.before = sum(begin - BEFORE <= at < begin for at, _ in finishes)
    for at, movie in finishes:
        for day in on(at):
            day["finishes"] += 1
            read = lists[movie]
            if is_recommended(movie) and read:
                day["recommended"] += 1
                day["shadow"] += movie in (read.other or ())
            day["new_movies"] += not any(other == movie and then < at for then, other in finishes)
    finished = {movie for _, movie in finishes}
    for movie, start in starts.items():
        for day in on(start.at):
            day["starts"] += 1
            day["recommended_starts"] += is_recommended(movie)
            day["abandoned"] += movie not in finished
            if start.is_rec is not None:
                day["rec_known"] += 1
                day["rec_disagree"] += start.is_rec != is_recommended(movie)
            day["group_disagree"] += start.group not in (None, person.arm, trial.places.get(person.arm or ""))
    for read in own:
        for day in on(read.read_at):
            day["lists"] += 1
            person.age[(read.read_at - begin) // DAY] += (read.read_at - read.made_at).total_seconds()
