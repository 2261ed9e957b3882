"""Writes each completed attempt into a file of its own, whole or not at all. A second reader of the journals.

What is told of attempts that are not complete is held back for a while, and read again from the journal after a crash.
When it becomes too much, or too old, it is put into the folder's .open as unfinished files, so that the journal need
not keep it. Memory is bounded by that, whatever the journals hold.
"""

import fcntl
import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from actionlog_client.bell import Bell
from actionlog_client.journal.cursor import STORED
from actionlog_client.journal.entries import Entry
from actionlog_client.journal.folder import write_private
from actionlog_client.journal.held import HeldJournal
from actionlog_client.journal.reader import Batch
from actionlog_client.rounds import Rounds
from actionlog_client.stored_attempt import Members, is_complete, members_of, merged, readable, tells_completion

logger = logging.getLogger("actionlog")

OPEN_FOLDER: Final = ".open"

# It looks so often by itself: nobody waits for a file, and a logging call should wake no thread for it.
IDLE_SECONDS: Final = 0.25
# So much of unfinished attempts is held back, per journal, and for so long.
MOST_HELD_BYTES: Final = 4 * 1024 * 1024
MOST_HELD_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
# The reader holds Python's lock for so many entries at a time.
_ENTRIES_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 1024 * 1024
_SAFE_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


class JsonStore:
    """Keeps the files of one folder up to date with the journals of this process, in a thread of its own.

    journals gives those that are to be read; it is called by the thread before each round. fsync: a file survives a
    power loss too.
    """

    def __init__(self, folder: Path, journals: Callable[[], Sequence[HeldJournal]], *, fsync: bool = False) -> None:
        self._folder = AttemptFolder(folder, fsync=fsync)
        self._journals = journals
        self._readings: dict[UUID, _Reading] = {}
        self._wake = Bell()
        self._rounds = Rounds()
        self._closing = False
        self.last_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="actionlog-store", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wake.ring()

    def flush(self, timeout: float | None) -> bool:
        """Wait until the files hold each attempt completed before this call, for at most so many seconds. Whether they
        do."""
        return self._rounds.wait(timeout, self._wake.ring, lambda: not self._thread.is_alive())

    def close(self, timeout: float | None) -> bool:
        """Flush, and end the thread. Whether all was stored; what was not is read by the next process."""
        stored = self.flush(timeout)
        self._closing = True
        self._wake.ring()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return stored

    def is_done(self, journal_id: UUID) -> bool:
        """Whether a journal was closed and all of it is in files: it can be released."""
        reading = self._readings.get(journal_id)
        return reading is not None and reading.is_done

    def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            number = self._rounds.begin()
            try:
                self._round()
            except Exception as error:
                self._failed(error)
                continue
            if self.last_error is not None:
                logger.warning("attempts can be written to %s again", self._folder.path)
            self.last_error = None
            self._rounds.end(number)
            self._wake.wait(IDLE_SECONDS)

    def _round(self) -> None:
        journals = {journal.journal_id: journal for journal in self._journals()}
        for journal_id in self._readings.keys() - journals.keys():
            del self._readings[journal_id]
        for journal in journals.values():
            reading = self._readings.get(journal.journal_id)
            if reading is None:
                reading = self._readings[journal.journal_id] = _Reading(journal, self._folder)
            reading.read_on()

    def _failed(self, error: Exception) -> None:
        for reading in self._readings.values():
            reading.start_over()
        if self.last_error is None:
            if isinstance(error, OSError):
                logger.warning(
                    "attempts cannot be written to %s (%s); they stay in the journal until they can",
                    self._folder.path,
                    error,
                )
            else:
                logger.exception("the store of attempts failed; it will be tried again")
        self.last_error = str(error)
        deadline = time.monotonic() + RETRY_SECONDS
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class _Reading:
    """How far the store is with one journal, and what it holds back of it."""

    def __init__(self, journal: HeldJournal, folder: "AttemptFolder") -> None:
        self.is_done = False
        self._journal = journal
        self._folder = folder
        self._reader = journal.reader(STORED)
        self._batches: list[Batch] = []
        self._open: dict[str, list[Entry]] = {}
        self._held_bytes = 0
        self._held_since = 0.0

    def read_on(self) -> None:
        """Write what is complete, and put aside what was held back for too long. Raises OSError."""
        was_closed = self._journal.is_closed
        while (batch := self._reader.read(_ENTRIES_AT_ONCE, _BYTES_AT_ONCE)) is not None:
            self._take(batch)
            if self._held_bytes > MOST_HELD_BYTES:
                self._let_go()
            time.sleep(0)  # others may want Python's lock
        if was_closed or not self._open or time.monotonic() - self._held_since > MOST_HELD_SECONDS:
            self._let_go()
        self.is_done = was_closed

    def start_over(self) -> None:
        """After a failure: nothing that was not acknowledged is taken for done."""
        self._reader.rewind()
        self._batches, self._open, self._held_bytes = [], {}, 0

    def _take(self, batch: Batch) -> None:
        if not self._batches:
            self._held_since = time.monotonic()
        self._batches.append(batch)
        complete: dict[str, list[Entry]] = {}
        for entry in batch.entries:
            if entry.kind != "attempt":
                continue
            self._open.setdefault(entry.id, []).append(entry)
            self._held_bytes += len(bytes(entry.facts)) + len(bytes(entry.steps)) + len(bytes(entry.extra)) + 500
            if tells_completion(entry):
                complete[entry.id] = self._open[entry.id]
        if complete:
            self._folder.tell(complete)
            for attempt_id in complete:
                del self._open[attempt_id]

    def _let_go(self) -> None:
        """All that was read is in files, complete or not: the journal need not keep it."""
        if self._open:
            self._folder.tell(self._open)
        for batch in self._batches:
            # A position that cannot be written down holds for this process; the next one writes the same files again.
            with suppress(OSError):
                self._reader.acknowledge(batch)
        self._batches, self._open, self._held_bytes = [], {}, 0


