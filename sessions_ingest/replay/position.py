"""How far a replay got, in a file, so that the next run goes on there. No Django."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sessions_ingest.replay.movielens import Finishes


@dataclass(frozen=True, slots=True)
class Position:
    """The position in these very finishes; other finishes have another file."""

    path: Path

    def read(self) -> int:
        """How many finishes were sent; 0 without a file, or with one that cannot be read."""
        try:
            return int(json.loads(self.path.read_text())["sent"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def write(self, sent: int) -> None:
        """Stores how many were sent."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps({"sent": sent}))
        beside.replace(self.path)

    def clear(self) -> None:
        """Forgets the position, so that the next run begins at the start."""
        self.path.unlink(missing_ok=True)


def position_of(folder: Path, finishes: Finishes) -> Position:
    """The position of a replay of these finishes."""
    digest = hashlib.sha256()
    for column in (finishes.user_ids, finishes.movie_ids, finishes.times):
        digest.update(column.tobytes())
    return Position(folder / f"{digest.hexdigest()[:16]}.json")
