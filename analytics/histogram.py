"""A histogram of durations on a logarithmic scale, whose parts can be added up: percentiles of any window of rollups.

The bins are those of DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
Relative-Error Guarantees", VLDB 2019): each is GAMMA times as wide as the one before, so that any duration is within
RELATIVE_ERROR of the value that stands for its bin. Pure functions; where histograms are stored is rollups.py.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

RELATIVE_ERROR: Final = 0.04
GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
SHORTEST_SECONDS: Final = 1e-6
LONGEST_SECONDS: Final = 1e10

# Bin 0 holds exactly 0; bin b >= 1 holds (SHORTEST * GAMMA ** (b - 1), SHORTEST * GAMMA ** b].
ZERO_BIN: Final = 0
_LOG_GAMMA: Final = math.log(GAMMA)
_LOG_SHORTEST: Final = math.log(SHORTEST_SECONDS)
_MIDDLE: Final = 2 * SHORTEST_SECONDS / (GAMMA + 1)


def bin_of(seconds: float) -> int:
    """The bin of a duration of 0 seconds or more; beyond the shortest and longest it is as if it were these."""
    if seconds <= SHORTEST_SECONDS:
        return 1 if seconds > 0 else ZERO_BIN
    return max(1, math.ceil((math.log(min(seconds, LONGEST_SECONDS)) - _LOG_SHORTEST) / _LOG_GAMMA))


def value_of(bin_number: int) -> float:
    """The duration, in seconds, that stands for a bin: no duration in it is further away than RELATIVE_ERROR."""
    return 0.0 if bin_number == ZERO_BIN else _MIDDLE * math.exp(bin_number * _LOG_GAMMA)


def percentile(bins: Mapping[int, int], fraction: float) -> float | None:
    """percentiles() of one fraction."""
    return percentiles(bins, [fraction])[0]


def percentiles(bins: Mapping[int, int], fractions: Sequence[float]) -> list[float | None]:
    """The durations, in seconds, below which each fraction (0 to 1) of {bin: count} lies; None without any duration.

    Between two neighbouring durations it is interpolated linearly, as PostgreSQL's percentile_cont does: both are
    within RELATIVE_ERROR, and so is what lies between them.
    """
    ordered = sorted(bins.items())
    reached = list(accumulate([count for _, count in ordered]))
    if not reached or not reached[-1]:
        return [None] * len(fractions)

    def value_at(position: int) -> float:
        return value_of(ordered[bisect_right(reached, position)][0])

    found: list[float | None] = []
    for fraction in fractions:
        rank = fraction * (reached[-1] - 1)
        below = math.floor(rank)
        low = value_at(below)
        found.append(low if rank == below else low + (value_at(below + 1) - low) * (rank - below))
    return found
