from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.advice.traits import LONGEST_TEXT, Trait, describe, traits_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_a_text_is_known_by_its_first_three_words_and_by_all_of_it() -> None:
    assert traits_of("scale  web to 5") == (
        Trait("words", "scale"),
        Trait("words", "scale web"),
        Trait("words", "scale web to"),
        Trait("value", "scale  web to 5"),
    )
    assert traits_of("production") == (Trait("value", "production"),)
    assert traits_of("") == (Trait("value", ""),)


@pytest.mark.parametrize(
    ("number", "magnitude", "value"),
    [
        (5, "(4 to 8)", "5"),
        (4, "(4 to 8)", "4"),
        (-0.3, "-(0.25 to 0.5)", "-0.3"),
        (Decimal("1.50"), "(1 to 2)", "1.5"),
        (10**400, "(inf to inf)", None),
    ],
)
def test_a_number_is_known_by_the_powers_of_two_around_it(number: Any, magnitude: str, value: str | None) -> None:
    general, exact = traits_of(number)
    assert general == Trait("magnitude", magnitude)
    assert value is None or float(exact.text) == float(value)


def test_zero_truth_nothing_and_lists_are_known_by_their_value() -> None:
    values: tuple[Any, ...] = (0, True, False, None, [1, 2], {})
    for value in values:
        assert len(traits_of(value)) == 1
    assert traits_of(True) != traits_of(1)[1:]
    assert traits_of(None) != traits_of("None")


def test_nested_parameters_are_known_by_their_path() -> None:
    described = describe({"limits": {"memory": "1Gi", "empty": {}}, "force": True})
    assert set(described.values) == {"limits.memory", "limits.empty", "force"}


def test_parameters_are_the_same_in_any_order_and_writing_of_numbers() -> None:
    one, other = describe({"a": 1, "b": {"c": 2.50}}), describe({"b": {"c": Decimal("2.5")}, "a": 1.0})
    assert one == other
    assert one.whole != describe({"a": True, "b": {"c": 2.5}}).whole


def test_long_texts_are_kept_short_and_told_apart() -> None:
    one, other = "x" * 1_000_000 + "1", "x" * 1_000_000 + "2"
    (first,), (second,) = traits_of(one), traits_of(other)
    assert first != second
    assert len(first.text) < LONGEST_TEXT
    assert len(describe({"command": one}).whole) < LONGEST_TEXT


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_any_json_object_can_be_described(parameters: dict[str, Any]) -> None:
    described = describe(parameters)
    assert described == describe(dict(reversed(parameters.items())))
    assert all(traits and traits[-1].kind == "value" for traits in described.values.values())
