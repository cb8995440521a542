"""The report of an experiment as the model says it, from what it counted, and what differs from the service's."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.sessions_ingest.experiment.model import DAY, Person, Trial
from tests.sessions_ingest.experiment.numbers import (
    Lift,
    Pairs,
    adjusted_lift,
    lift,
    ratio_lift,
    smallest_effect,
    split,
)

LEAST_USERS = 100
NOTHING = {"lift": None, "low": None, "high": None}
MEANS = {"recommended": "recommended", "finishes": "finishes", "movies": "new_movies"}
RATIOS = {"kpi": ("recommended", "finishes"), "abandoned": ("abandoned", "starts")}


def figures(people: dict[int, Person], plan: dict[str, Any], trial: Trial, look: datetime) -> dict[str, Any]:
    """The parts of the report that are numbers; `look` is not after the end."""
    names = [arm["name"] for arm in plan["arms"]]
    planned = 2 * plan["users_per_arm"]
    window = plan["window_days"]
    exposed = {name: [person for person in people.values() if person.arm == name] for name in names}
    matured = {
        name: [person for person in mine if _at(person) + window * DAY <= look]
        for name, mine in exposed.items()
    }
    totals = [_total(exposed[name]) for name in names]
    metrics = _metrics(matured, names, planned)
    enough = min(len(matured[name]) for name in names[:2]) >= LEAST_USERS
    p, e = split([len(exposed[name]) for name in names], [arm["weight"] for arm in plan["arms"]])
    reads = sum(person.lists for person in people.values())
    primary = {key: metrics["recommended"][1][key] for key in NOTHING}
    return {
        "arms": [
            {
                "exposed": len(exposed[name]),
                "matured": len(matured[name]),
                "recommended_finishes": total["recommended"],
                "finishes": total["finishes"],
            }
            for name, total in zip(names, totals, strict=True)
        ],
        "primary": primary if enough and primary["lift"] is not None else None,
        "split": {"p": p, "e": e, "ok": p >= 0.001 and e < 1000},
        "left_out": dict(Counter(person.left_out for person in people.values() if person.left_out)),
        "days": (look - trial.started_at) / DAY,
        "health": {
            "exposures": _exposures(exposed, names),
            "two_arms": sum(person.arms > 1 for person in people.values()),
            "bus_share": sum(person.bus_lists for person in people.values()) / reads if reads else None,
            "readers": len(people),
        },
        "metrics": metrics,
        "power": _power(
            [exposed[name] for name in names[:2]], [matured[name] for name in names[:2]], plan, trial, look
        ),
        "by_day": [_day(day, exposed, names, look, planned) for day in range(window)],
        "shadow": [
            {"recommended_finishes": total["recommended"], "on_both": total["shadow"]} for total in totals
        ],
        "sisters": [
            {
                "known": total["rec_known"],
                "disagree": total["rec_disagree"],
                "group_disagree": total["group_disagree"],
            }
            for total in totals
        ],
    }


def differences(stored: Any, expected: Any, where: str = "report") -> Iterator[str]:
    """What of the expected values the report does not have: floats to a billionth; other keys are ignored."""
    if isinstance(expected, dict):
        for key in expected:
            yield from differences(stored[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        if len(stored) != len(expected):
            yield f"{where}: {len(stored)} entries, the model says {len(expected)}"
        for place, (one, other) in enumerate(zip(stored, expected, strict=False)):
            yield from differences(one, other, f"{where}[{place}]")
    elif isinstance(stored, float) and isinstance(expected, int | float):
        if not math.isclose(stored, expected, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{where}: {stored!r}, the model says {expected!r}"
    elif stored != expected:
        yield f"{where}: {stored!r}, the model says {expected!r}"


def by_key(report: dict[str, Any]) -> dict[str, Any]:
    """The report with its metrics by key, as the model has them."""
    return report | {"metrics": {metric["key"]: metric["arms"] for metric in report["metrics"]}}


def _metrics(
    matured: dict[str, list[Person]], names: list[str], planned: int
) -> dict[str, list[dict[str, Any]]]:
    def of(numbers: Callable[[Person], tuple[float, float]]) -> list[Pairs]:
        return [[numbers(person) for person in matured[name]] for name in names]

    found = {}
    for key, column in MEANS.items():
        arms = of(lambda person, column=column: (_sum(person, column), person.before))  # type: ignore[misc]
        found[key] = [
            _metric(sum(y for y, _ in arm), len(arm), place, arms, lift, planned)
            | {"adjusted": _shown(place, arms, adjusted_lift, planned)}
            for place, arm in enumerate(arms)
        ]
    for key, (above, below) in RATIOS.items():
        arms = of(lambda person, a=above, b=below: (_sum(person, a), _sum(person, b)))  # type: ignore[misc]
        found[key] = _ratio_metric(arms, planned)
    found["list_age"] = _ratio_metric(
        of(lambda person: (_age(person) / 3600, _sum(person, "lists"))), planned
    )
    return found


def _ratio_metric(arms: list[Pairs], planned: int) -> list[dict[str, Any]]:
    return [
        _metric(sum(y for y, _ in arm), sum(x for _, x in arm), place, arms, ratio_lift, planned)
        | {"adjusted": None}
        for place, arm in enumerate(arms)
    ]


def _metric(
    numerator: Any, denominator: Any, place: int, arms: list[Pairs], by: Callable[..., Lift], planned: int
) -> dict[str, Any]:
    return {
        "numerator": numerator,
        "denominator": denominator,
        "users": len(arms[place]),
        "value": numerator / denominator if denominator else None,
        **(_shown(place, arms, by, planned) or NOTHING),
    }


def _shown(
    place: int, arms: list[Pairs], by: Callable[..., Lift], planned: int
) -> dict[str, float | None] | None:
    """The lift against control, if there are enough users and anything is known."""
    if not place or min(len(arms[0]), len(arms[place])) < LEAST_USERS:
        return None
    found = by(arms[0], arms[place], planned)
    return None if found.low is None else dict(zip(NOTHING, found, strict=True))


def _day(
    day: int, exposed: dict[str, list[Person]], names: list[str], look: datetime, planned: int
) -> dict[str, Any]:
    passed = [[person for person in exposed[name] if _at(person) + (day + 1) * DAY <= look] for name in names]
    arms: list[Pairs] = [
        [(person.days.get(day, Counter())["recommended"], 0) for person in mine] for mine in passed
    ]
    return {
        "day": day,
        "arms": [
            {
                "users": len(mine),
                "recommended_finishes": sum(y for y, _ in arm),
                "finishes": sum(person.days.get(day, Counter())["finishes"] for person in mine),
            }
            for mine, arm in zip(passed, arms, strict=True)
        ],
        **(_shown(1, arms, lift, planned) or NOTHING),
    }


def _power(
    exposed: list[list[Person]],
    matured: list[list[Person]],
    plan: dict[str, Any],
    trial: Trial,
    look: datetime,
) -> dict[str, Any]:
    """What could be seen by now, and what is left to the plan."""
    missing = [sum(max(0, plan["users_per_arm"] - len(arm)) for arm in arms) for arms in (exposed, matured)]
    days = [_at(person).date() for arm in exposed for person in arm]
    today = look.date()
    first = min(days, default=today)
    a_day = float(len(days))
    if first < today:
        since = max(first, today - timedelta(days=7))
        a_day = sum(since <= day < today for day in days) / (today - since).days
    window = plan["window_days"]
    left: int | None = window if missing[1] else 0
    if missing[0]:
        left = math.ceil(missing[0] / a_day) + window if a_day else None
    outcomes = [_sum(person, "recommended") for arm in matured for person in arm]
    return {
        "smallest_effect": smallest_effect(
            outcomes, len(matured[0]), len(matured[1]), 2 * plan["users_per_arm"]
        ),
        "users_left": missing[1],
        "days_left": None if trial.ended_at else left,
        "exposed_a_day": a_day,
    }


def _exposures(exposed: dict[str, list[Person]], names: list[str]) -> list[dict[str, Any]]:
    days = {name: Counter(_at(person).date() for person in mine) for name, mine in exposed.items()}
    every = sorted({day for counted in days.values() for day in counted})
    if not every:
        return []
    span = [every[0] + timedelta(days=number) for number in range((every[-1] - every[0]).days + 1)]
    return [{"day": day.isoformat(), "arms": [days[name][day] for name in names]} for day in span]


def _at(person: Person) -> datetime:
    assert person.exposed_at
    return person.exposed_at


def _sum(person: Person, column: str) -> int:
    return sum(day[column] for day in person.days.values())


def _age(person: Person) -> float:
    return sum(person.age.values())


def _total(people: list[Person]) -> Counter[str]:
    total: Counter[str] = Counter()
    for person in people:
        for day in person.days.values():
            total.update(day)
    return total
