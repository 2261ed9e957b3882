"""A journal of which this process holds the lock: it writes it, or has adopted it from a process that is gone.

What is done with such a journal, whoever wrote it, is here; the writing is in file.py.
"""

import os
import threading
from pathlib import Path
from uuid import UUID

from actionlog_client.journal.folder import JournalFacts, JournalFolder
from actionlog_client.journal.reader import JournalReader, last_number


class HeldJournal:
    """Gives out the readers, one for each name."""

    def __init__(self, folder: JournalFolder, facts: JournalFacts, lock: int | None) -> None:
        self.folder = folder
        self.facts = facts
        self._lock_file = lock
        self._last_number: int | None = None
        self._readers: dict[str, JournalReader] = {}
        self._readers_lock = threading.Lock()

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
                reader = self._readers[name] = JournalReader(self.folder, name)
            return reader

    def readers(self) -> list[JournalReader]:
        with self._readers_lock:
            return list(self._readers.values())

    @property
    def is_held(self) -> bool:
        return self._lock_file is not None

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

    # TEMPORARY
    aside: list = []

    def put_aside(self, numbers, refusal, document, *, server_knows):
        print("ASIDE", numbers, refusal, document[:300])
