"""The folder that holds the journals: of this process, of others that share it, and of those that are gone.

Begins journals, lists them, adopts those whose process is gone, and keeps all of them within the disk budget.
"""

import os
import re
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from actionlog_client.journal.cursor import Cursor
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.folder import JournalFacts, JournalFolder
from actionlog_client.journal.held import HeldJournal
from actionlog_client.journal.reader import JournalReader, last_number
from actionlog_client.journal.room import Room, reserve_size, room_left, segment_size

_ID: Final = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class JournalState:
    """What can be seen of a journal from outside. done: for each reader, the number up to which it is done.

    size is in bytes, of all its files; is_held: a process writes it, or has adopted it.
    """

    facts: JournalFacts
    path: Path
    written: int
    done: dict[str, int]
    is_held: bool
    size: int


class JournalDirectory:
    """readers are the names of those who are to read each journal; what all of them are done with may be removed.

    budget is in bytes, for all journals in it. Making one touches nothing on disk and never raises.
    """

    def __init__(
        self, path: Path, budget: int, *, readers: Sequence[str] = ("delivered",), fsync: bool = False
    ) -> None:
        self.path = path
        self.budget = budget
        self.readers = tuple(readers)
        self._fsync = fsync
        self._held: dict[UUID, HeldJournal] = {}
        self._lock = threading.Lock()

    def begin(
        self, *, engine: str | None = None, engine_version: str | None = None, client_version: str | None = None
    ) -> FileJournal:
        """A new journal of this process. Its folder is made with its first entry."""
        facts = JournalFacts(
            journal_id=uuid4(),
            engine=engine,
            engine_version=engine_version,
            client_version=client_version,
            host=socket.gethostname(),
            process_id=os.getpid(),
            started_at=datetime.now(UTC),
            readers=self.readers,
        )
        journal = FileJournal(
            JournalFolder(self.path / facts.journal_id.hex),
            facts,
            fsync=self._fsync,
            segment_size=segment_size(self.budget),
            reserve=reserve_size(self.budget),
            measure=self.measure,
        )
        self._held[journal.journal_id] = journal
        return journal

    def held(self) -> list[HeldJournal]:
        """The journals of this process: written or adopted by it, and not released."""
        return list(self._held.values())

    def adopt(self, most: int = 16) -> list[HeldJournal]:
        """Take over journals whose process is gone and in which something is left for our readers, the oldest first.

        A journal that another process takes at the same moment is its own. Never raises.
        """
        adopted: list[HeldJournal] = []
        for folder in self._folders():
            if len(adopted) >= most:
                break
            if folder.journal_id in self._held or folder.is_held() or self._is_done(folder):
                continue
            lock = folder.try_lock()
            if lock is None:
                continue
            journal = HeldJournal(folder, folder.facts(), lock)
            self._held[journal.journal_id] = journal
            adopted.append(journal)
        return adopted

    def release(self, journal: HeldJournal) -> None:
        """Let go of a journal: it is closed, and its readers need it no more. What is left, others may adopt."""
        if isinstance(journal, FileJournal):
            journal.close()
        self._held.pop(journal.journal_id, None)
        journal.release()

    def leave_to_parent(self) -> None:
        """Called in a forked child: let go of all journals, without disturbing the parent."""
        held, self._held = self.held(), {}
        self._lock = threading.Lock()
        for journal in held:
            journal.leave_to_parent()

    def journals(self) -> list[JournalState]:
        """All that are there, the oldest first. One that is removed in the meantime is left out."""
        states = []
        for folder in self._folders():
            size = folder.size()
            if not size:
                continue
            facts = folder.facts()
            ours = self._held.get(folder.journal_id)
            done = {name: Cursor(folder.path / name).load().number for name in (*self.readers, *facts.readers)}
            written = ours.written if ours is not None else last_number(folder)
            held = ours is not None or folder.is_held()
            states.append(JournalState(facts, folder.path, max(written, *done.values(), 0), done, held, size))
        return states

    def measure(self) -> Room:
        """What each journal that is written may grow."""
        used = writers = 0
        for folder in self._folders():
            used += folder.size()
            writers += folder.is_held()
        return room_left(self.budget, used, writers)

    def _folders(self) -> list[JournalFolder]:
        """The oldest first. None when the directory cannot be read."""
        try:
            with os.scandir(self.path) as entries:
                found = [(entry.stat().st_mtime, entry.name) for entry in entries if _ID.fullmatch(entry.name)]
        except OSError:
            return []
        return [JournalFolder(self.path / name) for _, name in sorted(found)]

    def _is_done(self, folder: JournalFolder) -> bool:
        """Whether all our readers have read all of a journal that nobody writes."""
        for name in self.readers:
            reader = JournalReader(folder, name)
            try:
                if not reader.is_at_end():
                    return False
            except OSError:
                return False
            finally:
                reader.close()
        return True

    # TEMPORARY
    def tend(self):
        for j in self.held():
            if isinstance(j, FileJournal):
                j.tend()
