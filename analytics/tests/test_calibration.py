"""Figures of confidence: by hand, against scikit-learn, and the verdict on simulated engines."""

import random
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.calibration import (
    BINS,
    UNIT,
    ConfidenceCounts,
    bin_of,
    calibration_of,
    count_confidences,
    counts_of,
    verdict_of,
)

confidences = st.integers(0, UNIT).map(lambda units: units / UNIT)
outcomes = st.lists(st.tuples(confidences, st.booleans()), min_size=1, max_size=150)
Engine = Callable[[random.Random], tuple[float, float]]  # draws a stated confidence and the true chance


def verdicts(engine: Engine, *, n: int, sets: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    found: Counter[str] = Counter()
    for _ in range(sets):
        drawn = [engine(chance) for _ in range(n)]
        found[verdict_of(count_confidences((said, chance.random() < true) for said, true in drawn))[0]] += 1
    return found


# Four attempts at 0.8, three of which succeeded, and one failure at 0.3, by hand:
# Brier (3 * 0.04 + 0.64 + 0.09) / 5 = 0.17; error (4 * 0.05 + 1 * 0.3) / 5 = 0.1; mean 0.7, rate 0.6.
# reliability (4 * 0.0025 + 0.09) / 5 = 0.02; resolution (4 * 0.0225 + 0.36) / 5 = 0.09; uncertainty 0.6 * 0.4 = 0.24.
BY_HAND = [(0.8, True), (0.8, True), (0.8, True), (0.8, False), (0.3, False)]


def test_golden_case() -> None:
    found = calibration_of(count_confidences(BY_HAND))
    assert found.n == 5
    assert found.mean_confidence == pytest.approx(0.7)
    assert found.gap == pytest.approx(0.1)
    assert found.brier_score == pytest.approx(0.17)
    assert found.expected_calibration_error == pytest.approx(0.1)
    assert (found.reliability, found.resolution, found.uncertainty) == pytest.approx((0.02, 0.09, 0.24))
    assert found.within_bins == pytest.approx(0)
    # sqrt(2 / pi) * (sqrt(4 * 0.16) + sqrt(0.21)) / 5 = 0.797885 * (0.8 + 0.458258) / 5
    assert found.error_by_chance == pytest.approx(0.200789, abs=1e-6)
    point = found.curve[7]
    assert (point.above, point.to, point.mean_confidence) == pytest.approx((0.7, 0.8, 0.8))
    assert (point.observed.successes, point.observed.n, point.observed.rate) == (3, 4, 0.75)
    assert point.observed.low == pytest.approx(0.300642, abs=1e-5)
    assert [number for number, point in enumerate(found.curve) if point.observed.n] == [2, 7]


def test_golden_counts() -> None:
    assert counts_of(0.25, True) == (1, 1, 250_000, 62_500_000_000, 250_000)
    assert counts_of(0.25, False) == (1, 0, 250_000, 62_500_000_000, 0)


@pytest.mark.parametrize(
    ("confidence", "number"), [(0, 0), (0.1, 0), (0.1001, 1), (0.3, 2), (0.5, 4), (0.6, 5), (0.9001, 9), (1, 9)]
)
def test_a_bin_holds_its_upper_edge(confidence: float, number: int) -> None:
    assert bin_of(confidence) == number


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan"), float("inf")])
def test_what_is_no_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        counts_of(confidence, True)


def test_without_outcomes_there_are_no_scores() -> None:
    found = calibration_of({})
    assert (found.verdict, found.n, found.brier_score, found.gap) == ("too_little_data", 0, None, None)
    assert len(found.curve) == BINS


@pytest.fixture(scope="module")
def scikit_learn() -> SimpleNamespace:
    """Imported by the one test that needs it: that takes seconds, and every process of the suite collects this file."""
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss

    return SimpleNamespace(calibration_curve=calibration_curve, brier_score_loss=brier_score_loss)


@given(pairs=outcomes)
def test_scores_are_those_of_scikit_learn(scikit_learn: SimpleNamespace, pairs: list[tuple[float, bool]]) -> None:
    found = calibration_of(count_confidences(pairs))
    said, came = [confidence for confidence, _ in pairs], [success for _, success in pairs]
    assert found.brier_score == pytest.approx(scikit_learn.brier_score_loss(came, said), abs=1e-12)
    rates, means = scikit_learn.calibration_curve(came, said, n_bins=BINS, strategy="uniform")
    points = [point for point in found.curve if point.observed.n]
    assert [point.observed.rate for point in points] == pytest.approx(list(rates))
    assert [point.mean_confidence for point in points] == pytest.approx(list(means))


@given(outcomes)
def test_the_parts_of_the_brier_score_add_up(pairs: list[tuple[float, bool]]) -> None:
    found = calibration_of(count_confidences(pairs))
    parts = (found.reliability, found.resolution, found.uncertainty, found.within_bins)
    assert None not in parts
    reliability, resolution, uncertainty, within = (part or 0.0 for part in parts)
    assert reliability - resolution + uncertainty + within == pytest.approx(found.brier_score, abs=1e-12)
    assert min(reliability, resolution, uncertainty) >= 0


@given(outcomes, outcomes)
def test_counts_of_parts_add_up_to_those_of_the_whole(
    one: list[tuple[float, bool]], other: list[tuple[float, bool]]
) -> None:
    first, second = count_confidences(one), count_confidences(other)
    nothing = ConfidenceCounts()
    merged = {number: first.get(number, nothing).plus(second.get(number, nothing)) for number in first | second}
    assert merged == count_confidences([*one, *other])


@given(outcomes)
def test_the_calibration_error_is_never_smaller_than_the_gap(pairs: list[tuple[float, bool]]) -> None:
    found = calibration_of(count_confidences(pairs))
    assert found.gap is not None
    assert found.expected_calibration_error is not None
    assert found.expected_calibration_error >= abs(found.gap) - 1e-12


def same(draw: Callable[[random.Random], float]) -> Engine:
    """An engine whose confidence is the true chance."""

    def engine(chance: random.Random) -> tuple[float, float]:
        said = draw(chance)
        return said, said

    return engine


CALIBRATED = {
    "mostly sure": same(lambda chance: chance.betavariate(8, 2)),
    "undecided": same(lambda chance: chance.betavariate(2, 2)),
    "anything": same(lambda chance: chance.random()),
    "always 0.98": same(lambda chance: 0.98),
    "round numbers": same(lambda chance: chance.choice((0.6, 0.7, 0.8, 0.9, 0.95))),
    "extremes": same(lambda chance: chance.choice((0.02, 0.05, 0.95, 0.98))),
}


@pytest.mark.parametrize("name", CALIBRATED)
@pytest.mark.parametrize("n", [30, 100, 300])
def test_a_calibrated_engine_is_rarely_accused(name: str, n: int) -> None:
    found = verdicts(CALIBRATED[name], n=n, sets=200, seed=n)
    assert found["over_confident"] + found["under_confident"] + found["uneven"] <= 0.05 * 200, found


@pytest.mark.parametrize("name", CALIBRATED)
def test_a_calibrated_engine_is_acquitted_when_there_are_data(name: str) -> None:
    assert verdicts(CALIBRATED[name], n=500, sets=100, seed=5)["well_calibrated"] >= 95


@pytest.mark.parametrize(
    ("engine", "verdict"),
    [
        (lambda chance: (0.9, 0.7), "over_confident"),
        (lambda chance: (chance.uniform(0.7, 1.0), 0.65), "over_confident"),
        (lambda chance: (0.5, 0.75), "under_confident"),
        (lambda chance: (chance.uniform(0.3, 0.6), 0.7), "under_confident"),
        # Right on average, wrong at both ends.
        (lambda chance: chance.choice(((0.95, 0.75), (0.05, 0.25))), "over_confident"),
        (lambda chance: chance.choice(((0.65, 0.95), (0.35, 0.05))), "under_confident"),
        # Too low at one level, too high at another, and neither on average nor at the ends.
        (lambda chance: chance.choice(((0.55, 0.43), (0.75, 0.99), (0.95, 0.83))), "uneven"),
    ],
)
def test_a_wrong_confidence_is_found_out(engine: Engine, verdict: str) -> None:
    assert verdicts(engine, n=150, sets=100, seed=3)[verdict] >= 95


def test_few_outcomes_make_no_verdict() -> None:
    assert verdict_of(count_confidences([(0.99, False)] * 29))[0] == "too_little_data"
    assert verdict_of(count_confidences([(0.99, False)] * 30))[0] == "over_confident"
    # 20 of 40 at 0.5: nothing speaks against it, but it might as well be 0.3 or 0.7.
    verdict, sentence = verdict_of(count_confidences([(0.5, True), (0.5, False)] * 20))
    assert verdict == "too_little_data"
    assert "0.20 of difference" in sentence


def test_a_small_gap_is_no_accusation_however_sure() -> None:
    counts = count_confidences([(0.9, True)] * 8600 + [(0.9, False)] * 1400)
    assert verdict_of(counts) == (
        "well_calibrated",
        "It said 0.90 on average, and 0.86 succeeded (8600 of 10000): no more apart than chance or 0.05.",
    )


def test_certainty_is_refuted_by_failures() -> None:
    counts = count_confidences([(1.0, True)] * 90 + [(1.0, False)] * 10)
    assert verdict_of(counts) == (
        "over_confident",
        "It said 1.00 on average, and 0.90 succeeded (90 of 100): 0.10 too high.",
    )
