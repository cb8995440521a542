"""Which arm each user is in: a function of the experiment's plan and the user's id, and of nothing else.

Weighted rendezvous hashing ("highest random weight", Thaler and Ravishankar 1998; with weights by the logarithmic
method of Schindelhauer and Schomaker 2005): user u and arm a make a number 0 < r < 1, and u is in the arm with the
least -ln(r) / weight. Such a time is exponential with the rate `weight`, so an arm is the first with the probability
weight / (sum of weights). It does not depend on other arms, so a new weight or a new arm moves only the users that
must move.

    digest = SHA-256 of the JSON array ["arm", seed, name of the arm], no spaces
    a, b   = its first and second 8 bytes, big-endian
    h      = mix(mix(user id XOR a) XOR b)               mix: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)
    r      = (floor(h / 2^12) + 1/2) / 2^52

A user takes part if r of the array ["share", seed] is less than the share.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommendations.experiments.plan import Plan

OUTSIDE = -1  # the place of users who do not take part


def arms_of(plan: Plan, user_ids: int | Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """For each user (ids from -2^63 to 2^63 - 1) the place of the arm in the plan, or OUTSIDE."""
    ids = np.atleast_1d(np.asarray(user_ids, dtype=np.int64))
    places = ids % 2 if plan.assignment == "parity" else _first(plan, ids)
    if plan.share < 100:
        places[_uniform(["share", plan.seed], ids) >= plan.share / 100] = OUTSIDE
    return places


def _first(plan: Plan, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of the arm with the least time; of equal ones the first."""
    places = np.zeros(ids.shape, dtype=np.int64)
    least = np.full(ids.shape, np.inf)
    for place, arm in enumerate(plan.arms):
        times = -np.log(_uniform(["arm", plan.seed, arm.name], ids)) / arm.weight
        sooner = times < least
        places[sooner] = place
        least[sooner] = times[sooner]
    return places


def _uniform(key: list[str], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number between 0 and 1, both excluded, for each id: 52 bits and a half, so none rounds to 0 or 1."""
    digest = hashlib.sha256(json.dumps(key, separators=(",", ":")).encode()).digest()
    first, second = np.frombuffer(digest, dtype=">u8", count=2).astype(np.uint64)
    mixed = _mix(_mix(ids.astype(np.uint64) ^ first) ^ second)
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64, which maps 64 bits one to one; products are modulo 2^64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
