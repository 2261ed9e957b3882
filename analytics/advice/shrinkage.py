"""Success rates of small groups, drawn towards the rate of the larger group they are part of. Pure functions.

A group with s successes and f failures, whose parent is believed to succeed with probability p, gets the rate
(s + k p) / (s + f + k): the mean of the beta-binomial posterior, in which the parent counts for k attempts. k is not
set but learned from all groups of a level: the marginal likelihood of their counts weighs each k of a fixed grid, and
the estimate is the mean over the grid (empirical Bayes: Casella, "An Introduction to Empirical Bayes Data Analysis",
The American Statistician 39, 1985; averaging: Hoeting, Madigan, Raftery, Volinsky, "Bayesian Model Averaging",
Statistical Science 14, 1999). One point of the grid is infinite, "these groups do not differ": most of the belief
lies there before any evidence, so that a level without structure changes next to nothing. What the levels are is
estimate.py.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from analytics.intervals import Interval, wilson_of_rate

# For how many attempts the parent may count: from hardly any to nearly all. A finer grid says the same.
FINITE_STRENGTHS: Final = (0.5, 2.0, 8.0, 32.0, 128.0)
# How much of the belief is that groups differ at all. Less, and structure is found late; more, and much is paid where
# there is none.
DIFFERENT_BEFORE_EVIDENCE: Final = 0.25
# (strength, weight) of what is believed of a rate before anything ended, around a half: Jeffreys' prior, and that it
# happens nearly always or nearly never, which is soon given up where it does not hold.
FIRST_PRIORS: Final = ((1.0, 0.75), (0.1, 0.25))


class Counts(NamedTuple):
    """Attempts that ended with success and that failed; no others count."""

    successes: int = 0
    failures: int = 0

    @property
    def n(self) -> int:
        return self.successes + self.failures

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.successes + other.successes, self.failures + other.failures)


def total_of(parts: Iterable[Counts]) -> Counts:
    """All of them together."""
    successes = failures = 0
    for part in parts:
        successes += part.successes
        failures += part.failures
    return Counts(successes, failures)


class Belief(NamedTuple):
    """What is believed of a success rate: its mean, 0 < mean < 1, and its variance."""

    mean: float
    variance: float


class Group(NamedTuple):
    """The counts of a group, and of the parent it is part of, with the parent's believed rate."""

    counts: Counts
    parent: Counts
    parent_mean: float

    @property
    def is_all(self) -> bool:
        """Whether the parent holds nothing else: such a group repeats its parent's evidence and must not count anew."""
        return self.counts.n >= self.parent.n


class Strength(NamedTuple):
    """How probable each of FINITE_STRENGTHS is, and that groups do not differ; together 1."""

    finite: tuple[float, ...]
    infinite: float

    def reach(self, n: int) -> float:
        """How far, 0 to 1, the belief of a group of n attempts is their own: the weight that shrink() gives them."""
        return math.fsum(weight * n / (n + k) for k, weight in zip(FINITE_STRENGTHS, self.finite, strict=True))

    @property
    def explained(self) -> float:
        """The share, 0 to 1, of the variance of outcomes that lies between groups: 1 / (k + 1), if k is the strength.

        It is the intraclass correlation of the beta-binomial distribution (Griffiths, Biometrics 29, 1973).
        """
        return math.fsum(weight / (k + 1) for k, weight in zip(FINITE_STRENGTHS, self.finite, strict=True))


def first_belief(counts: Counts) -> Belief:
    """Of the rate of all attempts: the counts, and FIRST_PRIORS, each as probable as it foresaw them."""
    likelihoods = [_log_likelihood(counts, 0.5, strength) for strength, _ in FIRST_PRIORS]
    highest = max(likelihoods)
    weights = [
        weight * math.exp(likelihood - highest)
        for likelihood, (_, weight) in zip(likelihoods, FIRST_PRIORS, strict=True)
    ]
    mean = square = 0.0
    for weight, (strength, _) in zip(weights, FIRST_PRIORS, strict=True):
        total = counts.n + strength
        mean_of_it = (counts.successes + strength / 2) / total
        mean += weight * mean_of_it
        square += weight * (mean_of_it * (1 - mean_of_it) / (total + 1) + mean_of_it**2)
    whole = math.fsum(weights)
    mean /= whole
    return Belief(mean, max(square / whole - mean**2, 0.0))


