"""The verdict on each part of the service, for the dashboard and `manage.py status`: thresholds and sentences.

Pure functions of facts, which the callers have asked database and queues for. A fact that is None is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.conf import settings

from movies.foundation.times import age
from tetraflix.background import heartbeats
from tetraflix.health.service_state import QueueState

LATENCY_WARN_SECONDS = 10.0  # ingest takes well under a second
LATENCY_BAD_SECONDS = 60.0
OUTBOX_WARN_SECONDS = 10.0  # a change is sent within a second
OUTBOX_BAD_SECONDS = 60.0
WAITING_WARN = 10_000  # messages in a queue: some seconds of work at full rate
STALLED_WAITING = 100  # messages that wait: fewer are the normal flow
POPULARITY_WARN = 2  # times POPULARITY_SECONDS
POPULARITY_BAD = 4


class State(StrEnum):
    """How a part is; the better one first."""

    OFF = "off"  # not known, or nothing to judge
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A part of the service, its state, and the fact behind it in a few words.

    `problems` are whole sentences, each with what to do about it; a healthy part has none. `stopped`: something that
    should run does not, while other bad parts run and need attention.
    """

    part: str
    label: str
    state: State
    word: str
    detail: str
    problems: tuple[str, ...] = ()
    stopped: bool = False


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known about the service now. The problems are sentences of what was asked."""

    queues: Mapping[str, QueueState] | None = None
    queue_problems: list[str] = field(default_factory=list)
    heartbeat_ages: Mapping[str, float | None] | None = None
    background_problems: list[str] = field(default_factory=list)  # overdue tasks, processes that do not run
    failing: Mapping[str, str] = field(default_factory=dict)  # by name of the work
    slowest_seconds: float | None = (
        None  # ingest latency of the last two minutes; None when nothing was applied
    )
    outbox_seconds: float | None = None  # 0 when nothing waits; None without the database
    popularity_seconds: float | None = None
    database_problems: list[str] = field(default_factory=list)


NO_SQS = "SQS does not answer, or a queue is missing: `manage.py status` says which."
FEED_WORK = "change feed"  # the name of the publisher's failures


def verdicts(facts: Facts) -> list[Verdict]:
    """One for each part that is always there."""
    return [
        ingest(facts),
        dead_letters(facts),
        change_feed(facts),
        scheduler(facts),
        popularity(facts),
        database(facts),
    ]


def overall(found: Sequence[Verdict]) -> tuple[State, str]:
    """The worst state, and one sentence about all parts."""
    troubled = [one for one in found if one.state in (State.WARN, State.BAD)]
    if not troubled:
        return State.GOOD, "All systems are healthy."
    worst = State.BAD if any(one.state is State.BAD for one in troubled) else State.WARN
    number = "1 problem" if len(troubled) == 1 else f"{len(troubled)} problems"
    return worst, f"{number}: {'; '.join(f'{one.label.lower()} ({one.detail})' for one in troubled)}."


def ingest(facts: Facts) -> Verdict:
    """Of the two queues that the service consumes."""
    consumed = (settings.SESSION_QUEUE, settings.RECS_QUEUE)
    unavailable = facts.queue_problems or ([] if facts.queues is not None else [NO_SQS])
    bad = [*unavailable, *_stale(facts, [heartbeats.receiver_name(name) for name in consumed])]
    if bad or facts.queues is None:
        missing = "a queue is missing" if facts.queues else "SQS does not answer"
        detail = missing if unavailable else "no receiver runs"
        return _stopped("ingest", "Ingest", "down", detail, bad)
    waiting = {name: facts.queues[name].depth for name in consumed if name in facts.queues}
    longest = max(waiting, key=waiting.__getitem__, default="")
    most, slowest = waiting.get(longest, 0), facts.slowest_seconds
    if slowest is None:
        detail = f"{most:,} waiting" if most else "no messages lately"
        if most >= STALLED_WAITING:
            line = f"{most:,} messages wait in {longest}, and none is applied: see the worker's log."
            return _verdict("ingest", "Ingest", State.BAD, "stalled", f"{detail}, none applied", [line])
        return _verdict("ingest", "Ingest", State.GOOD, "healthy", detail)
    detail = f"latency {_seconds(slowest)}"
    if slowest > LATENCY_WARN_SECONDS:
        # Few waiting messages: what was late, perhaps because the service was stopped, is applied.
        state = State.BAD if slowest > LATENCY_BAD_SECONDS and most >= STALLED_WAITING else State.WARN
        line = (
            f"A message of the last two minutes was applied {_seconds(slowest)} after it was sent:"
            " start more consumers (`manage.py consume`) if this lasts."
        )
        return _verdict("ingest", "Ingest", state, "slow", detail, [line])
    if most > WAITING_WARN:
        line = (
            f"{most:,} messages wait in {longest}: start more consumers (`manage.py consume`) if this lasts."
        )
        return _verdict("ingest", "Ingest", State.WARN, "behind", f"{most:,} waiting", [line])
    return _verdict("ingest", "Ingest", State.GOOD, "healthy", detail)


def dead_letters(facts: Facts) -> Verdict:
    """One dead letter is enough, because it never leaves on its own."""
    part, label = "dead_letters", "Dead letters"
    if facts.queues is None:
        return _verdict(part, label, State.OFF, "unknown", "SQS does not answer")
    found = {name: queue.dead for name, queue in facts.queues.items() if queue.dead}
    if not found:
        return _verdict(part, label, State.GOOD, "healthy", "none")
    detail = ", ".join(f"{number:,} in {name}" for name, number in found.items())
    line = (
        f"Dead letters: {detail}. The page Dead letters and `manage.py dead_letters list` show their reasons."
    )
    return _verdict(part, label, State.BAD, f"{sum(found.values()):,} waiting", detail, [line])


def change_feed(facts: Facts) -> Verdict:
    """Of the way from a committed change to a reader of the change queue."""
    part, label, lag = "change_feed", "Change feed", facts.outbox_seconds
    failing = [facts.failing[FEED_WORK]] if FEED_WORK in facts.failing else []
    if lag is None:
        return _verdict(part, label, State.OFF, "unknown", "the database does not answer")
    detail = f"oldest unsent change {_seconds(lag)}" if lag else "all changes sent"
    if failing:
        return _stopped(part, label, "failing", detail, failing)
    if lag > OUTBOX_WARN_SECONDS:
        state = State.BAD if lag > OUTBOX_BAD_SECONDS else State.WARN
        line = f"The oldest unsent change has waited {_seconds(lag)}: `manage.py publish_changes` sends it."
        return _verdict(part, label, state, "behind", detail, [line])
    waiting = 0 if facts.queues is None else getattr(facts.queues.get(settings.CHANGES_QUEUE), "depth", 0)
    if waiting > WAITING_WARN:
        line = f"{waiting:,} changes wait in {settings.CHANGES_QUEUE}: does the service that reads it run?"
        return _verdict(part, label, State.WARN, "not read", f"{waiting:,} unread", [line])
    return _verdict(part, label, State.GOOD, "healthy", detail)


def scheduler(facts: Facts) -> Verdict:
    """Of beat, the worker, and the work that they start."""
    part, label = "scheduler", "Scheduler"
    down = _stale(facts, ["beat", "worker"])
    late = [*facts.background_problems, *(line for name, line in facts.failing.items() if name != FEED_WORK)]
    if down:
        return _stopped(part, label, "down", "no heartbeat", [*down, *late])
    if late:
        return _stopped(part, label, "failing", _number(len(late), "problem", "problems"), late)
    if facts.heartbeat_ages is None:
        return _verdict(part, label, State.OFF, "unknown", "starting")
    return _verdict(
        part, label, State.GOOD, "healthy", f"last seen {age(facts.heartbeat_ages['beat'] or 0)} ago"
    )


def popularity(facts: Facts) -> Verdict:
    """Of the age of the popularity lists."""
    part, label, seconds = "popularity", "Popularity", facts.popularity_seconds
    if facts.outbox_seconds is None:
        return _verdict(part, label, State.OFF, "unknown", "the database does not answer")
    if seconds is None:
        line = "The popularity lists are not computed yet: beat does it, or `manage.py refresh_popularity`."
        return _verdict(part, label, State.WARN, "missing", "not computed yet", [line])
    detail = f"computed {age(seconds)} ago"
    if seconds > POPULARITY_WARN * settings.POPULARITY_SECONDS:
        state = State.BAD if seconds > POPULARITY_BAD * settings.POPULARITY_SECONDS else State.WARN
        line = (
            f"The popularity lists were computed {age(seconds)} ago, and are due every"
            f" {age(settings.POPULARITY_SECONDS)}: see the worker's log, or run `manage.py refresh_popularity`."
        )
        return _verdict(part, label, state, "outdated", detail, [line])
    return _verdict(part, label, State.GOOD, "healthy", detail)


def database(facts: Facts) -> Verdict:
    """Of PostgreSQL, the store of the users' lists, and the disk."""
    if problems := facts.database_problems:
        detail = _number(len(problems), "problem", "problems")
        return _stopped("database", "Database", "failing", detail, problems)
    return _verdict("database", "Database", State.GOOD, "healthy", "answers")


def _stale(facts: Facts, names: Sequence[str]) -> list[str]:
    """A sentence for each of these processes whose heartbeat is stale; none while heartbeats are not known."""
    ages = facts.heartbeat_ages
    if ages is None:
        return []
    expected = [process for process in heartbeats.expected() if process.name in names]
    return [line for process in expected if (line := process.problem(ages[process.name]))]


def _verdict(
    part: str, label: str, state: State, word: str, detail: str, problems: Sequence[str] = ()
) -> Verdict:
    return Verdict(part, label, state, word, detail, tuple(problems))


def _stopped(part: str, label: str, word: str, detail: str, problems: Sequence[str]) -> Verdict:
    return Verdict(part, label, State.BAD, word, detail, tuple(problems), stopped=True)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else age(seconds)


def _number(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
