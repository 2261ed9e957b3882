import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.advice.shrinkage import (
    FINITE_STRENGTHS,
    Belief,
    Counts,
    Group,
    Strength,
    combine,
    first_belief,
    interval,
    learn_strength,
    shrink,
    successes_of,
    total_of,
)

MANY = Counts(1000, 1000)
counts = st.builds(Counts, st.integers(0, 5000), st.integers(0, 5000))
means = st.floats(0.001, 0.999)
beliefs = st.builds(lambda mean, share: Belief(mean, share * mean * (1 - mean)), means, st.floats(0.0, 0.5))


def only(strength: float) -> Strength:
    return Strength(tuple(float(strength == finite) for finite in FINITE_STRENGTHS), float(strength == math.inf))


def test_before_any_evidence_half_is_believed_with_more_than_jeffreys_doubt() -> None:
    # The variances of the beta distributions of 0.5 and 0.5, and of 0.05 and 0.05.
    assert first_belief(Counts()) == pytest.approx((0.5, 0.75 * 0.25 / 2 + 0.25 * 0.25 / 1.1))


def test_of_three_successes_and_a_failure_about_seven_tenths_are_believed() -> None:
    # Jeffreys' prior foresees them with (0.5 * 1.5 * 2.5 * 0.5) / (1 * 2 * 3 * 4) and has 3.5 / 5 = 0.7; the
    # other with (0.05 * 1.05 * 2.05 * 0.05) / (0.1 * 1.1 * 2.1 * 3.1) and has 3.05 / 4.1.
    jeffreys, other = 0.75 * 0.9375 / 24, 0.25 * 0.00538125 / 0.7161
    believed = (jeffreys * 0.7 + other * 3.05 / 4.1) / (jeffreys + other)
    assert first_belief(Counts(3, 1)).mean == pytest.approx(believed)


def test_what_never_fails_is_soon_believed_in_and_a_single_failure_ends_that() -> None:
    assert 0.96 < first_belief(Counts(10, 0)).mean < 0.99
    # With one failure in eleven, nearly as Jeffreys' prior alone: 10.5 / 12.
    assert first_belief(Counts(10, 1)).mean == pytest.approx(10.5 / 12, abs=0.005)


def test_two_successes_beside_a_parent_worth_two_attempts() -> None:
    belief = shrink(Group(Counts(2, 0), MANY, 0.5), Belief(0.5, 0.08), only(2.0))
    # (2 + 2/2) / 4 = 3/4;  3/4 * 1/4 / 5 + (2/4)^2 * 0.08 = 3/80 + 0.02
    assert belief == pytest.approx((0.75, 3 / 80 + 0.02))


def test_groups_that_do_not_differ_are_believed_to_be_their_parent() -> None:
    parent = Belief(0.8, 0.01)
    assert shrink(Group(Counts(0, 50), MANY, 0.8), parent, only(math.inf)) == pytest.approx(parent)


@pytest.mark.parametrize("own", [Counts(), Counts(3, 7)])
def test_a_group_without_attempts_or_with_all_of_them_says_nothing_new(own: Counts) -> None:
    parent = Belief(0.8, 0.01)
    assert shrink(Group(own, Counts(3, 7), 0.8), parent, only(1.0)) == parent


def test_the_strength_is_weighed_by_the_marginal_likelihood() -> None:
    learned = learn_strength([Group(Counts(2, 0), MANY, 0.5), Group(Counts(0, 2), MANY, 0.5)])
    # Infinite: (1/4)^2. Strength 2 is uniform: (1/3)^2. A quarter of the belief is shared by the finite ones.
    two = FINITE_STRENGTHS.index(2.0)
    assert learned.finite[two] / learned.infinite == pytest.approx((1 / 9) / (1 / 16) / len(FINITE_STRENGTHS) / 3)
    assert sum(learned.finite) + learned.infinite == pytest.approx(1)


def test_single_attempts_and_groups_that_are_all_of_their_parent_teach_no_strength() -> None:
    silent = [Group(Counts(1, 0), MANY, 0.1), Group(Counts(0, 9), Counts(0, 9), 0.9)]
    assert learn_strength(silent) == learn_strength([])
    assert learn_strength([]).infinite == pytest.approx(0.75)
    assert learn_strength([], 0.9).infinite == pytest.approx(0.1)


def test_the_variance_that_a_level_explains_is_one_of_strength_plus_one() -> None:
    assert only(2.0).explained == pytest.approx(1 / 3)
    assert only(math.inf).explained == 0


