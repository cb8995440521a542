"""The metrics of an experiment, the primary one first."""

from typing import NamedTuple

SECONDS_PER_HOUR = 3600


class Metric(NamedTuple):
    """A mean of users, or a ratio of two sums over users.

    `figures` are columns of the counted rows. Of a mean: the outcome, then what is known from before the exposure. Of
    a ratio: numerator, then denominator.
    """

    key: str
    label: str
    unit: str
    figures: tuple[str, str]
    ratio: bool = False
    guardrail: bool = False  # nothing to win by, but it must not get worse
    per_unit: float = 1.0  # of the numerator's column in one of the shown unit


PRIMARY = Metric(
    "recommended", "recommended finishes per exposed user", "finishes", ("recommended", "before")
)
METRICS = (
    PRIMARY,
    Metric(
        "kpi", "share of finishes that were recommended", "share", ("recommended", "finishes"), ratio=True
    ),
    Metric("finishes", "finishes per exposed user", "finishes", ("finishes", "before"), guardrail=True),
    Metric(
        "abandoned", "share of started movies never finished", "share", ("abandoned", "starts"), ratio=True
    ),
    Metric(
        "movies", "movies finished for the first time per exposed user", "movies", ("new_movies", "before")
    ),
    Metric(
        "list_age",
        "age of a list when it was first read",
        "hours",
        ("age_seconds", "lists"),
        ratio=True,
        per_unit=SECONDS_PER_HOUR,
    ),
)