def learn_strength(groups: Iterable[Group], different: float = DIFFERENT_BEFORE_EVIDENCE) -> Strength:
    """From the groups of one level; their parents may be several. different: the belief beforehand that they differ."""
    finite = [0.0] * len(FINITE_STRENGTHS)
    infinite = 0.0
    # A single attempt is as probable under every strength: it says nothing of it.
    telling = Counter((group.counts, group.parent_mean) for group in groups if group.counts.n > 1 and not group.is_all)
    for (counts, mean), times in telling.items():
        infinite += times * (counts.successes * math.log(mean) + counts.failures * math.log1p(-mean))
        for position, strength in enumerate(FINITE_STRENGTHS):
            finite[position] += times * _log_likelihood(counts, mean, strength)
    highest = max(infinite, *finite)
    share = different / len(finite)
    weights = [share * math.exp(likelihood - highest) for likelihood in finite]
    weight = (1 - different) * math.exp(infinite - highest)
    total = math.fsum((*weights, weight))
    return Strength(tuple(part / total for part in weights), weight / total)


def shrink(group: Group, parent: Belief, strength: Strength, shift: float = 0.0) -> Belief:
    """What is believed of a group, given what is believed of its parent now. It lies between the two.

    shift: see successes_of().
    """
    counts = group.counts
    if not counts.n or group.is_all:
        return parent
    successes = successes_of(counts, shift)
    mean = strength.infinite * parent.mean
    square = strength.infinite * (parent.variance + parent.mean**2)
    for k, weight in zip(FINITE_STRENGTHS, strength.finite, strict=True):
        total = counts.n + k
        mean_of_k = (successes + k * parent.mean) / total
        # The law of total variance: of the group's rate, and of the parent's as far as it counts here.
        variance = mean_of_k * (1 - mean_of_k) / (total + 1) + (k / total) ** 2 * parent.variance
        mean += weight * mean_of_k
        square += weight * (variance + mean_of_k**2)
    return Belief(mean, max(square - mean**2, 0.0))


def combine(parent: Belief, parts: Sequence[tuple[Belief, float]]) -> Belief:
    """What is believed of several groups of one parent at once, each with the variance that its level explains.

    The log odds are averaged with these weights: a level without effect does not dilute the others, and levels that
    tell the same are not counted twice. (They are not added up as if they were independent; where they are,
    the estimate is too cautious.) The spread is that of parts which err together, the widest there is.
    """
    total = math.fsum(weight for _, weight in parts)
    if not total:
        return parent
    if len(parts) == 1:
        return parts[0][0]
    odds = math.fsum(weight * log_odds(part.mean) for part, weight in parts) / total
    spread = math.fsum(weight * math.sqrt(part.variance) / (part.mean * (1 - part.mean)) for part, weight in parts)
    mean = 1 / (1 + math.exp(-odds))
    return Belief(mean, (spread / total * mean * (1 - mean)) ** 2)


def log_odds(mean: float) -> float:
    return math.log(mean / (1 - mean))


def successes_of(counts: Counts, shift: float) -> float:
    """How many successes there would have been, had their log odds been higher by shift; on average, no whole number.

    That of all or none is not certain: half a success and half a failure are added to see how far a rate would move.
    """
    if not shift or not counts.n:
        return counts.successes
    seen = (counts.successes + 0.5) / (counts.n + 1)
    moved = counts.successes / counts.n + 1 / (1 + math.exp(-log_odds(seen) - shift)) - seen
    return counts.n * min(1.0, max(0.0, moved))


def interval(belief: Belief) -> Interval:
    """Where the rate lies, with 95 %: the Wilson interval of as many attempts as the belief is worth.

    A beta distribution with this mean m and variance v is worth m (1 - m) / v - 1 attempts.
    """
    mean, variance = belief
    most = mean * (1 - mean)
    # Nothing is known less well than with Jeffreys' prior alone, which is worth one attempt.
    return wilson_of_rate(mean, max(most / variance - 1, 1.0) if variance > most * 1e-12 else 1e12)


def _log_likelihood(counts: Counts, mean: float, strength: float) -> float:
    """Of the outcomes of a group, one after another, whose rate is beta distributed with this mean and strength."""
    success, failure = strength * mean, strength * (1 - mean)
    return (
        math.lgamma(counts.successes + success)
        - math.lgamma(success)
        + math.lgamma(counts.failures + failure)
        - math.lgamma(failure)
        + math.lgamma(strength)
        - math.lgamma(counts.n + strength)
    )
