"""The paths, values and ranges of parameters, and what is left out."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.parameters.levels import LEAST_ATTEMPTS, OMITTED, Division, divide
from analytics.parameters.paths import Column, columns_of, flatten, value_text
from analytics.parameters.ranges import ranges_of

scalars = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text()
json_objects = st.dictionaries(
    st.text(max_size=3),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=5),
    max_size=3,
)


def divided(values: Sequence[Any], *, missing: int = 0) -> Division:
    return divide("p", Column(list(range(len(values))), list(values)), len(values) + missing)


def sizes(division: Division) -> dict[str, int]:
    return {level.text: division.codes.count(code) for code, level in enumerate(division.levels)}


def left_out(division: Division) -> dict[str, tuple[int, int]]:
    return {one.why: (one.values, one.attempts) for one in division.left_out}


def test_objects_are_walked_and_lists_are_values() -> None:
    assert flatten({"pool": {"size": 5, "hosts": ["a", "b"], "tags": {}}, "force": None}) == {
        "pool.size": 5,
        "pool.hosts": ["a", "b"],
        "pool.tags": {},
        "force": None,
    }


def test_keys_with_dots_do_not_share_a_path_with_nested_ones() -> None:
    assert flatten({"a.b": 1, "a": {"b": 2}, "": 3, 'a"': 4}) == {'"a.b"': 1, "a.b": 2, '""': 3, '"a\\""': 4}


def test_columns_keep_where_their_values_stand() -> None:
    assert columns_of([{"a": 1}, {"b": {"c": 2}}, {"a": {}, "b": {"c": 3}}, {"b": {"c": {"d": 4}}}]) == {
        "a": ([0, 2], [1, {}]),
        "b.c": ([1, 2], [2, 3]),
        "b.c.d": ([3], [4]),
    }


@settings(max_examples=50)
@given(json_objects)
def test_no_two_values_share_a_path(parameters: dict[str, Any]) -> None:
    def leaves(value: Any) -> int:
        return sum(map(leaves, value.values())) if isinstance(value, dict) and value else 1

    assert len(flatten(parameters)) == (leaves(parameters) if parameters else 0)


def test_the_text_of_a_value_is_canonical() -> None:
    assert value_text([1.50, {"b": Decimal("2e1"), "a": True}]) == '[15e-1,{"a":true,"b":20}]'


def test_values_are_told_apart_as_in_the_record() -> None:
    numbers: list[Any] = [1, 1.0, Decimal("1e0")] * 10
    others: list[Any] = [*[True] * 11, *["1"] * 12, *[None] * 13, *[{}] * 14]
    assert sizes(divided(numbers + others, missing=15)) == {
        "1": 30,
        "true": 11,
        '"1"': 12,
        "null": 13,
        "{}": 14,
        "missing": 15,
    }


def test_few_numbers_are_values_and_many_are_ranges() -> None:
    assert sizes(divided([1, 2, 3, 5] * 10)) == {"1": 10, "2": 10, "3": 10, "5": 10}
    assert sizes(divided(list(range(100)))) == {"< 25": 25, "25 to < 50": 25, "50 to < 75": 25, ">= 75": 25}


def test_a_range_knows_its_edges() -> None:
    division = divided([number / 10 for number in range(100)])
    assert [(level.low, level.high) for level in division.levels] == [(None, 2.5), (2.5, 5), (5, 7.5), (7.5, None)]


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([29.7] * 20 + [31.2] * 20, ["< 30", ">= 30"]),
        ([3] * 20 + [4] * 20, ["< 4", ">= 4"]),
        ([0.00012] * 20 + [0.00037] * 20, ["< 0.0003", ">= 0.0003"]),
        ([-3] * 20 + [5] * 20, ["< 0", ">= 0"]),
        ([1e300] * 20 + [9e300] * 20, ["< 9e+300", ">= 9e+300"]),
        ([10**400] * 20 + [10**400 + 1] * 20, ["< 1e+400", ">= 1e+400"]),
        ([7] * 100, ["any number"]),
    ],
)
def test_edges_are_the_shortest_numbers_between(numbers: list[float], texts: list[str]) -> None:
    assert [found.text for found in ranges_of(sorted(numbers), most=4, least=10)] == texts


@given(st.lists(st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9), min_size=20, max_size=200))
def test_ranges_hold_all_numbers_and_none_too_few(numbers: list[float]) -> None:
    division = divided(numbers, missing=LEAST_ATTEMPTS)
    if all(level.kind != "range" for level in division.levels):
        return
    for number, code in zip(numbers, division.codes, strict=False):
        low, high = division.levels[code].low, division.levels[code].high
        assert low is None or low <= number
        assert high is None or number < high
    assert min(sizes(division).values()) >= LEAST_ATTEMPTS
    assert sum(sizes(division).values()) == len(numbers) + LEAST_ATTEMPTS


def test_numbers_beside_texts_are_ranges_of_their_own() -> None:
    assert sizes(divided([*range(40), *["auto"] * 20, *[True] * 10])) == {
        '"auto"': 20,
        "true": 10,
        "< 10": 10,
        "10 to < 20": 10,
        "20 to < 30": 10,
        ">= 30": 10,
    }


def test_redacted_values_and_identifiers_are_left_out() -> None:
    mark = "[redacted:0123456789abcdef]"
    uuid, digest = "8d3f2b60-7a53-4a4e-9a3e-0b1a1c9d2e4f", "9fceb02d0ae598e95dc970b74767f19372d61af8"
    division = divided(
        [mark] * 50 + [f"Bearer {mark}"] * 10 + [[mark]] * 10 + [uuid] * 30 + [digest] * 30 + ["web"] * 20
    )
    assert sizes(division) == {'"web"': 20}
    assert left_out(division) == {"redacted": (3, 70), "identifier": (2, 60)}
    assert division.codes[0] == OMITTED


def test_words_are_no_identifiers() -> None:
    words = ["deadline", "facade", "2024", "1234567", "restart-pool", "abcdefghijklmnopqrstuvwxyz"]
    assert len(divided(words * 10).levels) == len(words)


def test_long_texts_and_lists_are_left_out() -> None:
    division = divided(["x" * 81] * 20 + [list(range(81))] * 20 + [["long" * 6] * 5] * 20 + [["a", 1]] * 20)
    assert sizes(division) == {'["a",1]': 20}
    assert left_out(division) == {"long": (3, 60)}


def test_rare_values_are_left_out() -> None:
    division = divided(["a"] * 50 + ["b"] * 9 + ["c"] * 10)
    assert sizes(division) == {'"a"': 50, '"c"': 10}
    assert left_out(division) == {"rare": (1, 9)}


def test_of_very_many_values_only_common_ones_are_kept() -> None:
    division = divided([f"host-{number}" for number in range(40) for _ in range(20)] + ["all"] * 200)
    assert sizes(division) == {'"all"': 200}
    assert left_out(division) == {"many_values": (40, 800)}


def test_a_parameter_that_never_changes_is_left_out() -> None:
    division = divided(["eu"] * 100)
    assert division.levels == []
    assert left_out(division) == {"constant": (1, 100)}


def test_a_parameter_that_hardly_any_attempt_has_is_left_out() -> None:
    division = divided(["eu"] * 9, missing=500)
    assert division.levels == []
    assert left_out(division) == {"rare": (1, 9)}
