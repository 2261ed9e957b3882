"""A journal of which this process holds the lock: it writes it, or has adopted it from a process that is gone.

What is done with such a journal, whoever wrote it, is here; the writing is in file.py.
"""

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from actionlog_client.delivery.documents import Ranges
from actionlog_client.journal.cursor import STORED, Position
from actionlog_client.journal.folder import JournalFacts, JournalFolder, Segment, write_private
from actionlog_client.journal.lines import entry_of, sealed
from actionlog_client.journal.reader import JournalReader, last_number
from actionlog_client.journal.refused import RefusedLog
from actionlog_client.journal.removed import note_removed
from actionlog_client.journal.shedding import without_details

DEFAULT_REFUSED_SHARE: Final = 1024 * 1024


class HeldJournal:
    """Gives out the readers, one for each name."""

    def __init__(
        self, folder: JournalFolder, facts: JournalFacts, lock: int | None, refused_share: int = DEFAULT_REFUSED_SHARE
    ) -> None:
        self.folder = folder
        self.facts = facts
        self._lock_file = lock
        self._last_number: int | None = None
        self._readers: dict[str, JournalReader] = {}
        self._readers_lock = threading.Lock()
        self._was_read = True
        self._shed: set[int] = set()
        self.refused = RefusedLog(folder.path, refused_share)

    @property
    def journal_id(self) -> UUID:
        return self.folder.journal_id

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be written to it."""
        return True

    @property
    def written(self) -> int:
        """The number of the last entry; 0 when there is none. Of an adopted journal: as the files tell."""
        if self._last_number is None:
            self._last_number = last_number(self.folder)
        return self._last_number

    def reader(self, name: str) -> JournalReader:
        """The reader of this name; always the same one."""
        with self._readers_lock:
            reader = self._readers.get(name)
            if reader is None:
                reader = self._readers[name] = JournalReader(self.folder, name, resumes=self._was_read)
            return reader

    def readers(self) -> list[JournalReader]:
        with self._readers_lock:
            return list(self._readers.values())

    def put_aside(self, numbers: Ranges, reason: str, document: bytes) -> bool:
        """Keep a document that the server refused, with the numbers of the entries in it. Whether there was room.
        Never raises."""
        return self.refused.put_aside(numbers, reason, document)

    def is_done(self, names: Iterable[str]) -> bool:
        """Whether nothing more will be written and all these readers have read all. Never raises."""
        if not self.is_closed:
            return False
        try:
            return all(self.reader(name).is_at_end() for name in names)
        except OSError:
            return False
        finally:
            for reader in self.readers():
                reader.close()

    def remove_done(self, names: Iterable[str], wanted: int) -> int:
        """Remove segments that these readers are done with, the oldest first, until so many bytes are gained.
        The last one stays. Returns how many bytes it gained. Never raises."""
        gained = 0
        removed = []
        done = min((self.reader(name).done for name in names), default=None)
        for segment in self.folder.segments()[:-1]:
            if gained >= wanted or not (done is None or _is_before(segment, done)):
                break
            with contextlib.suppress(OSError):
                self.folder.segment_path(segment.number).unlink()
                gained += segment.size
                removed.append(segment)
        self._note_removed(removed, self.reader(STORED).done)
        return gained

    def remove(self) -> int:
        """Remove all of it. Returns how many bytes it gained. Never raises."""
        size = self.folder.size()
        segments, stored = self.folder.segments(), self.reader(STORED).done
        self.folder.remove()
        self._note_removed(segments, stored)
        return size

    def _note_removed(self, segments: list[Segment], stored: Position) -> None:
        is_stored = all(_is_before(segment, stored) for segment in segments if segment.size)
        note_removed(self.path.parent, segments, is_stored=is_stored)

    def shed(self, names: Iterable[str]) -> int:
        """Give up the details of steps in segments that are closed and of which these readers have begun nothing.

        What was begun may have arrived, and must not be told differently again. Returns how many bytes it gained.
        Never raises.
        """
        readers = [self.reader(name) for name in names]
        gained = 0
        for segment in self.folder.segments()[:-1]:
            if segment.number not in self._shed and not any(reader.has_begun(segment.number) for reader in readers):
                self._shed.add(segment.number)
                with contextlib.suppress(OSError):
                    gained += self._rewrite(segment, readers)
        return gained

    def _rewrite(self, segment: Segment, readers: list[JournalReader]) -> int:
        path = self.folder.segment_path(segment.number)
        entries = [entry for line in path.read_bytes().split(b"\n") if (entry := entry_of(line)) is not None]
        content = b"".join(sealed(msgspec.json.encode(entry)) for entry in without_details(entries))
        if len(content) >= segment.size:
            return 0
        beside = path.with_suffix(".shed")
        try:
            write_private(beside, content, durable=True)
            with contextlib.ExitStack() as stack:
                for reader in readers:
                    stack.enter_context(reader.paused())
                if any(reader.has_begun(segment.number) for reader in readers):
                    return 0
                beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return segment.size - len(content)

    def release(self) -> None:
        """Let go of the lock and the files: another process may adopt the journal, if its readers are not done."""
        for reader in self.readers():
            reader.close()
        # Closing is enough, and all that a forked child may do: the lock belongs to it and its parent together.
        lock, self._lock_file = self._lock_file, None
        if lock is not None:
            os.close(lock)

    def leave_to_parent(self) -> None:
        """Called in a forked child: close what was inherited. The parent's lock and files are as they were."""
        self._readers_lock = threading.Lock()
        for reader in self.readers():
            reader.leave_to_parent()
        self.release()


def _is_before(segment: Segment, position: Position) -> bool:
    """Whether a segment that is complete ends at this position or before it."""
    return segment.number < position.segment or segment[:2] == position[:2]
