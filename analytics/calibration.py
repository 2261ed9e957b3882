"""Does a stated confidence mean anything? Reliability curve, Brier score, calibration error, and a verdict in words.

Everything is computed from counts by bin of confidence, which add up and can be taken away again without a rest, since
they are whole numbers: a rollup may keep them. Pure functions: who keeps the counts, and of whom, is not told here.

Sources. Brier score: Brier, "Verification of Forecasts Expressed in Terms of Probability", Monthly Weather Review 78
(1950); its parts: Murphy, "A New Vector Partition of the Probability Score", J. Applied Meteorology 12 (1973). Expected
calibration error: Naeini, Cooper, Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI
2015; Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, with bins of equal width.
Test of calibration: Spiegelhalter, "Probabilistic Prediction in Patient Management and Clinical Trials", Statistics in
Medicine 5 (1986).
"""

import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from analytics.figures import Rate, rate_of

BINS: Final = 10
UNIT: Final = 1_000_000  # sums of confidences are kept in millionths: whole numbers add up exactly

# The rule of the verdict; see verdict_of.
LEAST_COUNT: Final = 30
LEAST_GAP: Final = 0.05
WIDEST_DOUBT: Final = 0.1
ERROR_OF_EACH_TEST: Final = 0.01
_CRITICAL: Final = NormalDist().inv_cdf(1 - ERROR_OF_EACH_TEST / 2)

# The mean of |x|, and its standard deviation, for a normal variable x of mean 0 and standard deviation 1.
_FOLDED_MEAN: Final = math.sqrt(2 / math.pi)
_FOLDED_DEVIATION: Final = math.sqrt(1 - 2 / math.pi)
_CRITICAL_ABOVE: Final = NormalDist().inv_cdf(1 - ERROR_OF_EACH_TEST)

Verdict = Literal["over_confident", "under_confident", "uneven", "well_calibrated", "too_little_data"]


class ConfidenceCounts(NamedTuple):
    """What is kept of the confidences in one bin: whole numbers only. c is a confidence in millionths."""

    outcomes: int = 0
    successes: int = 0
    confidence: int = 0  # the sum of c
    squares: int = 0  # the sum of c * c
    confidence_of_successes: int = 0  # the sum of c over the successes

    def plus(self, other: "ConfidenceCounts") -> "ConfidenceCounts":
        """Both together."""
        return ConfidenceCounts(*map(sum, zip(self, other, strict=True)))


class ReliabilityBin(Struct, kw_only=True, frozen=True):
    """One point of the reliability curve: confidences above `above` (from 0 on in the first) up to `to`."""

    above: float
    to: float
    mean_confidence: float | None
    observed: Rate


class Calibration(Struct, kw_only=True, frozen=True):
    """What stated confidences were worth. Scores are null without any; n is how many outcomes are known.

    gap is mean_confidence - rate: positive is over-confident. brier_score = reliability - resolution + uncertainty +
    within_bins (what the bins do not see; small); 0 is perfect, and saying 0.5 always gives 0.25. Of the expected
    calibration error, error_by_chance is what a perfectly calibrated engine would have shown, from so few.
    """

    verdict: Verdict
    sentence: str
    n: int
    mean_confidence: float | None
    observed: Rate
    gap: float | None
    brier_score: float | None
    reliability: float | None
    resolution: float | None
    uncertainty: float | None
    within_bins: float | None
    expected_calibration_error: float | None
    error_by_chance: float | None
    curve: list[ReliabilityBin]


