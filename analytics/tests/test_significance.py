"""Tests of counts, against values by hand and against SciPy; adjusting for many tests."""

import importlib
import math
import random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.parameters.significance import Outcomes, adjusted, difference_p, interaction_p


@pytest.fixture(scope="module")
def scipy() -> ModuleType:
    """Imported by the tests that need it: that takes seconds, and every process of the suite collects this file."""
    return importlib.import_module("scipy.stats")


outcomes = st.integers(0, 200).flatmap(lambda n: st.builds(Outcomes, st.integers(0, n), st.just(n)))


def test_the_lady_tasting_tea() -> None:
    # 3 of 4 against 1 of 4: of the 70 tables with these totals 1 + 16 are as extreme on each side: 34 / 70.
    assert difference_p(Outcomes(3, 4), Outcomes(1, 4)) == pytest.approx(34 / 70)


def test_two_sided_where_the_sides_differ() -> None:
    # 0 of 3 against 4 of 6: C(5,3) = 10 of C(9,3) = 84 tables. P(0..3) = 10, 40, 30, 4 of 84: 10 + 4.
    assert difference_p(Outcomes(0, 3), Outcomes(4, 6)) == pytest.approx(14 / 84)


def test_nothing_to_compare_is_no_difference() -> None:
    assert difference_p(Outcomes(0, 0), Outcomes(3, 7)) == 1
    assert difference_p(Outcomes(0, 0), Outcomes(0, 0)) == 1
    assert difference_p(Outcomes(5, 5), Outcomes(9, 9)) == 1


@given(one=outcomes, other=outcomes)
def test_fisher_is_that_of_scipy(scipy: ModuleType, one: Outcomes, other: Outcomes) -> None:
    table = [[one.successes, one.n - one.successes], [other.successes, other.n - other.successes]]
    assert difference_p(one, other) == pytest.approx(float(scipy.fisher_exact(table).pvalue), rel=1e-6)


@given(outcomes, outcomes)
def test_either_side_and_either_outcome_may_come_first(one: Outcomes, other: Outcomes) -> None:
    p_value = difference_p(one, other)
    assert 0 < p_value <= 1
    assert difference_p(other, one) == pytest.approx(p_value, rel=1e-6)
    mirrored = difference_p(Outcomes(one.n - one.successes, one.n), Outcomes(other.n - other.successes, other.n))
    assert mirrored == pytest.approx(p_value, rel=1e-6)


def test_large_counts_are_approximated_within_a_tenth(scipy: ModuleType) -> None:
    chance = random.Random(1)
    compared = 0
    while compared < 40:
        n, m = chance.randint(20_000, 100_000), chance.randint(20_000, 100_000)
        rate = chance.uniform(0.3, 0.9)
        one = Outcomes(round(n * rate), n)
        other = Outcomes(round(m * min(1.0, rate + chance.uniform(-0.01, 0.01))), m)
        table = [[one.successes, n - one.successes], [other.successes, m - other.successes]]
        exact = float(scipy.fisher_exact(table).pvalue)
        if exact > 1e-6:
            assert difference_p(one, other) == pytest.approx(exact, rel=0.1)
            compared += 1


def test_a_difference_of_a_million_attempts_is_seen() -> None:
    assert difference_p(Outcomes(900_000, 1_000_000), Outcomes(600_000, 1_000_000)) < 1e-300


def test_traits_that_multiply_odds_do_not_interact() -> None:
    # Odds 1, 3, 3 and 9: the half outcomes that are added hardly move these.
    assert interaction_p(Outcomes(900, 1000), Outcomes(750, 1000), Outcomes(750, 1000), Outcomes(500, 1000)) > 0.95


def test_interaction_by_hand() -> None:
    # With the halves: log odds ln(29.5/10.5) = 1.033015 once and ln(10.5/29.5) = -1.033015 otherwise: together 2.066031
    # from 1.033015 + 1.033015 - 1.033015; variance 4 (1/29.5 + 1/10.5) = 0.516546; z = 2.066031 / 0.718711 = 2.874633.
    few, most = Outcomes(10, 39), Outcomes(29, 39)
    assert interaction_p(most, few, few, few) == pytest.approx(math.erfc(2.874633 / math.sqrt(2)), rel=1e-4)


def test_adjusted_by_hand() -> None:
    # Times 4 over the rank: 0.01 * 4, 0.02 * 2, 0.03 * 4/3 = 0.04 and 0.5; none is above one of a higher rank.
    assert adjusted([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.04, 0.5, 0.04, 0.04])
    assert adjusted([]) == []


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_adjusting_is_that_of_scipy(scipy: ModuleType, p_values: list[float]) -> None:
    assert adjusted(p_values) == pytest.approx(list(scipy.false_discovery_control(p_values)), abs=1e-12)
