"""The split check: whether the numbers of users in the arms are what the weights promise.

If they are not, users were lost or dealt wrongly, and no comparison of the arms means anything.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

LEAST_P = 0.001
MOST_E = 1000.0
PRIOR_USERS = (
    100.0  # the alternative's shares are about 5 points from the planned ones, as those of real faults are
)


class Split(NamedTuple):
    """p: of a chi-square test at this look. e: evidence against the weights that is valid at every look."""

    p: float
    e: float
    ok: bool


def split_check(observed: Sequence[int], weights: Sequence[float]) -> Split:
    """The check of the users seen in each arm. Nobody was seen yet: it is ok.

    p is Pearson's chi-square test with one degree of freedom less than arms. It is for one look: at daily looks one
    healthy experiment in 100 is below 0.001 at some time.

    e is the probability of the counts with shares from a Dirichlet distribution around the planned ones, over their
    probability with the planned ones (Lindon and Malek: "Anytime-valid inference for multinomial count data", 2022).
    In a healthy experiment it ever reaches 1000 with a probability of at most 1/1000.
    """
    users, whole = sum(observed), sum(weights)
    shares = [weight / whole for weight in weights]
    if not users:
        return Split(1.0, 1.0, True)
    distance = sum(
        (seen - users * share) ** 2 / (users * share) for seen, share in zip(observed, shares, strict=True)
    )
    log_e = math.lgamma(PRIOR_USERS) - math.lgamma(PRIOR_USERS + users)
    for seen, share in zip(observed, shares, strict=True):
        prior = PRIOR_USERS * share
        log_e += math.lgamma(prior + seen) - math.lgamma(prior) - seen * math.log(share)
    p, e = chi_square_tail(distance, len(shares) - 1), math.exp(min(log_e, 700.0))
    return Split(p, e, p >= LEAST_P and e < MOST_E)


def chi_square_tail(distance: float, degrees: int) -> float:
    """The probability that a chi-square of `degrees` is at least `distance`: the finite sums for whole degrees.

    Abramowitz and Stegun, 26.4.4 and 26.4.5.
    """
    half = distance / 2
    if degrees % 2:
        tail, term, steps = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half / math.pi) * 2, 1.5
    else:
        tail, term, steps = 0.0, math.exp(-half), 1.0
    for step in range(degrees // 2):
        tail += term
        term *= half / (steps + step)
    return min(tail, 1.0)
