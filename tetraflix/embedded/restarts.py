"""When a child process that died is started again, and when it has died too often."""

import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

FIRST_PAUSE_SECONDS = 0.5  # before it starts again; doubles with each further death
MAX_PAUSE_SECONDS = 15
HEALTHY_SECONDS = 60  # after running this long, the next pause is the first one again
MAX_DEATHS = 5  # within WINDOW_SECONDS they end the stack
WINDOW_SECONDS = 60


@dataclass
class Life:
    """What became of one child: how often it died, why, and when it starts again. Times are monotonic seconds."""

    name: str
    started: float
    state: Literal["running", "waiting", "starting"] = "running"
    count: int = 0
    reason: str = ""
    at: str = ""
    pause: float = 0.0
    due: float = 0.0
    _recent: list[float] = field(default_factory=list)

    def died(self, reason: str, now: float, *, counts: bool = True) -> None:
        """Records a death and sets the pause.

        `counts=False`: it does not count towards MAX_DEATHS, because nothing can run on a full disk.
        """
        healthy = self.state == "running" and now - self.started > HEALTHY_SECONDS
        self.pause = (
            FIRST_PAUSE_SECONDS if healthy or not self.pause else min(MAX_PAUSE_SECONDS, 2 * self.pause)
        )
        self.count += 1
        self.reason = reason
        self.at = datetime.now(UTC).isoformat(timespec="seconds")
        self.due = now + self.pause
        self.state = "waiting"
        self._recent = [one for one in self._recent if now - one < WINDOW_SECONDS]
        if counts:
            self._recent.append(now)

    def postpone(self, now: float) -> None:
        """A start that failed for a reason that is not the child's: it is tried again, and no death."""
        self.state = "waiting"
        self.due = now + MAX_PAUSE_SECONDS

    @property
    def too_often(self) -> bool:
        """Whether it died so often within a minute that starting it again makes no sense."""
        return len(self._recent) >= MAX_DEATHS

    def launched(self, now: float) -> None:
        self.state = "starting"
        self.started = now

    def as_json(self) -> dict[str, Any]:
        """For stack.json, which another process reads."""
        return {"count": self.count, "reason": self.reason, "at": self.at, "state": self.state}


def exit_description(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed ({signal.Signals(-code).name})"
    except ValueError:  # a real-time signal has no name
        return f"was killed (signal {-code})"
