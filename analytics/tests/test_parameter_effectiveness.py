"""Which parameters go with success: figures by hand, and what is promised of chance and of planted effects."""

import math
import random
import statistics
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.parameters.cells import Attempts, members_of
from analytics.parameters.effectiveness import Effectiveness, PairFigures, ValueFigures, effectiveness_of
from analytics.tests.parameter_sets import with_effect, without_effect

SETS = 200


def flagged(found: Effectiveness) -> list[ValueFigures | PairFigures]:
    every: list[ValueFigures | PairFigures] = [*found.values, *found.pairs]
    return [one for one in every if one.difference in ("higher", "lower")]


def value(found: Effectiveness, parameter: str, text: str) -> ValueFigures:
    return next(one for one in found.values if (one.level.parameter, one.level.text) == (parameter, text))


def pair(found: Effectiveness, *texts: str) -> PairFigures:
    return next(one for one in found.pairs if (one.first.text, one.second.text) == texts)


def test_golden_case() -> None:
    found = effectiveness_of(
        [({"mode": "hard", "region": "eu"}, number < 27, float(number)) for number in range(30)]
        + [({"mode": "soft", "region": "eu"}, number < 10, None) for number in range(30)]
    )
    hard = value(found, "mode", '"hard"')
    assert (hard.observed.successes, hard.observed.n, hard.observed.rate) == (27, 30, 0.9)
    assert (hard.rest.successes, hard.rest.n) == (10, 30)
    assert hard.observed.low == pytest.approx(0.743789, abs=1e-5)
    assert hard.median_seconds == 14.5
    assert hard.difference == "higher"
    # With equal numbers on both sides Fisher's p-value is twice that of 27 or more of the 37 successes on one side.
    tables = sum(math.comb(37, k) * math.comb(23, 30 - k) for k in range(27, 31))
    assert hard.p_value == pytest.approx(2 * tables / math.comb(60, 30))
    assert found.tests == 1
    soft = value(found, "mode", '"soft"')
    assert (soft.p_value, soft.difference, soft.median_seconds) == (hard.p_value, "lower", None)
    assert [(one.parameter, one.why) for one in found.left_out] == [("region", "constant")]
    assert (found.observed.successes, found.observed.n, found.median_seconds) == (37, 60, 14.5)


def test_nothing_is_known_of_no_attempts() -> None:
    found = effectiveness_of([])
    assert (found.values, found.pairs, found.left_out, found.tests) == ([], [], [], 0)
    assert found.observed.rate is None


def test_no_more_than_chance_is_marked_so() -> None:
    found = effectiveness_of([({"mode": "ab"[number % 2]}, number % 3 > 0, None) for number in range(300)])
    assert [one.difference for one in found.values] == ["chance", "chance"]


def test_too_few_others_are_not_tested() -> None:
    found = effectiveness_of([({"mode": "a"}, True, None)] * 50 + [({"mode": "b"}, False, None)] * 9)
    one = value(found, "mode", '"a"')
    assert (one.difference, one.p_value, one.q_value) == ("too_few", None, None)


def test_pairs_say_what_their_values_do_not() -> None:
    found = effectiveness_of(
        ({"mode": mode, "pool": pool}, number < (60 if (mode, pool) == ("hard", 1) else 90), float(number))
        for mode in ("hard", "soft")
        for pool in (1, 2)
        for number in range(100)
    )
    both = pair(found, '"hard"', "1")
    assert both.difference == "lower"
    assert (both.observed.rate, both.first_alone.rate, both.second_alone.rate) == (0.6, 0.9, 0.9)
    assert both.median_seconds == 49.5
    assert found.pairs[0] == both
    # The other three combinations are as good as each other.
    assert [one.difference for one in found.pairs[1:]] == ["chance"] * 3


def test_two_values_that_act_alone_make_no_pair() -> None:
    # The odds are 1 : 1, and each good value triples them.
    successes = {("b", "y"): 500, ("a", "y"): 750, ("b", "x"): 750, ("a", "x"): 900}
    found = effectiveness_of(
        ({"one": one, "two": two}, number < good, None)
        for (one, two), good in successes.items()
        for number in range(1000)
    )
    assert {one.difference for one in found.values} == {"higher", "lower"}
    assert {one.difference for one in found.pairs} == {"chance"}


def test_parameters_that_always_go_together_make_no_pair() -> None:
    found = effectiveness_of(({"one": number % 2, "two": number % 2}, number % 4 > 0, None) for number in range(400))
    assert found.pairs == []
    assert found.tests == 1


