"""The folder of one journal: the names of the files in it, its facts, and the lock that tells whether it is written.

What the files hold is read in reader.py and written in file.py.
"""

import contextlib
import fcntl
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from actionlog_client.journal.cursor import BEGINNING, Cursor

_SEGMENT: Final = re.compile(r"(\d{8,15})\.log")
BEING_MADE: Final = ".new-"
BEING_REMOVED: Final = ".gone-"


class JournalFacts(Struct, frozen=True):
    """Who writes, or wrote, a journal. readers are the names of those that its logger wants to have read it."""

    journal_id: UUID
    engine: str | None = None
    engine_version: str | None = None
    client_version: str | None = None
    host: str | None = None
    process_id: int | None = None
    started_at: datetime | None = None
    readers: tuple[str, ...] = ()


class Segment(NamedTuple):
    """One file of lines: its number, its size in bytes, and when it was last written (seconds since 1970)."""

    number: int
    size: int
    changed_at: float


class JournalFolder:
    """A journal's folder, named by the journal's id. Any process may look into it; who holds the lock may change it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal_id = UUID(path.name)

    def segment_path(self, number: int) -> Path:
        return self.path / f"{number:08d}.log"

    def segments(self) -> list[Segment]:
        """Those that are there, ascending. None when the folder is gone."""
        found = []
        try:
            with os.scandir(self.path) as files:
                for file in files:
                    if match := _SEGMENT.fullmatch(file.name):
                        try:
                            stat = file.stat()
                        except FileNotFoundError:
                            continue
                        found.append(Segment(int(match[1]), stat.st_size, stat.st_mtime))
        except FileNotFoundError:
            return []
        return sorted(found)

    def size(self) -> int:
        """Bytes in all its files; 0 when it is gone."""
        size = 0
        try:
            with os.scandir(self.path) as files:
                for file in files:
                    try:
                        size += file.stat().st_size
                    except FileNotFoundError:
                        continue
        except FileNotFoundError:
            return 0
        return size

    def facts(self) -> JournalFacts:
        """As journal.json has them; the id alone when it cannot be read."""
        try:
            return msgspec.json.decode((self.path / "journal.json").read_bytes(), type=JournalFacts)
        except (OSError, msgspec.MsgspecError):
            return JournalFacts(self.journal_id)

    def has_refused(self) -> bool:
        return (self.path / "refused.log").exists()

    def make(self, facts: JournalFacts) -> int:
        """Make the folder with its facts and its lock; it appears whole, and locked. Returns the open lock.

        Raises OSError when it cannot be made.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = self.path.with_name(BEING_MADE + self.path.name)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        lock = os.open(making / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_private(making / "journal.json", msgspec.json.encode(facts) + b"\n")
            for reader in facts.readers:
                # Now, because a full disk has no room for a new file.
                Cursor(making / reader).save(BEGINNING)
            making.rename(self.path)
        except BaseException:
            os.close(lock)
            raise
        return lock

    def try_lock(self) -> int | None:
        """The open lock, when no other process holds it and the folder is still there. os.close lets go of it."""
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Somebody may have removed the folder between the two calls: then this is the lock of nothing.
            if os.path.samestat(os.fstat(lock), (self.path / "lock").stat()):
                return lock
        except OSError:
            pass
        os.close(lock)
        return None

    def is_held(self) -> bool:
        """Whether a process writes it, or has adopted it."""
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(lock)
        return False

    @property
    def is_finished(self) -> bool:
        """Whether it is known that nobody writes it any more, whoever holds the lock."""
        return (self.path / "finished").exists()

    def note_finished(self) -> None:
        """Never raises: without it the others leave room for a writer that is none."""
        with contextlib.suppress(OSError):
            (self.path / "finished").touch(mode=0o600)

    @property
    def end_is_told(self) -> bool:
        """Whether the server was told that nothing more will be written."""
        return (self.path / "ended").exists()

    def note_end_told(self) -> None:
        """Never raises: told again, it changes nothing."""
        with contextlib.suppress(OSError):
            (self.path / "ended").touch(mode=0o600)

    def remove(self) -> None:
        """Remove all of it. Only for who holds the lock. Never raises."""
        going = self.path.with_name(BEING_REMOVED + self.path.name)
        try:
            self.path.rename(going)
        except OSError:
            return
        shutil.rmtree(going, ignore_errors=True)


def write_private(path: Path | str, content: bytes, *, durable: bool = False, folder: int | None = None) -> None:
    """Write a file that only its owner can read; durable: it survives a power loss from then on. Raises OSError.

    folder: the open folder that a relative path is looked up in.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        if durable:
            os.fsync(file)
    finally:
        os.close(file)
