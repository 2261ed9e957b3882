"""Gathers the output of a command into steps: what becomes one step, and what is left out of the record.

The lines of one stream that come within GATHER_SECONDS share a step of at most STEP_BYTES. A record takes BURST_BYTES
of output at once and BYTES_PER_SECOND more as time passes. Beyond that, output is passed on all the same but left out
of the record: a step tells how many lines and bytes, and the last lines follow it. A line is kept up to LINE_BYTES.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

GATHER_SECONDS: Final = 0.1
# A line that does not end, such as "Are you sure? ", is told after so long.
UNENDED_SECONDS: Final = 1.0
LINE_BYTES: Final = 8 * 1024
STEP_BYTES: Final = 16 * 1024
STEP_LINES: Final = 200
BURST_BYTES: Final = 256 * 1024
BYTES_PER_SECOND: Final = 2 * 1024
# What a step costs beside its text.
_STEP_COST: Final = 256
LAST_LINES: Final = 5

# Colours, titles and cursor movements (ECMA-48).
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,2048}(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78DEHMc])"
)


def text_of(line: bytes) -> str:
    """A line as a person would see it: without colours, and of what was overwritten only the last."""
    text = _ESCAPES.sub("", line.decode("utf-8", "replace"))
    return text.rstrip("\r").rpartition("\r")[2].rstrip()


class Allowance:
    """How many bytes may still be recorded. Filled as time passes; never more than at the beginning."""

    def __init__(self, now: float) -> None:
        self._left: float = BURST_BYTES
        self._at = now

    def left(self, now: float) -> float:
        self._left = min(float(BURST_BYTES), self._left + (now - self._at) * BYTES_PER_SECOND)
        self._at = now
        return self._left

    def spend(self, count: int) -> None:
        self._left -= count


class Gatherer:
    """Makes steps of one stream. Takes bytes as they come, in any pieces; memory is bounded whatever comes.

    tell(step, status, details) records one step. clean marks secrets in a text.
    """

    def __init__(
        self, name: str, tell: Callable[[str, str, Any], None], allowance: Allowance, clean: Callable[[str], str]
    ) -> None:
        self._name = name
        self._tell = tell
        self._allowance = allowance
        self._clean = clean
        self._partial = b""
        self._partial_since = 0.0
        self._cut = 0  # bytes of the line under way beyond what is kept of it
        self._lines: list[str] = []
        self._size = 0
        self._since = 0.0
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        # While output is left out: how much, and the end of it.
        self._leaving_out = False
        self._left_out_lines = self._left_out_bytes = 0
        self._tail = b""

    def feed(self, data: bytes, now: float) -> None:
        """The next bytes of the stream."""
        if self._leaving_out and self._allowance.left(now) < STEP_BYTES + 2 * _STEP_COST:
            self._leave_out(data)
            return
        if self._leaving_out:
            self._resume(now)
        first, *rest = data.split(b"\n")
        self._extend(first, now)
        for position, piece in enumerate(rest):
            self._end_line(now)
            if self._leaving_out:
                self._leave_out(b"\n".join(rest[position:]))
                return
            self._extend(piece, now)

    def due(self) -> float | None:
        """The time at which tick() has something to do; None when it has not."""
        times = [self._since + GATHER_SECONDS] if self._lines else []
        if self._partial and not self._leaving_out:
            times.append(self._partial_since + UNENDED_SECONDS)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Record what has been gathered for long enough."""
        if self._partial and not self._leaving_out and now >= self._partial_since + UNENDED_SECONDS:
            self._end_line(now)
        if self._lines and now >= self._since + GATHER_SECONDS:
            self._tell_lines(now)

    def end(self, now: float) -> None:
        """Nothing more comes."""
        if self._leaving_out:
            self._resume(now)
        if self._partial or self._cut:
            self._end_line(now)
        self._tell_lines(now)

    def last_lines(self) -> list[str]:
        """The last lines that say something."""
        return list(self._last)

    def _extend(self, piece: bytes, now: float) -> None:
        if not piece:
            return
        if not self._partial:
            self._partial_since = now
        # A progress bar: what it overwrites is not kept.
        if self._partial.endswith(b"\r"):
            self._partial, self._cut = b"", 0
        if b"\r" in piece.rstrip(b"\r"):
            piece = piece[piece.rstrip(b"\r").rindex(b"\r") + 1 :]
            self._partial, self._cut = b"", 0
        room = LINE_BYTES - len(self._partial)
        self._cut += max(0, len(piece) - room)
        self._partial += piece[: max(0, room)]

    def _end_line(self, now: float) -> None:
        text = self._clean(text_of(self._partial))
        if self._cut:
            text += f" … [{self._cut} more bytes of this line left out]"
        self._partial, self._cut = b"", 0
        self._take(text, now)

    def _take(self, text: str, now: float) -> None:
        if any(letter.isalnum() for letter in text):
            self._last.append(text)
        if not self._lines:
            self._since = now
        self._lines.append(text)
        self._size += len(text.encode()) + 1
        if self._size >= STEP_BYTES or len(self._lines) >= STEP_LINES:
            self._tell_lines(now)

    def _tell_lines(self, now: float) -> None:
        lines, size, self._lines, self._size = self._lines, self._size, [], 0
        # An empty line alone says nothing.
        if not any(lines):
            return
        self._allowance.left(now)
        self._allowance.spend(size + _STEP_COST)
        self._tell(self._name, "output", "\n".join(lines))
        self._leaving_out = self._allowance.left(now) <= 0

    def _leave_out(self, data: bytes) -> None:
        self._left_out_bytes += len(data)
        self._left_out_lines += data.count(b"\n")
        self._tail = (self._tail + data)[-LINE_BYTES:] if len(data) < LINE_BYTES else data[-LINE_BYTES:]

    def _resume(self, now: float) -> None:
        """Tell how much was left out, and go on with the end of it."""
        tail, self._tail = self._tail, b""
        if len(tail) < self._left_out_bytes:
            tail = tail.partition(b"\n")[2] or tail
        lines = max(0, self._left_out_lines - tail.count(b"\n"))
        count = self._left_out_bytes - len(tail)
        self._left_out_lines = self._left_out_bytes = 0
        if count:
            self._allowance.spend(_STEP_COST)
            self._tell(self._name, "left out", {"lines": lines, "bytes": count})
        *ended, self._partial = tail.split(b"\n")
        self._partial_since = now
        for line in ended:
            self._take(self._clean(text_of(line)), now)
        self._leaving_out = False
