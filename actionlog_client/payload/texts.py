"""Texts as the server takes them: valid Unicode, no U+0000, credentials marked, and of a bounded length."""

import hashlib
import re
from typing import Final

from actionlog_client.redaction import Redactor

MOST_SHORT: Final = 255
# A text that alone is more than a value may weigh is cut to this at once.
KEPT_OF_HUGE: Final = 65_536
# Notes of what was lost begin so.
CUT: Final = "cut: "
_HASH_DIGITS: Final = 8
# A credential that begins before a cut and ends behind it would be found on neither side: this much more is looked at.
_MARGIN: Final = 16_384

_NOT_STORED: Final = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for each U+0000 and each half of a surrogate pair that stands alone."""
    return _NOT_STORED.sub("\ufffd", text) if not text.isascii() or "\0" in text else text


def clean(text: str, redactor: Redactor | None) -> str:
    """Storable, and its credentials marked unless there is no redactor."""
    text = storable(text)
    return redactor.text(text) if redactor else text


def cut_middle(text: str, keep: int, redactor: Redactor | None) -> str:
    """The beginning and the end of a text, cleaned: keep characters and a remark. Costs nothing for what is left out.

    A cut may leave half a mark, or move words next to each other: the last look leaves a text that the server
    finds nothing in.
    """
    half = keep // 2
    head = clean(text[: half + _MARGIN], redactor)[:half]
    tail = clean(text[-half - _MARGIN :], redactor)[-half:]
    return clean(f"{head} … [{len(text) - keep} characters cut] … {tail}", redactor)


def cut_note(length: int, kept: int, of: str = "characters") -> str:
    return f"{CUT}{length} {of}, kept {kept}"


def shorten(text: str, redactor: Redactor | None) -> str:
    """A clean text, cut to MOST_SHORT characters: two different ones stay different, by a hash at the end."""
    if len(text) <= MOST_SHORT:
        return text
    suffix = f"~{_fingerprint(text)}"
    for room in (MOST_SHORT - len(suffix), 128, 32):
        shortened = text[:room] + suffix
        # Half a mark at the cut would be marked again by the server, and be too long then.
        if redactor is None or redactor.text(shortened) == shortened:
            return shortened
    return suffix[1:]


def _fingerprint(text: str) -> str:
    """Of the ends and the length: the middle of megabytes is not read."""
    ends = text if len(text) <= 2 * _MARGIN else f"{text[:_MARGIN]}{len(text)}{text[-_MARGIN:]}"
    return hashlib.sha256(ends.encode()).hexdigest()[:_HASH_DIGITS]
