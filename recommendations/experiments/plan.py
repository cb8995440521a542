"""The plan of an experiment: what is compared, on whom, for how long. Frozen and hashed when it starts."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

MAX_ARMS = 5
DEFAULT_WINDOW_DAYS, MAX_WINDOW_DAYS = 7, 90
MIN_WEIGHT, MAX_WEIGHT = 0.001, 1_000
MAX_USERS_PER_ARM = 1_000_000_000
ARM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,29}")
STRATEGIES = ("mixture", "euclid", "popular")
TASTES = ("modelled", "fixed")
ASSIGNMENTS = ("hash", "parity")


class BadPlan(ValueError):
    """A plan that no experiment can have: `reason` is a sentence about `field`."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the ways of recommending that are compared."""

    name: str
    strategy: str
    taste: str
    weight: float  # its share of the users, relative to the other arms' weights

    @property
    def made_by(self) -> str:
        """The name of its lists, as a list's source says it."""
        return made_by(self.strategy, self.taste)


def made_by(strategy: str, taste: str) -> str:
    """The name of lists by a strategy and a taste: `mixture`, `mixture_fixed`; `popular` knows no taste."""
    return f"{strategy}_fixed" if taste == "fixed" and strategy != "popular" else strategy


DEFAULT_ARMS = (Arm("fixed", "mixture", "fixed", 1.0), Arm("modelled", "mixture", "modelled", 1.0))


def with_holdback(arms: tuple[Arm, ...], percent: float) -> tuple[Arm, ...]:
    """The arms and one more, whose users (this percentage of all) get the most popular movies. Raises BadPlan."""
    _check("holdback", 0.1 <= percent <= 99, "A holdback is 0.1 to 99 percent of the users.")
    weight = sum(arm.weight for arm in arms) * percent / (100 - percent)
    return (*arms, Arm("holdback", "popular", "modelled", weight))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided before an experiment starts, and never changes afterwards. Raises BadPlan.

    The first arm is control: all others are compared with it.
    """

    seed: str
    arms: tuple[Arm, ...] = DEFAULT_ARMS
    share: float = 100.0  # percent of the users
    assignment: Literal["hash", "parity"] = "hash"  # parity: the user's id modulo 2 is the place of the arm
    window_days: int = DEFAULT_WINDOW_DAYS  # of an exposed user that count
    users_per_arm: int = 5_000
    smallest_effect: float = 5.0  # percent: a smaller difference is not worth knowing

    def __post_init__(self) -> None:
        _check_arms(self.arms)
        _check("seed", bool(self.seed) and len(self.seed) <= 100, "A seed has 1 to 100 characters.")
        _check("share", 0 < self.share <= 100, "The share is more than 0 and at most 100 percent.")
        _check(
            "window_days",
            1 <= self.window_days <= MAX_WINDOW_DAYS,
            f"The window is 1 to {MAX_WINDOW_DAYS} days.",
        )
        _check(
            "users_per_arm",
            1 <= self.users_per_arm <= MAX_USERS_PER_ARM,
            f"The users per arm are a whole number from 1 to {MAX_USERS_PER_ARM:,}.",
        )
        _check(
            "smallest_effect",
            0 < self.smallest_effect <= 1000,
            "The smallest effect is more than 0 and at most 1000 percent.",
        )
        _check(
            "assignment",
            self.assignment in ASSIGNMENTS,
            f"The assignment is one of: {', '.join(ASSIGNMENTS)}.",
        )
        if self.assignment == "parity":
            _check(
                "assignment",
                len(self.arms) == 2 and self.arms[0].weight == self.arms[1].weight,
                "Parity needs two arms of equal weight.",
            )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Plan":
        """The plan that `to_json` returned."""
        return cls(**{**stored, "arms": tuple(Arm(**arm) for arm in stored["arms"])})

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return asdict(self) | {"arms": [asdict(arm) for arm in self.arms]}

    @property
    def hash(self) -> str:
        """The SHA-256 of the plan's JSON with sorted keys and no spaces, in 64 hex digits: anybody can repeat it."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arms, control first."""
        return tuple(arm.name for arm in self.arms)

    def arm(self, name: str) -> Arm:
        """The arm of the name."""
        return self.arms[self.names.index(name)]

    def compared_with(self, name: str) -> Arm:
        """The arm whose list is kept beside that of this arm: control, and for control the second arm."""
        return self.arms[1] if name == self.arms[0].name else self.arms[0]


def _check_arms(arms: Sequence[Arm]) -> None:
    _check("arms", 2 <= len(arms) <= MAX_ARMS, f"An experiment has 2 to {MAX_ARMS} arms.")
    names = [arm.name for arm in arms]
    _check("arms", len(set(names)) == len(names), "Each arm has a name of its own.")
    for arm in arms:
        _check(
            "arms",
            bool(ARM_NAME.fullmatch(arm.name)),
            f"{arm.name!r} is no name of an arm: it has lower-case letters, digits, - and _, at most 30.",
        )
        _check(
            "arms", arm.strategy in STRATEGIES, f"{arm.name}: a strategy is one of {', '.join(STRATEGIES)}."
        )
        _check("arms", arm.taste in TASTES, f"{arm.name}: a taste is one of {', '.join(TASTES)}.")
        _check(
            "arms",
            MIN_WEIGHT <= arm.weight <= MAX_WEIGHT,
            f"{arm.name}: a weight is a number from {MIN_WEIGHT} to {MAX_WEIGHT:,}.",
        )


def _check(field: str, holds: bool, reason: str) -> None:
    if not holds:
        raise BadPlan(field, reason)
