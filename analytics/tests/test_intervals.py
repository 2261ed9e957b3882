"""The Wilson interval, against values computed by hand and against what an interval promises."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.figures import Rate, rate_of
from analytics.intervals import wilson

counts = st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))

# By hand, with z2 = 1.959964 squared = 3.841459: 1 of 2 has (0.5 + 0.960365 -/+ sqrt(1.920729 * (0.25 + 0.480182)))
# / 2.920729 = (1.460365 -/+ 1.184268) / 2.920729. For 0 of n the upper end is z2 / (n + z2): 3.841459 / 13.841459.
GOLDEN = [
    (1, 2, 0.094531, 0.905469),
    (0, 10, 0.0, 0.277533),
    (10, 10, 0.722467, 1.0),
    (0, 1, 0.0, 0.793450),
]
# Newcombe: "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I.
PRINTED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("successes", "n", "low", "high"), GOLDEN)
def test_golden_cases(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("successes", "n", "low", "high"), PRINTED)
def test_values_printed_by_newcombe(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5.1e-5)


def test_without_attempts_nothing_is_known() -> None:
    assert wilson(0, 0) is None
    assert rate_of(0, 0) == Rate(successes=0, n=0, rate=None, low=None, high=None)


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2), (0, -1)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="cannot have succeeded"):
        wilson(successes, n)


@given(counts)
def test_the_interval_holds_the_rate_and_stays_a_fraction(count: tuple[int, int]) -> None:
    successes, n = count
    rate = rate_of(successes, n)
    assert rate.rate == successes / n
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1
    assert rate.low < rate.high


@given(counts)
def test_failures_mirror_successes(count: tuple[int, int]) -> None:
    successes, n = count
    of_successes, of_failures = wilson(successes, n), wilson(n - successes, n)
    assert of_successes is not None
    assert of_failures is not None
    assert math.isclose(of_successes.low, 1 - of_failures.high, abs_tol=1e-9)


@given(counts.filter(lambda count: count[1] <= 10**6))
def test_more_of_the_same_makes_it_surer(count: tuple[int, int]) -> None:
    successes, n = count
    few, many = wilson(successes, n), wilson(4 * successes, 4 * n)
    assert few is not None
    assert many is not None
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("n", "rate"), [(10, 0.5), (20, 0.9), (40, 0.97), (200, 0.3)])
def test_it_covers_the_true_rate_about_as_often_as_promised(n: int, rate: float) -> None:
    chance = random.Random(n)
    covered = 0
    for _ in range(2000):
        interval = wilson(sum(chance.random() < rate for _ in range(n)), n)
        covered += interval is not None and interval.low <= rate <= interval.high
    assert covered / 2000 >= 0.92
