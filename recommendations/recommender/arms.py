"""Which lists are made for whom: the usual one, or that of the user's arm and the other arm's beside it."""

from collections.abc import Mapping
from typing import NamedTuple

from recommendations.experiments.assignment import OUTSIDE, arms_of
from recommendations.experiments.lifecycle import Running
from recommendations.experiments.plan import Arm, made_by
from recommendations.recommender.records import Record


class Kind(NamedTuple):
    """A way of making a list: a strategy, and which taste it goes by."""

    strategy: str
    fixed: bool = False  # the taste of the fixed preferences, not the modelled one

    @classmethod
    def of(cls, arm: Arm) -> "Kind":
        """How the arm's lists are made."""
        return cls(arm.strategy, arm.taste == "fixed")

    @classmethod
    def named(cls, name: str) -> "Kind":
        """The kind of lists of this name."""
        strategy, _, taste = name.partition("_")
        return cls(strategy, taste == "fixed")

    @property
    def name(self) -> str:
        """The name of its lists, as a list's source says it."""
        return made_by(self.strategy, "fixed" if self.fixed else "modelled")


class InArm(NamedTuple):
    """A user's arm in the running experiment, and the two kinds of lists that are made."""

    experiment: int
    arm: str
    own: Kind
    other: Kind


def arms_for(running: Running | None, records: Mapping[int, Record]) -> dict[int, InArm]:
    """The arms of those of the users that lists are made for: in the share, with fixed preferences, and no raters."""
    if running is None:
        return {}
    users = [user for user, record in records.items() if record.has_fixed_preferences and not record.rates]
    places = arms_of(running.plan, users).tolist()
    found = {}
    for user, place in zip(users, places, strict=True):
        if place != OUTSIDE:
            arm = running.plan.arms[place]
            other = running.plan.compared_with(arm.name)
            found[user] = InArm(running.id, arm.name, Kind.of(arm), Kind.of(other))
    return found
