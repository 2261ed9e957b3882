"""What the server refused, kept aside in refused.log: lines of JSON, for people. Nothing sends it again by itself;
`actionlog journal --resend` does (delivery/resending.py).
"""

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct

from actionlog_client.delivery.documents import Ranges, covers, united
from actionlog_client.journal.folder import write_private

_MOST_IN_MEMORY: Final = 100


class Refused(Struct, frozen=True):
    """A document as it was sent, the numbers of the entries in it, when it was refused, and why."""

    at: datetime
    numbers: tuple[tuple[int, int], ...]
    reason: str
    document: Raw


class _Cut(Struct, frozen=True):
    """The first line, once older lines were removed: how many, and the numbers of all of them."""

    cut: int
    numbers: tuple[tuple[int, int], ...]


class _Resent(Struct, frozen=True):
    """The numbers of what was sent again, and taken then."""

    resent: tuple[tuple[int, int], ...]
    at: datetime


_Line = Refused | _Cut | _Resent


class RefusedLog:
    """largest is in bytes: beyond it the oldest lines are removed until half of it is free. Their numbers are kept."""

    def __init__(self, folder: Path, largest: int) -> None:
        self._path = folder / "refused.log"
        self._largest = largest
        self._unwritten: list[bytes] = []
        # The courier puts aside while the keeper writes what the disk did not take.
        self._lock = threading.Lock()

    def put_aside(self, numbers: Ranges, reason: str, document: bytes) -> bool:
        """Keep a refused document. What the disk does not take is kept in memory, up to 100 documents; False when
        there are so many already. Never raises."""
        refused = Refused(datetime.now(UTC), tuple(numbers), reason, Raw(document))
        with self._lock:
            if len(self._unwritten) >= _MOST_IN_MEMORY:
                self._write()
            has_room = len(self._unwritten) < _MOST_IN_MEMORY
            if has_room:
                self._unwritten.append(msgspec.json.encode(refused) + b"\n")
        self.write()
        return has_room

    def note_resent(self, numbers: Ranges) -> None:
        """These were sent again, and taken: they are refused no more. Raises OSError when it cannot be noted.

        Also for who does not hold the journal: a line is added in one write.
        """
        line = msgspec.json.encode(_Resent(tuple(numbers), datetime.now(UTC))) + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            # With a newline before it: the last line may have been cut short.
            if os.write(file, b"\n" + line) != len(line) + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        finally:
            os.close(file)

    def tidy(self) -> None:
        """Remove what was sent again, and the file when nothing is left. Only for who holds the journal. Raises
        OSError."""
        with self._lock:
            lines = self._lines()
            kept = _still_refused(lines)
            if not kept:
                self._path.unlink(missing_ok=True)
            elif len(kept) < sum(not isinstance(line, _Resent) for line in lines):
                self._replace(kept)

    def write(self) -> None:
        """Write what the disk did not take so far. Never raises."""
        if self._unwritten:
            with self._lock:
                self._write()

    def _write(self) -> None:
        if not self._unwritten:
            return
        content = b"".join(self._unwritten)
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(file).st_size
                if size and os.pread(file, 1, size - 1) != b"\n":
                    content = b"\n" + content  # a line that was cut short stays a line of its own
                if os.write(file, content) != len(content):
                    os.ftruncate(file, size)
                    return
            finally:
                os.close(file)
            self._unwritten.clear()
            if size + len(content) > self._largest:
                self._cut()

    def entries(self) -> list[Refused]:
        """The documents that are still there and were not taken since, the oldest first."""
        return [line for line in _still_refused(self._lines()) if isinstance(line, Refused)]

    def cut(self) -> int:
        """How many older ones were removed for room."""
        return sum(line.cut for line in self._lines() if isinstance(line, _Cut))

    def numbers(self) -> Ranges:
        """The numbers of all that was refused, and not taken when it was sent again."""
        return _numbers(_still_refused(self._lines()))

    def _lines(self) -> list[_Line]:
        content = b""
        with contextlib.suppress(OSError):
            content = self._path.read_bytes()
        lines: list[_Line] = []
        for text in (*content.split(b"\n"), *self._unwritten):
            if text:
                with contextlib.suppress(msgspec.MsgspecError):
                    lines.append(_decoded(text))
        return lines

    def _cut(self) -> None:
        lines = _still_refused(self._lines())
        kept: list[Refused | _Cut] = []
        size = 0
        while lines and isinstance(last := lines[-1], Refused):
            size += len(msgspec.json.encode(last)) + 1
            if size > self._largest // 2:
                break
            kept.insert(0, lines.pop())
        cut = sum(line.cut if isinstance(line, _Cut) else 1 for line in lines)
        if cut:
            kept.insert(0, _Cut(cut, tuple(_numbers(lines))))
        self._replace(kept)

    def _replace(self, lines: Sequence[Refused | _Cut]) -> None:
        beside = self._path.with_suffix(".new")
        write_private(beside, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        beside.replace(self._path)


def _decoded(text: bytes) -> _Line:
    if text.startswith(b'{"cut"'):
        return msgspec.json.decode(text, type=_Cut)
    if text.startswith(b'{"resent"'):
        return msgspec.json.decode(text, type=_Resent)
    return msgspec.json.decode(text, type=Refused)


def _still_refused(lines: list[_Line]) -> list[Refused | _Cut]:
    """Without those that were taken when they were sent again."""
    resent = united(*(line.resent for line in lines if isinstance(line, _Resent)))
    return [
        line
        for line in lines
        if isinstance(line, _Cut) or (isinstance(line, Refused) and not covers(resent, list(line.numbers)))
    ]


def _numbers(lines: list[Refused | _Cut]) -> Ranges:
    return united(*(line.numbers for line in lines))
