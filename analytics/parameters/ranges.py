"""Numbers divided into a few ranges of about as many attempts each, with edges that are easy to read.

Only the numbers decide, not how the attempts ended: else the ranges would be chosen to differ.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import NamedTuple

Number = int | float | Decimal


class Range(NamedTuple):
    """The numbers of low <= number < high; None is no bound. first is the smallest number of the attempts in it."""

    low: Decimal | None
    high: Decimal | None
    first: Number

    @property
    def text(self) -> str:
        if self.low is None:
            return "any number" if self.high is None else f"< {_plain(self.high)}"
        return f">= {_plain(self.low)}" if self.high is None else f"{_plain(self.low)} to < {_plain(self.high)}"


def ranges_of(numbers: Sequence[Number], *, most: int, least: int) -> list[Range]:
    """Divide sorted numbers at their quantiles into at most `most` ranges; each holds at least `least`, if all do.

    Equal numbers stay together: where one is very common, ranges are fewer.
    """
    n = len(numbers)
    wanted = max(1, min(most, n // least))
    starts = [0]
    for quantile in range(1, wanted):
        here = n * quantile // wanted
        before, after = bisect_left(numbers, numbers[here]), bisect_right(numbers, numbers[here])
        cut = before if here - before <= after - here else after
        if cut - starts[-1] >= least and n - cut >= least:
            starts.append(cut)
    edges = [None, *(_edge(numbers[start - 1], numbers[start]) for start in starts[1:]), None]
    return [Range(low, high, numbers[start]) for (low, high), start in zip(pairwise(edges), starts, strict=True)]


def _edge(below: Number, above: Number) -> Decimal:
    """The number with the fewest digits of which below < number <= above: 30 between 29.7 and 31.2."""
    low, high = _decimal(below), _decimal(above)
    for power in range(max(low.adjusted(), high.adjusted()) + 1, min(low.adjusted(), high.adjusted()) - 20, -1):
        step = Decimal(1).scaleb(power)
        edge = (high / step).to_integral_value(ROUND_FLOOR) * step
        if low < edge <= high:
            return edge
    return high


def _decimal(number: Number) -> Decimal:
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def _plain(number: Decimal) -> str:
    """The number in digits, 0.0005 and 30000; with an exponent only where digits would be too many."""
    short = number.normalize()
    if not short:
        return "0"
    return f"{short:f}" if -10 < short.adjusted() < 15 else f"{short:e}"
