"""The schedule of faults, a pure function of the seed and the sizes, and its shortest prefix that still fails."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of fault, or of a change in between."""

    CONSUMER_KILLED = "consumer killed (SIGKILL)"
    CONSUMER_STOPPED = "consumer stopped (SIGTERM)"
    CONSUMER_CLOCK = "consumer's clock 10 minutes ahead"
    SECOND_CONSUMER = "second consumer joins or leaves"
    PUBLISHER_KILLED = "publisher killed (SIGKILL)"
    POSTGRES_RESTARTED = "PostgreSQL restarted at once (SIGQUIT)"
    POSTGRES_KILLED = "PostgreSQL killed (SIGKILL)"
    COMMIT_LOST = "connection cut before a commit"
    COMMIT_UNANSWERED = "connection cut after a commit"
    POSTGRES_SLOW = "PostgreSQL slow"
    POSTGRES_HALF_OPEN = "PostgreSQL half-open"
    MONGODB_KILLED = "MongoDB primary killed (SIGKILL)"
    SQS_KILLED = "SQS killed and started"
    QUEUES_DELETED = "queues deleted, to be created again"
    DELETE_UNANSWERED = "answers to deletes lost"
    DELETE_WITHOUT_EFFECT = "deletes without effect"
    SEND_UNANSWERED = "answers to sends lost"
    RECEIVE_UNANSWERED = "answers to receives lost"
    SQS_THROTTLED = "SQS throttles"
    SQS_ERRORS = "SQS answers 503"
    SQS_SLOW = "SQS slow"
    SQS_HALF_OPEN = "SQS half-open"
    POPULARITY = "popularity refreshed"
    MOVIES_HIDDEN = "movies hidden or shown"
    MOVIES_EDITED = "movies edited"
    MOVIES_DELETED = "movies deleted and added"


# How often each kind is drawn, of those that are not 1. A graceful stop of SQS takes a second or two, in which
# nothing else happens, and deleted queues must be empty.
WEIGHTS = {
    Kind.CONSUMER_KILLED: 4,
    Kind.COMMIT_LOST: 2,
    Kind.COMMIT_UNANSWERED: 2,
    Kind.POSTGRES_KILLED: 2,
    Kind.QUEUES_DELETED: 0.2,
}
# What no message names may be deleted, and queues while they are empty: at the middle all messages are applied.
SECOND_HALF = {Kind.MOVIES_DELETED}
MAX_PAUSE_SECONDS = 0.5  # before a fault, so that it meets any moment of a batch


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    after: int  # so many messages were sent
    kind: Kind
    pause: float  # seconds to wait then
    draw: int  # seed of what the fault itself draws


def schedule(seed: int, *, messages: int, faults: int, mongodb: bool = False) -> list[Fault]:
    """The faults in order. Each kind occurs if there are as many faults as kinds."""
    random_ = random.Random(f"schedule {seed}")
    kinds = [kind for kind in Kind if mongodb or kind is not Kind.MONGODB_KILLED]
    drawn = random_.sample(kinds, min(len(kinds), faults))
    drawn += random_.choices(kinds, [WEIGHTS.get(kind, 1) for kind in kinds], k=faults - len(drawn))
    made = [
        Fault(
            after=random_.randint(messages // 2 + 1 if kind in SECOND_HALF else 1, messages),
            kind=kind,
            pause=random_.uniform(0, MAX_PAUSE_SECONDS),
            draw=random_.getrandbits(32),
        )
        for kind in drawn
    ]
    return sorted(made, key=lambda fault: (fault.after, fault.kind, fault.draw))


def by_kind(faults: list[Fault]) -> list[tuple[Kind, int]]:
    """The number of faults of each kind that occurs, in the order of the kinds."""
    counted = Counter(fault.kind for fault in faults)
    return [(kind, counted[kind]) for kind in Kind if counted[kind]]


def shortest_failing_prefix(length: int, fails: Callable[[int], bool]) -> int:
    """The length of the shortest failing prefix of a schedule of this length, which fails as a whole.

    Bisects, so `fails` runs about log2(length) times; the prefix that is returned was seen to fail, or is the whole
    schedule. If a longer prefix may pass where a shorter one fails, it is one of several such lengths.
    """
    passing, failing = -1, length
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if fails(middle):
            failing = middle
        else:
            passing = middle
    return failing
