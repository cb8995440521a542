"""An independent model of what is counted of an experiment: plain loops over lists of facts."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.recommendations.experiments.facts import Fact, Rating, Read, Watch

FIGURES = (
    "finishes",
    "recommended",
    "shadow",
    "new_movies",
    "starts",
    "recommended_starts",
    "abandoned",
    "lists",
    "age_seconds",
    "rec_known",
    "rec_disagree",
    "group_disagree",
)


@dataclass
class User:
    """A user that read a list while the experiment ran."""

    arm: str | None
    exposed_at: datetime | None
    left_out: str
    arms: int
    before: int
    first_read_at: datetime
    lists: int
    bus_lists: int
    days: dict[int, dict[str, float]] = field(default_factory=dict)


@dataclass
class Trial:
    """What the model has to know of the experiment."""

    start: datetime
    end: datetime | None
    window_days: int
    arms: Sequence[str]
    outside: Collection[int]  # users outside the share

    def runs_at(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


def users_of(trial: Trial, facts: Collection[Fact]) -> dict[int, User]:
    """Each user that read a list in time."""
    by_user: dict[int, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_user[fact.user].append(fact)
    return {user: counted for user in sorted(by_user) if (counted := _user(trial, user, by_user[user]))}


def _user(trial: Trial, user: int, facts: list[Fact]) -> User | None:
    reads = _first_reads([fact for fact in facts if isinstance(fact, Read)])
    watched = [fact for fact in facts if isinstance(fact, Watch)]
    rated = min((fact.at for fact in facts if isinstance(fact, Rating)), default=None)
    in_time = [read for read in reads if trial.runs_at(read.read_at)]
    if not in_time:
        return None
    exposing = [read for read in in_time if read.arm and read.movies != read.other]
    first = min(exposing, key=lambda read: (read.read_at, read.made_at), default=None)
    if first and rated and rated <= first.read_at:
        first = None
    finishes = {(fact.movie, fact.at) for fact in watched if fact.finish}
    counted = User(
        arm=first.arm if first else None,
        exposed_at=first.read_at if first else None,
        left_out="" if first else _reason(trial, user, in_time, rated),
        arms=len({read.arm for read in in_time if read.arm}),
        before=0,
        first_read_at=min(read.read_at for read in in_time),
        lists=len(in_time),
        bus_lists=sum(read.made_by == "bus" for read in in_time),
    )
    if first and first.arm:
        since = first.read_at - timedelta(days=14)
        counted.before = sum(since <= at < first.read_at for _, at in finishes)
        counted.days = _days(trial, first.arm, first.read_at, reads, watched, finishes)
    return counted


def _first_reads(reads: list[Read]) -> list[Read]:
    """Each list once, at its first read."""
    first: dict[datetime, Read] = {}
    for read in reads:
        if read.made_at not in first or read.read_at < first[read.made_at].read_at:
            first[read.made_at] = read
    return list(first.values())


def _reason(trial: Trial, user: int, in_time: list[Read], rated: datetime | None) -> str:
    if rated and rated <= max(read.read_at for read in in_time):
        return "rates movies"
    if user in trial.outside:
        return "outside the share"
    if any(read.arm for read in in_time):
        return "same list in both arms"
    if any(read.made_by not in ("bus", "generated") and read.made_at >= trial.start for read in in_time):
        return "no fixed preferences"
    if any(read.made_by == "bus" for read in in_time):
        return "list from the bus"
    return "list made before the start"


def _days(
    trial: Trial,
    arm: str,
    exposed_at: datetime,
    reads: list[Read],
    watched: list[Watch],
    finishes: set[tuple[int, datetime]],
) -> dict[int, dict[str, float]]:
    days: dict[int, dict[str, float]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))

    def day(at: datetime) -> dict[str, float] | None:
        counts = exposed_at <= at < exposed_at + timedelta(days=trial.window_days) and trial.runs_at(at)
        return days[(at - exposed_at) // timedelta(days=1)] if counts else None

    recommended, shadow = {}, {}
    for movie in sorted({event.movie for event in watched}):
        started = min(event.at for event in watched if event.movie == movie)
        before = [read for read in reads if read.read_at <= started]
        last = max(before, key=lambda read: (read.read_at, read.made_at), default=None)
        ours = bool(last and last.arm and last.read_at >= exposed_at and movie in last.movies)
        recommended[movie] = ours
        shadow[movie] = bool(ours and last and last.other and movie in last.other)
        if figures := day(started):
            figures["starts"] += 1
            figures["recommended_starts"] += ours
            figures["abandoned"] += not any(finished == movie for finished, _ in finishes)
            firsts = [event for event in watched if (event.movie, event.at) == (movie, started)]
            said = [event.is_rec for event in firsts if event.is_rec is not None]
            figures["rec_known"] += bool(said)
            figures["rec_disagree"] += bool(said) and max(said) != ours
            groups = [event.group for event in firsts if event.group is not None]
            agreeing = (arm, str(trial.arms.index(arm)))
            figures["group_disagree"] += bool(groups) and max(groups) not in agreeing
    for movie, at in finishes:
        if figures := day(at):
            figures["finishes"] += 1
            figures["recommended"] += recommended[movie]
            figures["shadow"] += shadow[movie]
            figures["new_movies"] += at == min(other for finished, other in finishes if finished == movie)
    for read in reads:
        if read.arm and (figures := day(read.read_at)):
            figures["lists"] += 1
            figures["age_seconds"] += (read.read_at - read.made_at).total_seconds()
    return dict(days)
