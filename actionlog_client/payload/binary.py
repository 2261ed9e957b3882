"""Bytes as text: as the UTF-8 they are, else as base64. Of many, the beginning and the end only; the rest costs
nothing."""

import re
from base64 import b64encode
from codecs import getincrementaldecoder
from typing import Final

from actionlog_client.payload.texts import KEPT_OF_HUGE, cut_note

# The rest of a UTF-8 letter that was cut.
_CONTINUATION: Final = re.compile(rb"\A[\x80-\xbf]{1,3}")


def binary_text(value: bytes | bytearray | memoryview, most: int) -> tuple[str, ...]:
    """The text, then notes of what was done. Beyond most bytes, KEPT_OF_HUGE of them are kept.

    Raises ValueError, TypeError or NotImplementedError for memory that is released, or not in one piece.
    """
    length = memoryview(value).nbytes
    notes = []
    if length <= most:
        parts = [bytes(value)]
    else:
        notes.append(cut_note(length, KEPT_OF_HUGE, "bytes"))
        flat = memoryview(value).cast("B")
        parts = [bytes(flat[: KEPT_OF_HUGE // 2]), bytes(flat[length - KEPT_OF_HUGE // 2 :])]
    texts = _utf8(parts)
    notes.append("bytes as base64" if texts is None else "bytes as UTF-8 text")
    if texts is None:
        texts = [b64encode(part).decode() for part in parts]
    return f" … [{length - KEPT_OF_HUGE} bytes cut] … ".join(texts), *notes


def _utf8(parts: list[bytes]) -> list[str] | None:
    """One text, or its beginning and its end, which may be cut inside a letter; None for what is no text."""
    if any(b"\0" in part for part in parts):
        return None
    try:
        if len(parts) == 1:
            return [parts[0].decode()]
        head, tail = parts
        return [getincrementaldecoder("utf-8")().decode(head), _CONTINUATION.sub(b"", tail, count=1).decode()]
    except UnicodeDecodeError:
        return None