def bin_of(confidence: float) -> int:
    """The bin, 0 to 9, of a confidence from 0 to 1: bin b holds (b / 10, (b + 1) / 10], and bin 0 also 0."""
    return max(0, (_units(confidence) - 1) * BINS // UNIT)


def counts_of(confidence: float, success: bool) -> ConfidenceCounts:
    """What one outcome adds to its bin. Raises ValueError for a confidence that is not within 0 and 1."""
    units = _units(confidence)
    return ConfidenceCounts(1, int(success), units, units * units, units if success else 0)


def count_confidences(outcomes: Iterable[tuple[float, bool]]) -> dict[int, ConfidenceCounts]:
    """The counts by bin of (confidence, success) pairs; bins that hold nothing are not in it."""
    bins: dict[int, ConfidenceCounts] = {}
    for confidence, success in outcomes:
        number = bin_of(confidence)
        bins[number] = bins.get(number, ConfidenceCounts()).plus(counts_of(confidence, success))
    return bins


def calibration_of(bins: Mapping[int, ConfidenceCounts]) -> Calibration:
    """All figures of the counts by bin (bin_of).

    They are those of the confidences rounded to millionths, and otherwise exact.
    """
    total = ConfidenceCounts()
    for counts in bins.values():
        total = total.plus(counts)
    n = total.outcomes
    observed = rate_of(total.successes, n)
    curve = [_reliability_bin(number, bins.get(number, ConfidenceCounts())) for number in range(BINS)]
    mean_confidence = total.confidence / (n * UNIT) if n else None
    verdict, sentence = verdict_of(bins)
    if observed.rate is None or mean_confidence is None:
        return Calibration(
            verdict=verdict,
            sentence=sentence,
            n=0,
            mean_confidence=None,
            observed=observed,
            gap=None,
            brier_score=None,
            reliability=None,
            resolution=None,
            uncertainty=None,
            within_bins=None,
            expected_calibration_error=None,
            error_by_chance=None,
            curve=curve,
        )
    brier = (total.squares - 2 * UNIT * total.confidence_of_successes + UNIT * UNIT * total.successes) / (n * UNIT**2)
    reliability = resolution = error = error_by_chance = 0.0
    for counts in bins.values():
        if counts.outcomes:
            rate = counts.successes / counts.outcomes
            distance = abs(counts.confidence / (counts.outcomes * UNIT) - rate)
            reliability += counts.outcomes * distance**2 / n
            resolution += counts.outcomes * (rate - observed.rate) ** 2 / n
            error += counts.outcomes * distance / n
            error_by_chance += _FOLDED_MEAN * math.sqrt(_variance(counts)) / n
    uncertainty = observed.rate * (1 - observed.rate)
    return Calibration(
        verdict=verdict,
        sentence=sentence,
        n=n,
        mean_confidence=mean_confidence,
        observed=observed,
        gap=mean_confidence - observed.rate,
        brier_score=brier,
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within_bins=brier - (reliability - resolution + uncertainty),
        expected_calibration_error=error,
        error_by_chance=error_by_chance,
        curve=curve,
    )


def verdict_of(bins: Mapping[int, ConfidenceCounts]) -> tuple[Verdict, str]:
    """The verdict, and a sentence that gives its reason.

    Below 30 outcomes it is too_little_data. Then the number of successes is compared with the sum of the confidences,
    which it would be on average if these were true: (successes - sum c) / sqrt(sum c (1 - c)) is then close to normal.
    If it is too far off for chance, and the mean confidence differs from the rate by at least 0.05, the engine is over-
    or under-confident. Spiegelhalter's z, sum (y - c) (1 - 2c) / sqrt(sum (1 - 2c)^2 c (1 - c)), asks the same of the
    distance from 0.5: an engine that is right on average, but whose sure calls in both directions come true less often
    than it says, is over-confident too; if more often, under-confident. Where both speak, the first has the word unless
    the second is more than twice as strong. An engine for which neither speaks may still be wrong level by level, too
    high at one and too low at another: if the expected calibration error is at least 0.05 above that of chance, and
    too far above it for chance, the engine is uneven. Else it is well_calibrated, if a gap of 0.1 would have been
    noticed; if not, it is too_little_data as well.

    Each of the three tests errs in about 1 % (with a continuity correction, since successes are whole), so that fewer
    than 5 % of well calibrated engines are called anything else, also where the normal curve fits badly.
    """
    total = ConfidenceCounts()
    variance = weighted_variance = weights = apart = apart_by_chance = 0.0
    for counts in bins.values():
        total = total.plus(counts)
        variance += _variance(counts)
        weighted_variance += _weighted_variance(counts)
        # No bin reaches over 0.5: within one, every confidence lies on the same side of it.
        weights += abs(counts.outcomes - 2 * counts.confidence / UNIT)
        apart += max(0.0, abs(counts.confidence / UNIT - counts.successes) - 0.5)
        apart_by_chance += _FOLDED_MEAN * math.sqrt(_variance(counts))
    n, stated = total.outcomes, total.confidence / UNIT
    if n < LEAST_COUNT:
        return "too_little_data", f"{n} known outcomes with a confidence: at least {LEAST_COUNT} are needed."
    excess = stated - total.successes
    extremity = (
        total.successes * UNIT**2
        - 2 * UNIT * total.confidence_of_successes
        - UNIT * total.confidence
        + 2 * total.squares
    ) / UNIT**2
    level_z = _z(excess, variance) if abs(excess) >= LEAST_GAP * n else 0.0
    extremity_z = _z(extremity, weighted_variance) if abs(extremity) >= LEAST_GAP * weights else 0.0
    said = f"It said {stated / n:.2f} on average, and {total.successes / n:.2f} succeeded ({total.successes} of {n})"
    if level_z > _CRITICAL and 2 * level_z >= extremity_z:
        gap = f"{abs(excess) / n:.2f} too {'high' if excess > 0 else 'low'}"
        return "over_confident" if excess > 0 else "under_confident", f"{said}: {gap}."
    if extremity_z > _CRITICAL:
        gap = f"{abs(extremity) / weights:.2f} {'nearer to' if extremity > 0 else 'further from'} even odds"
        return "over_confident" if extremity > 0 else "under_confident", f"{said}, but the outcomes were {gap}."
    beyond_chance = apart - apart_by_chance
    if beyond_chance > max(LEAST_GAP * n, _CRITICAL_ABOVE * _FOLDED_DEVIATION * math.sqrt(variance)):
        return "uneven", f"{said}, but level by level the outcomes were {apart / n:.2f} off, up and down."
    doubt = _CRITICAL * math.sqrt(variance) / n
    if doubt > WIDEST_DOUBT:
        return "too_little_data", f"{said}: with so few outcomes, chance alone makes {doubt:.2f} of difference."
    return "well_calibrated", f"{said}: no more apart than chance or {LEAST_GAP:.2f}."


def _units(confidence: float) -> int:
    if not 0 <= confidence <= 1:
        raise ValueError(f"A confidence is a number from 0 to 1, not {confidence}.")
    return round(confidence * UNIT)


def _z(difference: float, variance: float) -> float:
    """How many standard deviations a sum is from 0; half an outcome is let off, since outcomes are whole."""
    beyond = max(0.0, abs(difference) - 0.5)
    if not variance:
        return math.inf if beyond else 0.0
    return beyond / math.sqrt(variance)


def _variance(counts: ConfidenceCounts) -> float:
    """The variance of the number of successes, if the confidences are true: the sum of c (1 - c)."""
    return (counts.confidence * UNIT - counts.squares) / UNIT**2


def _weighted_variance(counts: ConfidenceCounts) -> float:
    """The sum of f(c) = (1 - 2c)^2 c (1 - c), to the second order around the mean of the bin: within about 1 %."""
    if not counts.outcomes:
        return 0.0
    mean = counts.confidence / (counts.outcomes * UNIT)
    spread = counts.squares / (counts.outcomes * UNIT**2) - mean * mean
    value = (1 - 2 * mean) ** 2 * mean * (1 - mean)
    curvature = -10 + 48 * mean - 48 * mean * mean
    return counts.outcomes * max(0.0, value + curvature * spread / 2)


def _reliability_bin(number: int, counts: ConfidenceCounts) -> ReliabilityBin:
    return ReliabilityBin(
        above=number / BINS,
        to=(number + 1) / BINS,
        mean_confidence=counts.confidence / (counts.outcomes * UNIT) if counts.outcomes else None,
        observed=rate_of(counts.successes, counts.outcomes),
    )
