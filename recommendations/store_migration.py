"""Moving every user's lists from one store to the other: in batches, resumable, checked at the end.

The source must stand still meanwhile: ingestion is paused (the queues keep what arrives), reads go on.
"""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from recommendations.stores.base import ListStore

BATCH = 1_000  # users read and written together
PLACES = 20  # among the copied users where both stores are compared,
SAMPLE = 50  # so many users each


@dataclass(frozen=True, slots=True)
class Position:
    """How far a copy got: every user up to this id is in the target."""

    after: int = 0
    copied: int = 0
    places: list[int] = field(default_factory=list)  # the first users of batches drawn at random, to compare


class State:
    """Keeps the position of a copy in a file, so that a copy that was stopped goes on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Position:
        """Where to go on; the beginning when nothing was kept."""
        return Position(**json.loads(self.path.read_text())) if self.path.exists() else Position()

    def keep(self, position: Position) -> None:
        """The position is on disk whole, whenever the power fails."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(asdict(position)))
        new.replace(self.path)

    def forget(self) -> None:
        """The next copy begins at the beginning."""
        self.path.unlink(missing_ok=True)


def copy(source: ListStore, target: ListStore, state: State) -> Iterator[Position]:
    """Copies the users after the kept position, and gives the new position after each batch.

    A user's lists in the target are replaced. The position is kept after the batch is stored, so a copy that
    is stopped anywhere repeats one batch at most. Raises StoreUnavailable.
    """
    position = state.read()
    while rows := source.scan(position.after, BATCH):
        target.write(rows)
        position = Position(rows[-1][0], position.copied + len(rows), _chosen(position))
        state.keep(position)
        yield position


def _chosen(position: Position) -> list[int]:
    """PLACES of the batches' beginnings, each batch so far as likely as any other (a reservoir)."""
    batches = position.copied // BATCH
    if batches < PLACES:
        return [*position.places, position.after]
    places = list(position.places)
    drawn = random.randrange(batches + 1)
    if drawn < PLACES:
        places[drawn] = position.after
    return places


def differences(source: ListStore, target: ListStore, places: Iterable[int]) -> list[str]:
    """In sentences, what is not the same in both: the number of users, and the lists of a sample of them."""
    found = []
    users, copied = source.count(), target.count()
    if users != copied:
        found.append(f"The source has {users:,} users and the target {copied:,}.")
    for after in places:
        theirs = dict(target.scan(after, SAMPLE))
        found += [
            f"User {user_id} is not the same in both."
            for user_id, lists in source.scan(after, SAMPLE)
            if theirs.get(user_id) != lists
        ]
    return found