def test_without_any_effect_hardly_a_data_set_shows_a_difference() -> None:
    wrong = [seed for seed in range(SETS) if flagged(effectiveness_of(without_effect(seed)))]
    assert len(wrong) <= 0.03 * SETS, wrong


def test_a_single_parameter_without_effect_hardly_ever_shows_one() -> None:
    chance = random.Random(7)
    drawn = ([({"force": chance.random() < 0.5}, chance.random() < 0.6, None) for _ in range(400)] for _ in range(SETS))
    assert sum(bool(flagged(effectiveness_of(attempts))) for attempts in drawn) <= 0.03 * SETS


@pytest.mark.parametrize(
    "values",
    [("hard", "soft"), (30, 600), (True, False), (None, "auto"), ({"size": 1}, {"size": 9}), ({"deep": 1}, {})],
)
def test_a_planted_effect_is_found(values: tuple[Any, Any]) -> None:
    sets, missed = (SETS, []) if values == ("hard", "soft") else (20, [])
    for seed in range(sets):
        found = effectiveness_of(with_effect(seed, [({"q": values[0]}, 0.9, 200), ({"q": values[1]}, 0.6, 200)]))
        directions = {one.difference for one in found.values if one.level.parameter.startswith("q")}
        if directions != {"higher", "lower"}:
            missed.append(seed)
    assert len(missed) <= 0.05 * sets, missed


def test_a_planted_threshold_of_a_number_is_found() -> None:
    found = effectiveness_of(
        ({"timeout": number}, number % 10 < (6 if number < 200 else 9), None) for number in range(400)
    )
    assert {one.level.text: one.difference for one in found.values} == {
        "< 100": "lower",
        "100 to < 200": "lower",
        "200 to < 300": "higher",
        ">= 300": "higher",
    }


def test_a_planted_pair_is_found() -> None:
    planted = [
        ({"mode": mode, "pool": pool}, 0.9 if (mode, pool) == ("hard", 1) else 0.5, 200)
        for mode in ("hard", "soft")
        for pool in (1, 2)
    ]
    missed = [
        seed
        for seed in range(50)
        if pair(effectiveness_of(with_effect(seed, planted)), '"hard"', "1").difference != "higher"
    ]
    assert len(missed) <= 2, missed


def test_beside_a_planted_effect_few_differences_are_false() -> None:
    shares = []
    for seed in range(60):
        planted = [({"q": "hard"}, 0.9, 200), ({"q": "soft"}, 0.6, 200)]
        found = flagged(effectiveness_of(with_effect(seed, planted)))
        false = [one for one in found if not (isinstance(one, ValueFigures) and one.level.parameter == "q")]
        shares.append(len(false) / len(found) if found else 0.0)
    assert statistics.mean(shares) <= 0.05


def test_very_many_parameters_are_cut_with_a_note() -> None:
    attempts = [
        ({f"p{key:03}": (number >> key % 5) & 1 for key in range(120)}, number % 3 > 0, None) for number in range(64)
    ]
    found = effectiveness_of(attempts)
    assert len({one.level.parameter for one in found.values}) == 100
    assert [(one.parameter, one.why, one.values, one.attempts) for one in found.left_out] == [
        (None, "many_parameters", 20, 64),
        (None, "many_for_pairs", 88, 64),
    ]


def test_work_is_bounded() -> None:
    chance = random.Random(1)
    attempts = [
        (
            {f"c{key}": chance.choice("abcd") for key in range(4)} | {f"n{key}": chance.random() for key in range(4)},
            True,
            1.0,
        )
        for _ in range(30_000)
    ]
    before = time.process_time()
    effectiveness_of(attempts)
    assert time.process_time() - before < 10  # it takes less than one; in the square of the attempts, minutes


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.none() | st.floats(0, 1e6)), max_size=80))
def test_any_set_is_counted_and_has_its_median(drawn: list[tuple[int, bool, float | None]]) -> None:
    attempts = Attempts.of([({"code": code}, success, seconds) for code, success, seconds in drawn])
    codes = bytearray(parameters["code"] for parameters in attempts.parameters)
    for code in range(4):
        mine = [one for one in drawn if one[0] == code]
        members = members_of(codes, code)
        assert attempts.outcomes(members) == (sum(success for _, success, _ in mine), len(mine))
        known = [seconds for _, _, seconds in mine if seconds is not None]
        assert attempts.median(members) == (pytest.approx(statistics.median(known)) if known else None)
