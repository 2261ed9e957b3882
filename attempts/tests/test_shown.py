from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from attempts import shown

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.0004, "< 1 ms"),
        (0.85, "850 ms"),
        (0.9999, "1.0 s"),
        (12.44, "12.4 s"),
        (59.97, "1 min 00 s"),
        (184, "3 min 04 s"),
        (7500, "2 h 05 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert shown.duration(seconds) == text


def test_a_duration_from_a_histogram_claims_no_more_digits_than_it_has() -> None:
    assert [shown.about_duration(seconds) for seconds in (None, 0.9913, 1.234, 23.96)] == [
        "",
        "990 ms",
        "1.2 s",
        "24 s",
    ]


def test_offsets_have_a_sign() -> None:
    assert shown.offset(NOON + timedelta(seconds=72), NOON) == "+1 min 12 s"
    assert shown.offset(NOON - timedelta(seconds=2), NOON) == "\N{MINUS SIGN}2.0 s"
    assert shown.offset(None, NOON) == ""


def test_times_are_told_in_utc_whatever_zone_they_come_in() -> None:
    in_nepal = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert shown.exact_time(in_nepal) == "2026-03-01 12:00:00 UTC"
    assert shown.exact_time(NOON + timedelta(microseconds=5)) == "2026-03-01 12:00:00.000005 UTC"
    assert shown.machine_time(in_nepal) == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, ""), (1, 3, "33.3"), (9_999, 10_000, "99.9"), (1, 10_000, "0.1"), (3, 3, "100"), (0, 3, "0")],
)
def test_a_rate_is_never_rounded_to_all_or_nothing(part: int, whole: int, text: str) -> None:
    assert shown.percent(part, whole).removesuffix("\u202f%") == text


def test_terminal_sequences_are_seen_and_do_nothing() -> None:
    assert (
        shown.readable("\x1b[31mred\x1b[0m") == '<span class="escape">^[[31m</span>red<span class="escape">^[[0m</span>'
    )


def test_direction_marks_cannot_turn_text_around() -> None:
    assert shown.readable("rm\u202egpj.exe") == 'rm<span class="escape">\u2039U+202E\u203a</span>gpj.exe'


@given(st.text())
def test_readable_text_holds_neither_markup_nor_control_characters(text: str) -> None:
    html = shown.readable(text)
    rest = html.replace('<span class="escape">', "").replace("</span>", "")
    assert not set("<>\"'") & set(rest)
    assert all(character in "\n\t" or ord(character) >= 0x20 for character in html)


def test_a_text_is_shown_as_itself_with_its_lines() -> None:
    assert shown.shown_value(Raw(rb'"one\ntwo"')).text == "one\ntwo"


def test_an_object_is_shown_by_its_names_and_keeps_every_digit() -> None:
    value = shown.shown_value(Raw(b'{"n": 12345678901234567890.10, "list": [1, 1e400], "text": "a"}'))
    assert [(name, member.text) for name, member in value.entries] == [
        ("n", "12345678901234567890.10"),
        ("list", "[1, 1e400]"),
        ("text", "a"),
    ]


@pytest.mark.parametrize("raw", [b"", b"null", b"{}", b"[]"])
def test_what_says_nothing_is_no_value(raw: bytes) -> None:
    assert shown.shown_value(Raw(raw)).kind == "none"


def test_a_cut_value_tells_how_much_there_is() -> None:
    value = shown.shown_value(Raw(b'"' + b"x" * 500 + b'"'), limit=100)
    assert (len(value.text), value.size, value.is_cut) == (100, 500, True)
