"""How stored values become what a person reads: durations, times, free-form JSON and texts full of control characters.

Pure functions; the template tags in templatetags/record.py wrap them. Nothing here cuts what the API answers.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from msgspec import Raw, Struct

# Characters of one value that a page carries. The rest is one link away: a browser with 8 MB in one <pre> is stuck.
PAGE_LIMIT: Final = 100_000
LIST_LIMIT: Final = 4_000

_TERMINAL_SEQUENCE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_UNREADABLE = re.compile(f"{_TERMINAL_SEQUENCE}|{_CONTROL}")


class ShownValue(Struct, frozen=True):
    """A free-form value as a page shows it. size counts the characters before the cut; entries belong to "object"."""

    kind: Literal["none", "text", "json", "object"]
    text: str = ""
    size: int = 0
    entries: list[tuple[str, "ShownValue"]] = []

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.text) and self.kind != "object"

    @property
    def is_short(self) -> bool:
        """Whether it fits beside its name."""
        return self.size <= 120 and "\n" not in self.text


NONE: Final = ShownValue("none")


def shown_value(raw: Raw | bytes, *, limit: int = PAGE_LIMIT) -> ShownValue:
    """A JSON value as it is read best: a text as itself, an object by its names, all else indented.

    Numbers keep every digit, since nothing is parsed but the outermost level.
    """
    data = bytes(raw).strip()
    if data in (b"", b"null", b"{}", b"[]"):
        return NONE
    if data.startswith(b"{"):
        members = msgspec.json.decode(data, type=dict[str, Raw])
        entries = [(name, _member(value, limit)) for name, value in members.items()]
        return ShownValue("object", size=len(data), entries=entries)
    return _member(data, limit)


def shown_text(text: str | None, *, limit: int = PAGE_LIMIT) -> ShownValue:
    return ShownValue("text", text[:limit], len(text)) if text else NONE


def _member(raw: Raw | bytes, limit: int) -> ShownValue:
    data = bytes(raw).strip()
    if data.startswith(b'"'):
        text = msgspec.json.decode(data, type=str)
        return ShownValue("text", text[:limit], len(text))
    text = msgspec.json.format(data, indent=2).decode() if len(data) > 60 else data.decode()
    return ShownValue("json", text[:limit], len(text))


def readable(text: object) -> SafeString:
    """Escaped text in which terminal sequences, control and direction marks are seen, and do nothing."""
    parts: list[str] = []
    end = 0
    source = str(text).replace("\r\n", "\n")
    for found in _UNREADABLE.finditer(source):
        parts.append(escape(source[end : found.start()]))
        parts.append(f'<span class="escape">{escape("".join(map(_picture, found.group())))}</span>')
        end = found.end()
    parts.append(escape(source[end:]))
    return mark_safe("".join(parts))  # noqa: S308 -- every part is escaped above


def _picture(character: str) -> str:
    """The visible stand-in of a character that has no glyph: ^[ for ESC and its like, or the code point."""
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"^{chr(code ^ 0x40)}"
    if unicodedata.category(character) in ("Cc", "Cf"):
        return f"\u2039U+{code:04X}\u203a"
    return character


def duration(seconds: float | None) -> str:
    """850 ms, 12.4 s, 3 min 04 s, 2 h 05 min, 3 d 4 h. Empty when unknown."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds == 0 or seconds >= 0.001 else "< 1 ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def about_duration(seconds: float | None) -> str:
    """A duration that is known within some percent: two digits are all that it says."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if 10 <= seconds < 59.5 else duration(float(f"{seconds:.2g}"))


def offset(moment: datetime | None, start: datetime | None) -> str:
    """How long after start: +0.4 s, +1 min 12 s. Empty when either is unknown, with a minus when it was before."""
    if moment is None or start is None:
        return ""
    seconds = (moment - start).total_seconds()
    return f"{'+' if seconds >= 0 else chr(0x2212)}{duration(abs(seconds))}"


def exact_time(moment: datetime, timespec: Literal["auto", "milliseconds"] = "auto") -> str:
    """2026-11-23 08:55:44.123456 UTC; timespec is that of datetime.isoformat."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', timespec)} UTC"


def machine_time(moment: datetime) -> str:
    """RFC 3339 in UTC, as the API writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def percent(part: int, whole: int) -> str:
    """88.4 %, and never 100 % or 0 % for what is only near it. Empty when there is nothing to divide by."""
    if not whole:
        return ""
    share = 100 * part / whole
    if 0 < part < whole:
        share = min(max(share, 0.1), 99.9)
    return f"{share:.1f}\u202f%" if share not in (0, 100) else f"{share:.0f}\u202f%"
