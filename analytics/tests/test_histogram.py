"""Percentiles from the histogram, against the true ones."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from analytics.histogram import LONGEST_SECONDS, SHORTEST_SECONDS, ZERO_BIN, bin_of, percentile, value_of

durations = st.just(0.0) | st.floats(SHORTEST_SECONDS, LONGEST_SECONDS) | st.floats(-6, 10).map(lambda e: 10**e)
FRACTIONS = (0.5, 0.95, 0.99)


def true_percentile(values: list[float], fraction: float) -> float:
    ordered = sorted(values)
    rank = fraction * (len(ordered) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def within_five_percent(found: float | None, true: float) -> bool:
    return found is not None and abs(found - true) <= 0.05 * true


@given(st.lists(durations, min_size=1, max_size=200))
def test_percentiles_are_within_five_percent_of_the_true_ones(values: list[float]) -> None:
    bins = Counter(map(bin_of, values))
    for fraction in FRACTIONS:
        assert within_five_percent(percentile(bins, fraction), true_percentile(values, fraction))


@given(st.lists(st.lists(durations, max_size=40), min_size=1, max_size=8).filter(any))
def test_histograms_of_parts_add_up_to_that_of_the_whole(parts: list[list[float]]) -> None:
    merged: Counter[int] = Counter()
    for part in parts:
        merged.update(map(bin_of, part))
    everything = [value for part in parts for value in part]
    assert merged == Counter(map(bin_of, everything))
    for fraction in FRACTIONS:
        assert within_five_percent(percentile(merged, fraction), true_percentile(everything, fraction))


@given(durations)
def test_a_value_stands_for_its_bin(seconds: float) -> None:
    assert bin_of(value_of(bin_of(seconds))) == bin_of(seconds)


def test_zero_has_a_bin_of_its_own() -> None:
    assert bin_of(0) == bin_of(-0.0) == ZERO_BIN
    assert bin_of(5e-324) != ZERO_BIN
    assert value_of(ZERO_BIN) == 0
    assert percentile({ZERO_BIN: 3}, 0.99) == 0


def test_what_lies_beyond_the_scale_is_as_if_at_its_ends() -> None:
    assert bin_of(1e-300) == bin_of(SHORTEST_SECONDS) == 1
    assert bin_of(1.7e308) == bin_of(math.inf) == bin_of(LONGEST_SECONDS)


def test_without_durations_there_is_no_percentile() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({7: 0}, 0.5) is None
