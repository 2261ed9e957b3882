"""Is a difference larger than chance? Exact and approximate tests of counts, and what to believe of many tests.

Sources. Fisher: "The Logic of Inductive Inference", J. Royal Statistical Society 98 (1935). Yates: "Contingency Tables
Involving Small Numbers and the chi-squared Test", Supplement to the same 1 (1934). Woolf: "On Estimating the Relation
between Blood Group and Disease", Annals of Human Genetics 19 (1955), with half an outcome added to each cell as in
Haldane, the same 20 (1956). Benjamini, Hochberg: "Controlling the False Discovery Rate", J. Royal Statistical Society B
57 (1995). Pure functions; which tests are made, of what, is in effectiveness.py.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

FALSE_DISCOVERY_RATE: Final = 0.05

# Tables whose probability differs by less than this (relatively) are equally likely: rounding must not part them.
_TIE: Final = 1e-7
_NEGLIGIBLE: Final = 1e-18
# The exact sum walks some standard deviations to both sides. From here on the approximation errs by a few percent.
EXACT_UP_TO_DEVIATION: Final = 50.0


class Outcomes(NamedTuple):
    """successes of n attempts."""

    successes: int
    n: int

    @property
    def rate(self) -> float:
        return self.successes / self.n

    def without(self, part: "Outcomes") -> "Outcomes":
        """These without some of them."""
        return Outcomes(self.successes - part.successes, self.n - part.n)


def difference_p(one: Outcomes, other: Outcomes) -> float:
    """The two-sided p-value of the same success rate in both: Fisher's exact test.

    Exact, because it never promises more than it holds, with few attempts and with rates near 0 and 1. It sums the
    probability of all tables with the same totals that are no likelier than this one. Where the count of successes
    varies by more than 50 by chance, the chi-square test with Yates' correction stands for it; both are then within a
    few percent. Without attempts on one side it is 1.
    """
    n = one.n + other.n
    successes = one.successes + other.successes
    variance = one.n * other.n / n * successes / n * (n - successes) / n if n else 0.0
    if not variance:
        return 1.0
    if variance > EXACT_UP_TO_DEVIATION**2:
        distance = abs(one.successes - one.n * successes / n)
        return math.erfc(max(0.0, distance - 0.5) / math.sqrt(2 * variance))
    return _fisher(one.successes, one.n, successes, n)


def interaction_p(both: Outcomes, first: Outcomes, second: Outcomes, neither: Outcomes) -> float:
    """The two-sided p-value of two traits that act independently: their odds ratios multiply. Woolf's test.

    `first` are the outcomes with the first trait only, `second` with the second only. log odds are compared, with half
    an outcome added to each count, which keeps it cautious where outcomes are few.
    """
    cells = (both, first, second, neither)
    logs = [math.log((cell.successes + 0.5) / (cell.n - cell.successes + 0.5)) for cell in cells]
    variance = sum(1 / (cell.successes + 0.5) + 1 / (cell.n - cell.successes + 0.5) for cell in cells)
    return math.erfc(abs(logs[0] - logs[1] - logs[2] + logs[3]) / math.sqrt(2 * variance))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the same order: Benjamini and Hochberg's step-up procedure.

    Those of at most FALSE_DISCOVERY_RATE are discoveries. On average no more than that share of them is due to chance;
    where there is nothing to discover, there is no discovery in at least 95 % of cases.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    result = [1.0] * len(p_values)
    smallest = 1.0
    for larger_or_equal, position in enumerate(order):
        rank = len(p_values) - larger_or_equal
        smallest = min(smallest, p_values[position] * len(p_values) / rank)
        result[position] = smallest
    return result


def _fisher(observed: int, one_n: int, successes: int, n: int) -> float:
    """The sum of the hypergeometric probabilities that are no larger than that of `observed` successes of `one_n`."""
    lowest, highest = max(0, one_n - (n - successes)), min(one_n, successes)

    def log_probability(k: int) -> float:
        return _log_choose(successes, k) + _log_choose(n - successes, one_n - k) - _log_choose(n, one_n)

    def up(k: int) -> float:  # P(k + 1) / P(k)
        return (successes - k) * (one_n - k) / ((k + 1) * (n - successes - one_n + k + 1))

    limit = log_probability(observed) + _TIE
    mode = min(max((one_n + 1) * (successes + 1) // (n + 2), lowest), highest)
    if log_probability(mode) <= limit:
        return 1.0

    def tail(last: int, step: int) -> float:
        """The sum of those on one side of the mode, where the probabilities fall towards `last`."""
        likelier, rarer = mode, last + step
        while abs(rarer - likelier) > 1:
            middle = (likelier + rarer) // 2
            if log_probability(middle) <= limit:
                rarer = middle
            else:
                likelier = middle
        total, k = 0.0, rarer
        term = math.exp(log_probability(k)) if k != last + step else 0.0
        while term > total * _NEGLIGIBLE:
            total += term
            if k == last:
                break
            term *= up(k) if step > 0 else 1 / up(k - 1)
            k += step
        return total

    return min(1.0, tail(lowest, -1) + tail(highest, 1))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