def test_groups_that_differ_are_told_from_groups_that_do_not() -> None:
    differing = [Group(Counts(20, 0), MANY, 0.5), Group(Counts(0, 20), MANY, 0.5)] * 3
    alike = [Group(Counts(10, 10), MANY, 0.5), Group(Counts(11, 9), MANY, 0.5)] * 10
    assert learn_strength(differing).infinite < 1e-6
    assert learn_strength(alike).infinite > 0.8


def test_beliefs_are_combined_by_the_mean_of_their_log_odds() -> None:
    # Odds of 4 and of 1: their geometric mean is 2.
    combined = combine(Belief(0.3, 0.01), [(Belief(0.8, 0.0), 0.5), (Belief(0.5, 0.0), 0.5)])
    assert combined == pytest.approx((2 / 3, 0.0))


def test_levels_that_do_not_matter_do_not_dilute_the_others() -> None:
    parent, telling = Belief(0.5, 0.01), Belief(0.9, 0.02)
    assert combine(parent, [(telling, 0.7), (parent, 0.0)]) == pytest.approx(telling)
    assert combine(parent, [(telling, 0.0)]) == parent
    assert combine(parent, []) == parent


def test_the_interval_of_jeffreys_prior_is_that_of_one_attempt() -> None:
    # n = 1, p = 1/2: (1/2 + 1.9207 -/+ sqrt(3.8415 * (1/4 + 0.9604))) / 4.8415
    assert interval(first_belief(Counts())) == pytest.approx((0.05462, 0.94538), abs=1e-5)


def test_counts_add_up() -> None:
    assert total_of([Counts(1, 2), Counts(3, 4)]) == Counts(4, 6)
    assert total_of([]).n == 0


@given(beliefs)
def test_the_interval_holds_the_mean(belief: Belief) -> None:
    low, high = interval(belief)
    assert 0 <= low <= belief.mean <= high <= 1


@given(counts, beliefs, st.lists(st.builds(Group, counts, st.just(Counts(9999, 9999)), means), max_size=8))
def test_what_is_believed_lies_between_the_parent_and_the_observed_rate(
    own: Counts, parent: Belief, others: list[Group]
) -> None:
    belief = shrink(Group(own, Counts(9999, 9999), parent.mean), parent, learn_strength(others))
    observed = own.successes / own.n if own.n else parent.mean
    low, high = sorted((observed, parent.mean))
    assert low - 1e-9 <= belief.mean <= high + 1e-9
    assert belief.variance >= 0


@given(st.integers(0, 20), st.integers(0, 20), beliefs, st.integers(2, 100))
def test_more_of_the_same_moves_the_belief_towards_the_observed_rate(
    successes: int, failures: int, parent: Belief, times: int
) -> None:
    if successes + failures == 0:
        return
    strength = learn_strength([])
    observed = successes / (successes + failures)
    few = shrink(Group(Counts(successes, failures), Counts(9999, 9999), 0.5), parent, strength)
    many = shrink(Group(Counts(successes * times, failures * times), Counts(9999, 9999), 0.5), parent, strength)
    assert abs(many.mean - observed) <= abs(few.mean - observed) + 1e-12


@given(beliefs, st.lists(st.tuples(beliefs, st.floats(0, 1)), max_size=6))
def test_what_is_combined_lies_among_its_parts(parent: Belief, parts: list[tuple[Belief, float]]) -> None:
    combined = combine(parent, parts)
    among = [parent.mean, *(part.mean for part, _ in parts)]
    assert min(among) - 1e-9 <= combined.mean <= max(among) + 1e-9
    assert combined.variance >= 0


def test_successes_are_brought_to_other_odds_and_stay_as_they_are_without() -> None:
    assert successes_of(Counts(3, 1), 0.0) == 3
    assert successes_of(Counts(500_000, 500_000), math.log(3)) == pytest.approx(750_000)
    assert successes_of(Counts(0, 4), -5.0) == 0
    # All of four are no certainty: of odds a hundred times lower, hardly any is left.
    assert successes_of(Counts(4, 0), -math.log(100)) == pytest.approx(4 * (1 - 0.9 + 9 / 109))


@given(counts, st.floats(-20, 20))
def test_shifted_successes_are_as_many_as_there_can_be(counted: Counts, shift: float) -> None:
    assert 0 <= successes_of(counted, shift) <= counted.n