class AttemptFolder:
    """The files: PATH/<attempt_id>.json for each complete attempt, PATH/.open/<attempt_id>.part for others put aside.

    Several processes may write into one folder.
    """

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        self.path = path
        self._open = path / OPEN_FOLDER
        self._fsync = fsync

    def tell(self, entries: dict[str, list[Entry]]) -> None:
        """Bring the files of these attempts up to date. Telling the same again changes nothing. Raises OSError."""
        with self._locked():
            # A relative path to a long folder is looked up once for each call: the folders are opened instead.
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            aside = os.open(self._open, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for attempt_id, told in entries.items():
                    try:
                        self._tell_one(attempt_id, told, folder, aside)
                    except (msgspec.MsgspecError, RecursionError) as error:
                        # One file that was tampered with keeps no other from being written.
                        logger.error(
                            "the file of attempt %s cannot be added to (%s); it stays as it is", attempt_id, error
                        )
                if self._fsync:
                    os.fsync(folder)
                    os.fsync(aside)
            finally:
                os.close(folder)
                os.close(aside)

    def _tell_one(self, attempt_id: str, told: list[Entry], folder: int, aside: int) -> None:
        name = attempt_id if _SAFE_NAME.fullmatch(attempt_id) else hashlib.sha256(attempt_id.encode()).hexdigest()
        whole, part = f"{name}.json", f"{name}.part"
        known = _read(whole, folder)
        put_aside = None
        if known is None:
            known = put_aside = _read(part, aside)
        document = merged(known, told)
        if document == known:
            return
        if is_complete(document):
            self._write(whole, folder, document)
            if put_aside is not None:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=aside)
        else:
            self._write(part, aside, document)

    def _write(self, name: str, folder: int, document: Members) -> None:
        """Under another name first: whoever reads the file sees all of it, or the one before."""
        making = f".{name}.new"
        try:
            write_private(making, readable(document), durable=self._fsync, folder=folder)
            os.rename(making, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(making, dir_fd=folder)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time: a file is read and written again when more is told of its attempt."""
        self._open.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._open / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def read_store(folder: Path) -> Iterator[dict[str, Any]]:
    """The attempts in the folder's files, complete ones only, in no order. What is no such file is passed over."""
    for path in attempt_files(folder):
        with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            document = msgspec.json.decode(path.read_bytes())
            if isinstance(document, dict) and isinstance(document.get("attempt_id"), str):
                yield document


def attempt_files(folder: Path, *, unfinished: bool = False, changed_after: float = 0.0) -> Iterator[Path]:
    """The files that may hold an attempt, last written after a time (seconds since 1970)."""
    for place, ending in ((folder, ".json"), *(((folder / OPEN_FOLDER, ".part"),) if unfinished else ())):
        try:
            with os.scandir(place) as files:
                for file in files:
                    if not file.name.endswith(ending) or file.name.startswith("."):
                        continue
                    with suppress(OSError):
                        if not changed_after or file.stat().st_mtime >= changed_after:
                            yield Path(file.path)
        except OSError:
            continue


def _read(name: str, folder: int) -> Members | None:
    """What a file has; None when there is none, or nothing that can be read."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    with open(file, "rb") as opened:
        try:
            return members_of(opened.read())
        except (msgspec.MsgspecError, RecursionError):
            return None
