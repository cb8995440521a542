"""How many users and days an experiment needs to show a lift, from what users did in the last weeks."""

import math
from typing import Any

from recommendations.experiments.plan import DEFAULT_WINDOW_DAYS
from recommendations.experiments.planning.history import WEEKS, History, TooFewData, history
from recommendations.experiments.statistics.power import POWER, users_per_arm, variation

DEFAULT_LIFT = 0.1
MOST_USERS = 20_000  # their deviation is within 1% of that of all


def plan_for(
    *,
    lift: float = DEFAULT_LIFT,
    window_days: int = DEFAULT_WINDOW_DAYS,
    share: float = 100.0,
    weeks: int = WEEKS,
) -> dict[str, Any]:
    """What two arms of equal weight need to show the lift (0.1: 10%) with a probability of 80%. Raises TooFewData.

    `adjusted` takes out what the 14 days before the exposure explain (CUPED).
    """
    return needs(recent_users(window_days=window_days, weeks=weeks), lift=lift, share=share)


def recent_users(*, window_days: int = DEFAULT_WINDOW_DAYS, weeks: int = WEEKS) -> History:
    """The users that plans are made from. Raises TooFewData."""
    return history(weeks=weeks, window_days=window_days, most_users=MOST_USERS)


def needs(users: History, *, lift: float, share: float = 100.0) -> dict[str, Any]:
    """The same from what `recent_users` found."""
    sums = users.sums
    raw, adjusted = variation(sums), variation(sums, adjusted=True)
    if raw is None:
        raise TooFewData(
            f"None of {users.users:,} users finished a recommended movie within {users.window_days} days, so nothing"
            " can be planned. Use a longer --window-days, or wait."
        )
    product = float(sums.variance) * float(sums.variance_before)
    return {
        "lift": lift,
        "power": POWER,
        "users": users.users,
        "weeks": users.weeks,
        "window_days": users.window_days,
        "recommended_finishes_per_user": float(sums.mean),
        "deviation": math.sqrt(float(sums.variance)),
        "correlation": float(sums.covariance) / math.sqrt(product) if product else 0.0,
        "exposed_a_day": users.exposed_a_day * share / 100,
        "raw": _needed(users, users_per_arm(raw, lift), share),
        "adjusted": _needed(users, users_per_arm(adjusted or raw, lift), share),
    }


def _needed(users: History, per_arm: int, share: float) -> dict[str, int]:
    return {"users_per_arm": per_arm, "days": days_until_matured(users, 2 * per_arm, share)}


def days_until_matured(users: History, wanted: int, share: float) -> int:
    """Days until so many users have been exposed for a whole window, if they come as they did.

    Many come on the first days and fewer later, because each counts once; beyond these weeks, as in their later half.
    """
    place = math.ceil(wanted * 100 / share * users.sampled) - 1
    if place < users.users:
        return math.ceil(float(users.people.exposed_day[place])) + users.window_days
    later = int((users.people.exposed_day >= users.days / 2).sum())
    a_day = max(later, 1) / (users.days / 2)
    return math.ceil(users.days + (place + 1 - users.users) / a_day) + users.window_days
