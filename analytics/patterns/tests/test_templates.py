import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.patterns.templates import GAP, pattern_key, widen, words_of
from attempts.fingerprint import masked_message

WORDS = ("disk", "full", "pools", "<number>", "<host>", ",", ":", "(", "...", "连接")


def test_words_are_kept_in_order_with_gaps_for_values() -> None:
    assert words_of("copy of <path>, <path> to <host>: failed.") == ("copy", "of", GAP, "to", GAP, "failed")


def test_a_plural_behind_a_value_is_a_singular() -> None:
    assert words_of("<number> tasks failed") == words_of("<number> task failed")
    assert words_of("tasks failed") != words_of("task failed")


def test_words_without_spaces_are_told_from_values() -> None:
    assert words_of("连接到<address>超时") == ("连接到", GAP, "超时")


def key(message: str | None, error_type: str | None = None) -> object:
    return pattern_key("restart", error_type, masked_message(message))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no route to 10.0.0.1", "no route to db.example.org"),
        ("deleting blocks 1", "deleting blocks 1 2 3"),
        ("found 1 error", "found 2 errors"),
        ("value: 5", "value 5"),
    ],
)
def test_messages_with_the_same_words_are_one_pattern(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pool 1 started", "pool 1 stopped"),
        ("connection refused", "connection reset"),
        ("no route to 10.0.0.1", "no route"),
        ("GET failed", "POST failed"),
        ("java.io.IOException: x", "java.lang.IllegalStateException: x"),
    ],
)
def test_plain_words_are_never_merged_away(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_the_error_type_decides_only_where_there_are_no_words() -> None:
    assert key("pool is busy", "Timeout") == key("pool is busy", "TimeoutError")
    assert key(None, "Timeout") != key(None, "Refused")
    assert key("17", "Timeout") == key("18", "Timeout") != key("17", "Refused")


@pytest.mark.parametrize(
    ("template", "masked", "widened"),
    [
        ("to <host> failed", "to <address> failed", "to <value> failed"),
        ("to <host> [<number>] failed", "to <host> [<id>] failed", "to <host> [<value>] failed"),
        ("to <host>: failed", "to <host>, <host>: failed", "to <value>: failed"),
        ("a <host> b <path>", "a <host> b <path>", "a <host> b <path>"),
        ("a: <host>", "a <host>", "a: <host>"),
        ("<value> x", "<host> x", "<value> x"),
    ],
)
def test_a_template_is_widened_where_values_differ(template: str, masked: str, widened: str) -> None:
    assert widen(template, masked) == widened


def test_a_template_is_not_widened_by_another_message() -> None:
    with pytest.raises(ValueError, match="not alike"):
        widen("to <host>", "to <host> at <time>")


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.lists(st.sampled_from(("<id>", "<path> <id>")), max_size=8))
def test_widening_keeps_the_words_and_settles(tokens: list[str], values: list[str]) -> None:
    template = " ".join(tokens)
    others = iter(values)
    masked = " ".join(next(others, token) if token.startswith("<") else token for token in tokens)
    widened = widen(template, masked)
    assert words_of(widened) == words_of(template)
    assert widen(widened, masked) == widened
    assert widen(widened, template) == widened


@given(st.text())
def test_any_text_has_a_template(text: str) -> None:
    masked = masked_message(text)
    assert widen(masked, masked) == masked
    assert "" not in words_of(masked)
