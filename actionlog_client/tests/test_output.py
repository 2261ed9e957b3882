"""How output becomes steps: what shares one, what is cut, what is left out and counted."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actionlog_client.command_line.output import (
    BURST_BYTES,
    GATHER_SECONDS,
    LINE_BYTES,
    STEP_BYTES,
    UNENDED_SECONDS,
    Allowance,
    Gatherer,
    text_of,
)


class Told:
    """A gatherer and the steps that it tells."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any]] = []
        self.gatherer = Gatherer("stdout", self._tell, Allowance(0.0), lambda text: text.replace("hunter2", "[mark]"))

    def _tell(self, name: str, status: str, details: Any) -> None:
        assert name == "stdout"
        self.steps.append((status, details))

    def texts(self) -> list[str]:
        return [details for status, details in self.steps if status == "output"]


def test_lines_that_come_together_share_a_step() -> None:
    told = Told()
    told.gatherer.feed(b"one\ntwo\n", 0.0)
    told.gatherer.feed(b"three\n", GATHER_SECONDS / 2)
    told.gatherer.tick(GATHER_SECONDS)
    told.gatherer.feed(b"four\n", 1.0)
    told.gatherer.end(1.0)

    assert told.texts() == ["one\ntwo\nthree", "four"]


def test_due_says_when_something_is_to_be_told() -> None:
    told = Told()
    assert told.gatherer.due() is None
    told.gatherer.feed(b"Sure? ", 5.0)
    assert told.gatherer.due() == 5.0 + UNENDED_SECONDS
    told.gatherer.feed(b"y\n", 5.1)
    assert told.gatherer.due() == 5.1 + GATHER_SECONDS
    told.gatherer.tick(5.1 + GATHER_SECONDS)
    assert told.gatherer.due() is None


def test_a_line_that_does_not_end_is_told_after_a_while() -> None:
    told = Told()
    told.gatherer.feed(b"Sure? ", 0.0)
    told.gatherer.tick(UNENDED_SECONDS)
    told.gatherer.tick(UNENDED_SECONDS + GATHER_SECONDS)

    assert told.texts() == ["Sure?"]


def test_a_long_line_is_cut_and_says_so() -> None:
    told = Told()
    for _ in range(100):
        told.gatherer.feed(b"x" * 1000, 0.0)
    told.gatherer.feed(b"\nnext\n", 0.0)
    told.gatherer.end(0.0)

    (text,) = told.texts()
    assert text == "x" * LINE_BYTES + f" … [{100_000 - LINE_BYTES} more bytes of this line left out]\nnext"


def test_secrets_are_marked() -> None:
    told = Told()
    told.gatherer.feed(b"with hunter2 in it\n", 0.0)
    told.gatherer.end(0.0)

    assert told.texts() == ["with [mark] in it"]
    assert told.gatherer.last_lines() == ["with [mark] in it"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain", "red plain"),
        (b"10 %\r50 %\r100 %", "100 %"),
        (b"windows\r", "windows"),
        (b"not UTF-8: \xff", "not UTF-8: �"),
        (b"  kept indent  ", "  kept indent"),
    ],
)
def test_a_line_is_what_a_person_would_see(line: bytes, text: str) -> None:
    assert text_of(line) == text


def test_a_progress_bar_takes_no_room() -> None:
    told = Told()
    for percent in range(10_000):
        told.gatherer.feed(b"\r%d of 9999" % percent, 0.0)
    told.gatherer.feed(b"\n", 0.0)
    told.gatherer.end(0.0)

    assert told.texts() == ["9999 of 9999"]


def test_output_is_recorded_again_as_time_passes() -> None:
    told = Told()
    told.gatherer.feed(b"flood\n" * BURST_BYTES, 0.0)
    told.gatherer.feed(b"later\n", 60.0)
    told.gatherer.end(60.0)

    assert [status for status, _ in told.steps].count("left out") == 1
    assert told.texts()[-1].endswith("flood\nlater")


def test_the_last_lines_that_say_something_are_known() -> None:
    told = Told()
    told.gatherer.feed(b"a\nb\nc\n-----\nd\n\ne\nf\n", 0.0)

    assert told.gatherer.last_lines() == ["b", "c", "d", "e", "f"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 300).map(lambda length: b"l" * length), max_size=30),
    st.lists(st.integers(50, 3000), max_size=20),
    st.integers(1, 200),
)
def test_however_it_is_cut_up_every_line_is_recorded_or_counted(
    lines: list[bytes], cuts: list[int], repeated: int
) -> None:
    output = b"".join(line + b"\n" for line in lines) * repeated
    told = Told()
    rest = output
    while rest:
        size = cuts[len(rest) % len(cuts)] if cuts else len(rest)
        told.gatherer.feed(rest[:size], 0.0)
        rest = rest[size:]
    told.gatherer.end(0.0)

    recorded = [line for text in told.texts() for line in text.split("\n") if line]
    left_out = [details for status, details in told.steps if status == "left out"]
    assert sum(map(len, told.texts())) < BURST_BYTES + 4 * STEP_BYTES
    missing = len(output) - sum(len(line) + 1 for line in recorded)
    blank = sum(not line for line in lines) * repeated
    if not left_out:
        assert recorded == [line.decode() for line in lines if line] * repeated
    else:
        assert sum(each["bytes"] for each in left_out) <= missing <= sum(each["bytes"] for each in left_out) + blank
