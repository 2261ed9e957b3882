"""How things look in a terminal: colours, durations, times, tables. What they say is the commands' matter."""

import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_COLOURS: Final = {"green": "32", "red": "31", "yellow": "33", "magenta": "35", "cyan": "36", "dim": "2", "bold": "1"}
_OF_STATUS: Final = {
    "success": "green",
    "resolved": "green",
    "failed": "red",
    "in_progress": "cyan",
    "pending": "dim",
    "skipped": "dim",
    "cancelled": "magenta",
    "escalated": "magenta",
    "lost contact": "yellow",
}
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
UNKNOWN: Final = "-"
_MINUTE: Final = 60
_HOUR: Final = 3600


class Paint:
    """Colours, where there is a terminal that wants them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colours and colour in _COLOURS else text

    def status(self, status: str, width: int = 0) -> str:
        return self(status.ljust(width), _OF_STATUS.get(status, ""))


def plain(value: Any, most: int = 0) -> str:
    """Recorded text as one line that cannot steer the terminal, at most so many characters when that is told."""
    text = _UNPRINTABLE.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", str(value))
    return text if not most or len(text) <= most else text[: most - 1] + "…"


_ESCAPES: Final = {"\n": "\\n", "\t": " ", "\r": "\\r"}


def status_of(record: dict[str, Any]) -> str:
    """The status as it is shown: an open record whose engine went silent has lost contact."""
    status = str(record.get("status") or "unknown")
    return "lost contact" if record.get("abandoned_at") and status in ("pending", "in_progress") else status


def duration(seconds: Any) -> str:
    """`22 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`; a dash when it is not known."""
    if not isinstance(seconds, int | float):
        return UNKNOWN
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0095 or seconds == 0 else f"{seconds * 1000:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def rate(fraction: Any) -> str:
    """A fraction as a percentage; 100 % and 0 % only when it is exactly that."""
    if not isinstance(fraction, int | float):
        return UNKNOWN
    shown = f"{fraction * 100:.1f}"
    if (shown == "100.0" and fraction < 1) or (shown == "0.0" and fraction > 0):
        shown = ("> 99.9", "< 0.1")[fraction < 0.5]
    return f"{shown} %"


def moment(text: Any) -> datetime | None:
    """A time of the record in the zone of this machine; None when there is none."""
    if isinstance(text, datetime):
        found = text
    else:
        try:
            found = datetime.fromisoformat(str(text))
        except ValueError:
            return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone()


def clock(text: Any, *, with_date: bool = False) -> str:
    """The time of day of a time of the record, in the zone of this machine."""
    found = moment(text)
    return UNKNOWN if found is None else found.strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")


def numbers(ranges: Sequence[Sequence[int]], most: int = 10) -> str:
    """Ranges as `3, 17-19`."""
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:most])
    return shown + (", …" if len(ranges) > most else "")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines of a table: so many columns to the left, the others, which hold numbers, to the right."""
    widths = [max(_width(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        "  ".join(_filled(cell, widths[column], to_the_left=column < left) for column, cell in enumerate(row)).rstrip()
        for row in (header, *rows)
    ]


def _filled(cell: str, width: int, *, to_the_left: bool) -> str:
    space = " " * (width - _width(cell))
    return cell + space if to_the_left else space + cell


def _width(text: str) -> int:
    """Columns that the text takes in a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
