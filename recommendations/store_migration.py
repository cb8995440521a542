"""Copies every user's lists from one store to another: in batches, resumable, verified at the end.

The source must not change meanwhile: pause ingestion (the queues keep the messages); reads may go on.
"""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from recommendations.stores.base import ListStore

BATCH = 1_000  # users
SAMPLES = 20  # ranges of users, drawn at random, that are compared at the end
SAMPLE_USERS = 50  # users in each


@dataclass(frozen=True, slots=True)
class Position:
    """How far a copy has got: every user up to id `after` is in the target."""

    after: int = 0
    copied: int = 0
    places: list[int] = field(default_factory=list)  # where the samples start: the users after these ids


class PositionFile:
    """Stores the position of a copy in a file, so that a stopped copy can resume."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Position:
        """The stored position; the beginning if there is none."""
        return Position(**json.loads(self.path.read_text())) if self.path.exists() else Position()

    def write(self, position: Position) -> None:
        """Stores the position, atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(asdict(position)))
        new.replace(self.path)

    def clear(self) -> None:
        """Deletes the stored position."""
        self.path.unlink(missing_ok=True)


def copy(source: ListStore, target: ListStore, position_file: PositionFile) -> Iterator[Position]:
    """Copies the users after the stored position, and yields the new position after each batch.

    Replaces lists in the target. Stores the position after each batch, so that a stopped copy repeats at most one
    batch. Raises StoreUnavailable.
    """
    position = position_file.read()
    while rows := source.scan(position.after, BATCH):
        target.write(rows)
        position = Position(rows[-1][0], position.copied + len(rows), _sampled(position))
        position_file.write(position)
        yield position


def _sampled(position: Position) -> list[int]:
    """SAMPLES of the batches so far, each as likely as any other (reservoir sampling)."""
    batches = position.copied // BATCH
    if batches < SAMPLES:
        return [*position.places, position.after]
    places = list(position.places)
    drawn = random.randrange(batches + 1)
    if drawn < SAMPLES:
        places[drawn] = position.after
    return places


def differences(source: ListStore, target: ListStore, places: Iterable[int]) -> list[str]:
    """Sentences about what differs: the number of users, and the lists of the sampled users."""
    found = []
    users, copied = source.count(), target.count()
    if users != copied:
        found.append(f"The source has {users:,} users and the target {copied:,}.")
    for after in places:
        theirs = dict(target.scan(after, SAMPLE_USERS))
        found += [
            f"User {user_id} differs."
            for user_id, lists in source.scan(after, SAMPLE_USERS)
            if theirs.get(user_id) != lists
        ]
    return found
