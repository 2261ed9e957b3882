"""How sure a rate is: the Wilson score interval of a share of successes.

Wilson: "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927). Chosen because it
covers what it promises also for few attempts and for rates near 0 and 1, where the usual rate +/- 1.96 standard errors
does not: Brown, Cai, DasGupta: "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001).
Pure functions; the answers that carry an interval are in figures.py.
"""

import math
from statistics import NormalDist
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Interval(NamedTuple):
    """The lower and upper end of what a rate may truly be; both fractions, 0 <= low <= high <= 1."""

    low: float
    high: float


def wilson(successes: int, n: int) -> Interval | None:
    """The 95 % interval of the rate successes / n; None without any attempt.

    Raises ValueError for counts that no attempts have.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} attempts cannot have succeeded: 0 <= successes <= n.")
    if not n:
        return None
    return wilson_of_rate(successes / n, n)


def wilson_of_rate(rate: float, n: float) -> Interval:
    """The 95 % interval of a rate, 0 to 1, that was observed in n > 0 attempts, or is as sure as if it had been.

    With p = rate and z = 1.96 it is (p + z2/2n +/- z sqrt(p (1 - p)/n + z2/4n2)) / (1 + z2/n), where z2 is z squared.
    It always holds p.
    """
    spread = _Z * _Z / n
    middle = rate + spread / 2
    reach = math.sqrt(spread * (rate * (1 - rate) + spread / 4))
    # At the ends the formula gives exactly 0 and 1; floats would miss them by a hair.
    low = (middle - reach) / (1 + spread) if rate > 0 else 0.0
    high = (middle + reach) / (1 + spread) if rate < 1 else 1.0
    return Interval(max(0.0, min(low, rate)), min(1.0, max(high, rate)))
