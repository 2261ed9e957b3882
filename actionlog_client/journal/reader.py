"""Reads the entries of a journal in the order of their numbers, and keeps how far its user has come.

The writer may be this process, another one, or gone. Whatever is in the files, reading never raises because of it.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from actionlog_client.journal.cursor import Cursor, Position
from actionlog_client.journal.entries import Entry
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.lines import entry_of

_CHUNK: Final = 256 * 1024
_NUMBER: Final = re.compile(rb"[^\[]{0,12}\[(\d{1,15}),")


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that were read together. start and end are the positions before and after them.

    damaged counts the lines that could not be read and were skipped; damaged_numbers are the numbers of those that
    still say it.
    """

    entries: list[Entry]
    start: Position
    end: Position
    damaged: int = 0
    damaged_numbers: tuple[int, ...] = ()


class JournalReader:
    """One of those who read a journal, named by the file that keeps its position ("delivered", "stored").

    Each batch continues after the last one; any number of them may be in flight. acknowledge() takes them in the order
    they were read. resumes: another process may have read before. All methods may be called from any thread.
    """

    def __init__(self, folder: JournalFolder, cursor_name: str, *, resumes: bool = True) -> None:
        self._folder = folder
        self._cursor = Cursor(folder.path / cursor_name)
        self._lock = threading.RLock()
        self._file = -1
        self._file_segment = 0
        self._done = self._cursor.load()
        self._position = self._done
        # An earlier process may have read somewhat further than it acknowledged, and what was sent must not change.
        self._reached = self._done.segment + 1 if resumes else 0

    @property
    def done(self) -> Position:
        """Up to here all was acknowledged."""
        return self._done

    def has_begun(self, segment: int) -> bool:
        """Whether something of this segment was read, by this process or an earlier one, and is not acknowledged."""
        with self._lock:
            return self._done.segment <= segment <= self._reached

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is read meanwhile."""
        with self._lock:
            yield

    def read(self, most_entries: int = 1000, most_bytes: int = 1024 * 1024) -> Batch | None:
        """The next entries: at least one when there is any, even beyond most_bytes; None when there is nothing new.

        A line without an end is waited for: its writer is at it, or died at it, and then its call never returned.
        Raises OSError when a file cannot be read.
        """
        with self._lock:
            start = position = self._position
            last = position.number
            entries: list[Entry] = []
            damaged = 0
            damaged_numbers: list[int] = []
            room = most_bytes
            while len(entries) + damaged < most_entries and room > 0:
                found = len(entries) + damaged
                lines = self._lines(position, most_entries - found, room, at_least_one=not found)
                if not lines:
                    # A batch that has something ends with its segment, or where the next line is too long for it.
                    following = self._following(position) if not found else None
                    if following is None:
                        break
                    position = following
                    continue
                offset = position.offset
                for line in lines:
                    offset += len(line) + 1
                    if not line:
                        continue
                    entry = entry_of(line)
                    if entry is None:
                        damaged += 1
                        if (number := _NUMBER.match(line)) and int(number[1]) > last:
                            damaged_numbers.append(int(number[1]))
                    # An append that was interrupted by another one in its own thread may stand there twice.
                    elif entry.number > last:
                        last = entry.number
                        entries.append(entry)
                room -= offset - position.offset
                position = Position(position.segment, offset, last)
            if not entries and not damaged:
                return None
            self._position = position
            self._reached = max(self._reached, position.segment)
            known = {entry.number for entry in entries}
            return Batch(entries, start, position, damaged, tuple(n for n in damaged_numbers if n not in known))

    def acknowledge(self, batch: Batch) -> None:
        """All of this batch is done, for good. Raises ValueError when an earlier one is not yet.

        When that cannot be written down it holds for this process even so; another one would do it again.
        """
        with self._lock:
            if batch.start.number != self._done.number:
                raise ValueError(f"The batch before this one ends at {batch.start}; only {self._done} is acknowledged.")
            self._done = batch.end
            with contextlib.suppress(OSError):
                self._cursor.save(batch.end)

    def rewind(self) -> None:
        """Read again what was read and not acknowledged."""
        with self._lock:
            self._position = self._done

    def is_at_end(self) -> bool:
        """Whether all that can be read was acknowledged."""
        with self._lock:
            if self._position != self._done:
                return False
            batch = self.read(1)
            self._position = self._done
            return batch is None

    def close(self) -> None:
        """Let go of the open file. The reader may be used again."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file, self._file_segment = -1, 0

    def leave_to_parent(self) -> None:
        """Called in a forked child, whose parent may have been in the midst of reading."""
        self._lock = threading.RLock()
        self.close()

    def _lines(self, position: Position, most: int, room: int, *, at_least_one: bool) -> list[bytes]:
        """The next whole lines of this segment, without their newlines; none at its end."""
        if not self._open(position.segment):
            return []
        size = min(room, _CHUNK)
        while True:
            data = os.pread(self._file, size, position.offset)
            lines = data.split(b"\n", most)
            lines.pop()  # what stands after the last newline, or beyond what is wanted
            if lines or len(data) < size or not at_least_one:
                return lines
            size, most = size * 4, 1  # one line longer than all that

    def _open(self, segment: int) -> bool:
        if self._file_segment == segment:
            return True
        self.close()
        try:
            self._file = os.open(self._folder.segment_path(segment), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._file_segment = segment
        return True

    def _following(self, position: Position) -> Position | None:
        """The beginning of the next segment, when this one is read to its end and nothing more will come to it.

        That is so once a later one has bytes: the writer has left this one for good. A line without an end, left by a
        power loss, stays behind. Or this one is not there: what was before the first segment is done by everybody.
        """
        later = [each.number for each in self._folder.segments() if each.number > position.segment and each.size]
        if not later:
            return None
        # Written between our last look at this segment and the first byte of the next?
        if self._lines(position, 1, _CHUNK, at_least_one=True):
            return position
        return Position(min(later), 0, position.number)


def last_number(folder: JournalFolder) -> int:
    """The number of the last whole entry in a journal that nobody writes; 0 when there is none, or when all were
    removed."""
    for segment in reversed(folder.segments()):
        try:
            lines = folder.segment_path(segment.number).read_bytes().split(b"\n")[:-1]
        except OSError:
            continue
        if numbers := [max(entry.numbers()) for line in lines if (entry := entry_of(line)) is not None]:
            return max(numbers)
    return 0
