"""The folder that holds the journals: of this process, of others that share it, and of those that are gone.

Begins journals, lists them, adopts those whose process is gone, and keeps all of them within the disk budget.
"""

import contextlib
import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from actionlog_client.journal.cursor import DELIVERED, Cursor
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.folder import BEING_MADE, BEING_REMOVED, JournalFacts, JournalFolder
from actionlog_client.journal.held import HeldJournal
from actionlog_client.journal.reader import last_number
from actionlog_client.journal.room import (
    KEEP,
    KEPT_JOURNALS,
    SHED,
    Room,
    refused_share,
    reserve_size,
    room_left,
    segment_size,
)

logger = logging.getLogger("actionlog")

_ID: Final = re.compile("[0-9a-f]{32}")
_QUICK: Final = 0.05  # seconds a look may take each time
_PATIENCE: Final = 20  # times what it took, when it took longer
_BEING_MADE_FOR: Final = 3600  # seconds


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

    essential are those of them for whom alone what is read is kept once the budget is nearly used up: all, unless told.
    budget is in bytes, for all journals in it. Making one touches nothing on disk and never raises.
    """

    def __init__(
        self,
        path: Path,
        budget: int,
        *,
        readers: Sequence[str] = (DELIVERED,),
        essential: Sequence[str] | None = None,
        tells_end: bool = False,
        fsync: bool = False,
    ) -> None:
        self.path = path
        self.budget = budget
        self.readers = tuple(readers)
        self._others = frozenset(readers) - frozenset(readers if essential is None else essential)
        self._told_of_others = False
        self._tells_end = tells_end
        self._fsync = fsync
        self._held: dict[UUID, HeldJournal] = {}
        self._tend_after = 0.0

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
            refused_share=refused_share(self.budget),
            measure=self.make_room,
        )
        self._held[journal.journal_id] = journal
        return journal

    def held(self) -> list[HeldJournal]:
        """The journals of this process: written or adopted by it, and not released."""
        return list(self._held.values())

    def adopt(self, most: int = 16) -> list[HeldJournal]:
        """Take over journals whose process is gone and in which something is left for our readers, the oldest first;
        also those of which nobody has told the server that they have ended, if that is done here.

        A journal that another process takes at the same moment is its own. Never raises.
        """
        adopted: list[HeldJournal] = []
        for folder in self._folders():
            if len(adopted) >= most:
                break
            if folder.journal_id in self._held or folder.is_held():
                continue
            if self._is_done(folder, self.readers) and (folder.end_is_told or not self._tells_end):
                continue
            lock = folder.try_lock()
            if lock is None:
                continue
            folder.note_finished()
            journal = HeldJournal(folder, folder.facts(), lock, refused_share(self.budget))
            self._held[journal.journal_id] = journal
            adopted.append(journal)
        return adopted

    def release(self, journal: HeldJournal) -> None:
        """Let go of a journal: it is closed, and its readers need it no more. What is left, others may adopt."""
        if isinstance(journal, FileJournal):
            journal.close()
        self._held.pop(journal.journal_id, None)
        journal.release()

    def release_all(self) -> None:
        for journal in self.held():
            self.release(journal)

    def leave_to_parent(self) -> None:
        """Called in a forked child: let go of all journals, without disturbing the parent."""
        held, self._held = self.held(), {}
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
            if not folder.path.exists():
                continue  # removed while we looked
            states.append(JournalState(facts, folder.path, max(written, *done.values(), 0), done, held, size))
        return states

    def make_room(self) -> Room:
        """Remove what is to go first, and say what each journal that is written may grow. Never raises."""
        return room_left(self.budget, *self._measured())

    def tend(self) -> None:
        """The work in the background: keep within the budget, and write what waits. To be called each second or so.

        It looks at every file in the folder; when that takes long, it does so less often. Never raises.
        """
        journals = self.held()
        writing = [journal for journal in journals if isinstance(journal, FileJournal)]
        began = time.monotonic()
        if began >= self._tend_after:
            used, writers = self._measured()
            for journal in journals:
                if used > self.budget * SHED:
                    used -= journal.shed(self._names(journal.facts))
            for written in writing:
                written.allow(room_left(self.budget, used, writers))
            took = time.monotonic() - began
            if took > _QUICK:
                self._tend_after = began + took * _PATIENCE
        for journal in journals:
            journal.refused.write()
        for written in writing:
            written.tend()

    def _measured(self) -> tuple[int, int]:
        """The bytes in use and the number of writers, after what is to go first has gone."""
        self._remove_leftovers()
        folders = self._folders()
        used = sum(folder.size() for folder in folders)
        if len(folders) > KEPT_JOURNALS:
            used -= self._remove_old(folders)
        disk_is_full = any(isinstance(journal, FileJournal) and journal.obstacle for journal in self.held())
        kept = 0 if disk_is_full else int(self.budget * KEEP)
        if used > kept:
            used -= self._remove_done(folders, used - kept)
        if used > self.budget * SHED and self._others:
            # Rather than that steps are given up, and starts refused, because of a reader that is stuck.
            gained = self._remove_done(folders, used - kept, without=self._others)
            if gained and not self._told_of_others:
                self._told_of_others = True
                logger.warning("entries go from %s for room before they were %s", self.path, ", ".join(self._others))
            used -= gained
        return used, sum(folder.is_held() and not folder.is_finished for folder in folders)

    def _remove_done(
        self, folders: Sequence[JournalFolder], wanted: int, *, without: frozenset[str] = frozenset()
    ) -> int:
        """Remove what all readers, but for some, are done with, the journals that changed longest ago first, until so
        many bytes are gained. Returns the bytes gained."""
        gained = 0
        # What was refused is nowhere else: it goes last.
        for folder in sorted(folders, key=JournalFolder.has_refused):
            if gained >= wanted:
                break
            ours = self._held.get(folder.journal_id)
            if ours is not None:
                gained += ours.remove_done(set(self._names(ours.facts)) - without, wanted - gained)
                continue
            with self._orphan(folder) as orphan:
                if orphan is None:
                    continue
                names = set(self._names(orphan.facts)) - without
                gained += orphan.remove() if orphan.is_done(names) else orphan.remove_done(names, wanted - gained)
        return gained

    def _remove_old(self, folders: Sequence[JournalFolder]) -> int:
        """Remove the journals of which nothing is left to do, beyond those that are kept. Returns the bytes gained."""
        gained = 0
        finished = [
            folder
            for folder in folders
            if folder.journal_id not in self._held
            and not folder.has_refused()
            and not folder.is_held()
            and self._is_done(folder, self._names(folder.facts()))
        ]
        for folder in finished[:-KEPT_JOURNALS]:
            with self._orphan(folder) as orphan:
                if orphan is not None:
                    gained += orphan.remove()
        return gained

    @contextlib.contextmanager
    def _orphan(self, folder: JournalFolder) -> Iterator[HeldJournal | None]:
        """The journal with its lock, for as long as that takes; None when a process has it."""
        lock = folder.try_lock()
        if lock is None:
            yield None
            return
        journal = HeldJournal(folder, folder.facts(), lock)
        try:
            yield journal
        finally:
            journal.release()

    def _names(self, facts: JournalFacts) -> tuple[str, ...]:
        """Those that are to read a journal: for its own logger, and for ours."""
        return tuple({*self.readers, *facts.readers})

    def _folders(self) -> list[JournalFolder]:
        """The oldest first. None when the directory cannot be read."""
        try:
            with os.scandir(self.path) as entries:
                found = [(entry.stat().st_mtime, entry.name) for entry in entries if _ID.fullmatch(entry.name)]
        except OSError:
            return []
        return [JournalFolder(self.path / name) for _, name in sorted(found)]

    def _remove_leftovers(self) -> None:
        """What a process left that was killed in the midst of making or removing a journal."""
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                made = entry.name.startswith(BEING_MADE) and entry.stat().st_mtime < time.time() - _BEING_MADE_FOR
                if made or entry.name.startswith(BEING_REMOVED):
                    shutil.rmtree(entry.path, ignore_errors=True)

    @staticmethod
    def _is_done(folder: JournalFolder, names: Sequence[str]) -> bool:
        """Whether these readers have read all of a journal that nobody writes."""
        return HeldJournal(folder, JournalFacts(folder.journal_id), None).is_done(names)
