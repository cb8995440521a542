"""Logs the lists of an experiment on a replay: of each user's arm, and the other arm's beside, as they were then."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from recommendations.experiments import read_log
from recommendations.experiments.assignment import arms_of
from recommendations.experiments.plan import Plan
from recommendations.list_reads import FirstRead
from recommendations.user_lists import Trial
from sessions_ingest.replay.history import History
from sessions_ingest.replay.selection import NOBODY, Positions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE = timedelta(milliseconds=1)  # a list is made and read so long before the finish
WRITTEN_AT_A_TIME = 2_000


class ListLog:
    """Takes blocks of the evaluation in the order of time; `flush` writes what is left."""

    def __init__(self, experiment: int, plan: Plan, history: History) -> None:
        """`plan` has all users in its share."""
        self._experiment, self._plan = experiment, plan
        self._ids = history.ids[history.visible]
        users = np.unique(history.user_ids)
        self._arms = dict(zip(users.tolist(), arms_of(plan, users).tolist(), strict=True))
        self._last: dict[int, int] = {}  # the time of each user's last list
        self._waiting: list[FirstRead] = []

    def add(self, user_ids: Sequence[int], times: Sequence[int], lists: Mapping[str, Positions]) -> None:
        """Logs the lists of these users at these times (microseconds), by the name of their strategies.

        Of a user's finishes at the same time only the first has a list, because nobody can have read the others.
        """
        for place, (user_id, at) in enumerate(zip(user_ids, times, strict=True)):
            if self._last.get(user_id) == at:
                continue
            self._last[user_id] = at
            arm = self._plan.arms[self._arms[user_id]]
            other = self._plan.compared_with(arm.name)
            read_at = EPOCH + timedelta(microseconds=at) - BEFORE
            trial = Trial(self._experiment, arm.name, self._movies(lists[other.made_by][place]))
            movies = self._movies(lists[arm.made_by][place])
            self._waiting.append(FirstRead(user_id, read_at, read_at, arm.made_by, movies, trial))
        if len(self._waiting) >= WRITTEN_AT_A_TIME:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        read_log.write(self._waiting)
        self._waiting.clear()

    def _movies(self, positions: Positions) -> tuple[int, ...]:
        return tuple(self._ids[positions[positions != NOBODY]].tolist())
