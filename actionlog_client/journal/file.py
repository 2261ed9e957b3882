"""The journal on disk, as its one writer has it: an entry is in the file when append() returns.

When it may grow is decided in room.py, and measured by directory.py.

A thread may be interrupted in the midst of append() by a signal handler or a destructor that logs too. The lock lets
it in again, so append() is written to be entered anew between any two calls: it announces its line and takes its
number in two assignments with no call between them, and whoever comes while a line is announced writes it first. The
line may then stand in the file twice; readers skip the second.
"""

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from actionlog_client.journal.entries import (
    EMPTY_LIST,
    EMPTY_OBJECT,
    JournalClosed,
    JournalFull,
    Kind,
    Weight,
)
from actionlog_client.journal.folder import JournalFacts, JournalFolder
from actionlog_client.journal.held import DEFAULT_REFUSED_SHARE, HeldJournal
from actionlog_client.journal.lines import entry_line
from actionlog_client.journal.room import OUTCOME_ROOM, UNLIMITED, WAITING_BARE, WAITING_WHOLE, Room

DEFAULT_SEGMENT_SIZE: Final = 4 * 1024 * 1024
_LOOK_AGAIN: Final = 0.1  # seconds
_START: Final = Weight.START
_STEP: Final = Weight.STEP
_OUTCOME: Final = Weight.OUTCOME


class FileJournal(HeldJournal):
    """Writes entries to segments. Nothing is made on disk before the first entry, so making a journal never fails.

    measure tells how much it may grow: it is asked when the journal is opened, and when a start would be refused.
    reserve is the size in bytes of a file that is given up for outcomes when the disk is full; tend() makes it.
    """

    def __init__(
        self,
        folder: JournalFolder,
        facts: JournalFacts,
        *,
        fsync: bool = False,
        segment_size: int = DEFAULT_SEGMENT_SIZE,
        reserve: int = 0,
        refused_share: int = DEFAULT_REFUSED_SHARE,
        measure: Callable[[], Room] = lambda: UNLIMITED,
    ) -> None:
        super().__init__(folder, facts, None, refused_share)
        self._was_read = False
        self._fsync = fsync
        self._segment_size = segment_size
        self._reserve = reserve
        self._has_reserve = False
        self._measure = measure
        self._lock = threading.RLock()
        self._file = -1
        self._segment = 0
        self._size = 0  # of the segment
        self._written = 0
        self._announced: bytes | None = None
        self._moving = False  # opening, or going on to the next segment
        self._torn = False  # the file may end within a line
        self._closed = False
        self._disk_refuses: str | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        # Something is to be looked at before the next line is written.
        self._alert = True
        self._grown = 0
        self._look_after = 0.0
        self._steps_until = self._starts_until = self._outcomes_until = 0
        # Set aside for the outcomes of what has started and not ended.
        self._reserved = 0

    @property
    def written(self) -> int:
        return self._written

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        """How many outcomes are in memory only, because the disk has no room for them."""
        return len(self._waiting)

    @property
    def obstacle(self) -> str | None:
        """Why the disk refuses to take entries, if it does."""
        return self._disk_refuses

    def append(
        self,
        kind: Kind,
        record_id: str,
        identity: bytes,
        status: str | None = None,
        *,
        facts: bytes = EMPTY_OBJECT,
        steps: bytes = EMPTY_LIST,
        extra: bytes = EMPTY_OBJECT,
        weight: Weight,
    ) -> int:
        """As TakesEntries.append."""
        with self._lock:
            obstacle = None
            while True:
                number = self._written + 1
                line = entry_line(number, kind, record_id, identity, status, facts, steps, extra)
                length = len(line)
                if (
                    self._alert
                    or self._announced is not None
                    or self._grown + self._reserved + length > self._steps_until
                ):
                    obstacle = self._look(weight, length)
                    if weight is _OUTCOME:
                        if length > OUTCOME_ROOM and self._grown + self._reserved + length > self._outcomes_until:
                            # The outcomes of all the others come first, whatever one of them has to say.
                            line = _bare(number, kind, record_id, identity, status, length)
                            length = len(line)
                    elif obstacle is not None:
                        return _refused(weight, obstacle)
                # No call stands between these three, so nobody gets in between.
                if self._written + 1 == number:
                    self._written = number
                    self._announced = line
                    break
            if obstacle is None:
                obstacle = self._write(line, line)
                if obstacle is not None and weight is _OUTCOME and self._give_up_reserve():
                    obstacle = self._write(line, line)
            if obstacle is not None:
                if weight is not _OUTCOME and self._withdraw(number, line):
                    return _refused(weight, obstacle)
                if self._announced is line:
                    self._keep_waiting(line, _bare(number, kind, record_id, identity, status, length))
                return number
            self._announced = None
            if weight is _START:
                self._reserved += OUTCOME_ROOM
            elif weight is _OUTCOME and status != "in_progress" and self._reserved:
                # The end, also when it is told without an outcome.
                self._reserved -= OUTCOME_ROOM
            self._grown += length
            self._size += length
            if self._size >= self._segment_size:
                self._next_segment()
            return number

    def allow(self, room: Room) -> None:
        """From now on the journal may grow this much."""
        with self._lock:
            grown = self._grown
            self._steps_until = grown + room.steps
            self._starts_until = grown + room.starts
            self._outcomes_until = grown + room.outcomes

    def expect_outcomes(self, most: int) -> None:
        """So many outcomes at most are still to come: for what the engine has let go of without an end, no room is
        set aside any more."""
        with self._lock:
            self._reserved = min(self._reserved, most * OUTCOME_ROOM)

    def tend(self) -> None:
        """Write what waits, and have a reserve. To be called each second or so, by any thread. Never raises."""
        with self._lock:
            if self._closed or not self._written or (self._file < 0 and self._open() is not None):
                return
            if self._announced is not None:
                self._write_announced()
            self._try_again()

    def close(self) -> None:
        """Nothing more will be written; what waits is tried once more. The lock is kept until release(), or the end
        of this process, so that what is left can be shipped in peace."""
        with self._lock:
            if self._closed:
                return
            self.tend()
            self._give_up_reserve()
            self._closed = self._alert = True
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)
                self.folder.note_finished()

    def leave_to_parent(self) -> None:
        self._lock = threading.RLock()
        self._closed = self._alert = True
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
        super().leave_to_parent()

    def _look(self, weight: Weight, length: int) -> str | None:
        """What stands in the way of an entry of this weight, after what can be done about it."""
        if self._closed:
            raise JournalClosed(f"The journal {self.path} is closed.")
        if self._file < 0 and (obstacle := self._open()) is not None:
            return obstacle
        if self._announced is not None:
            self._write_announced()
        if self._waiting and self._disk_refuses is None:
            self._try_again()
        elif self._disk_refuses is not None and weight is _START:
            # The others wait for tend().
            self._try_again()
            if self._disk_refuses is not None and self._look_around():
                self._try_again()
        # Lines stand in the file in the order of their numbers: nothing goes before what waits.
        if self._waiting:
            return self._disk_refuses or self._budget_spent()
        if self._disk_refuses is not None and weight is not _OUTCOME:
            return self._disk_refuses
        return self._look_at_budget(weight, length)

    def _look_at_budget(self, weight: Weight, length: int) -> str | None:
        if weight is _STEP:
            return self._budget_spent() if self._grown + self._reserved + length > self._steps_until else None
        if weight is _START and self._grown + self._reserved + length > self._starts_until:
            self._look_around()
            return self._budget_spent() if self._grown + self._reserved + length > self._starts_until else None
        # However large: one that was kept waiting until it fits might wait for ever, and all others behind it.
        return self._budget_spent() if self._grown >= self._outcomes_until else None

    def _look_around(self) -> bool:
        """Look into the folder for room before a start is refused, which is worse than a slow call; False when that
        was done just now."""
        now = time.monotonic()
        if now < self._look_after:
            return False
        self._look_after = now + _LOOK_AGAIN
        self.allow(self._measure())
        return True

    def _budget_spent(self) -> str:
        return (
            f"The disk budget of the journals in {self.path.parent} is used up. Repair the way to the server, "
            "or raise ACTIONLOG_DISK_BUDGET."
        )

    def _open(self) -> str | None:
        """Make the folder and the first segment. Returns what stands in the way."""
        if self._moving:  # interrupted in the midst of it by ourselves
            return f"The journal {self.path} is just being made."
        self._moving = True
        try:
            if self._lock_file is None:
                self._lock_file = self.folder.make(self.facts)
            self._file, self._segment = self._make_segment(1), 1
            self.allow(self._measure())
            self._settle()
        except OSError as error:
            return self._explain(error)
        finally:
            self._moving = False
        return None

    def _next_segment(self) -> None:
        if self._moving or self._size < self._segment_size:
            return
        self._moving = True
        try:
            file, before = self._make_segment(self._segment + 1), self._file
            self._file = file
            self._segment += 1
            self._size = 0
            os.close(before)
        except OSError:
            pass  # this one goes on growing
        finally:
            self._moving = False

    def _make_segment(self, number: int) -> int:
        path = self.folder.segment_path(number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._fsync:
            folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return file

    def _write(self, line: bytes, announced: bytes | None) -> str | None:
        """Write a line, whole or not at all. Returns what stood in the way.

        announced is what was announced when the caller came; is it not any more, then somebody interrupted us.
        """
        written = 0
        try:
            if self._torn:
                # The sign makes sure that what stands there is no line.
                os.write(self._file, b"#\n")
                self._torn = False
            written = os.write(self._file, line)
            if written != len(line):
                # A write is cut short where the room ends; the next one says why.
                written += os.write(self._file, line[written:])
            if written == len(line):
                if self._fsync:
                    os.fdatasync(self._file)
                return None
            reason = f"The disk took only a part of a line in {self.path}."
        except OSError as error:
            reason = self._explain(error)
        if written:
            try:
                if self._announced is not announced:
                    raise OSError("Other lines may stand behind this one by now.")
                os.ftruncate(self._file, os.lseek(self._file, 0, os.SEEK_END) - written)
            except OSError:
                if written == len(line):
                    return None  # it is there, and its number can be given to no other
                self._torn = True
        self._disk_refuses = reason
        self._alert = True
        return reason

    def _write_announced(self) -> None:
        """Finish for an append that was interrupted: its line may or may not be in the file, whole or in part."""
        line = self._announced
        if line is None:
            return
        if self._waiting or self._write(b"\n" + line, None) is not None:
            self._keep_waiting(line, line)
        self._announced = None

    def _withdraw(self, number: int, line: bytes) -> bool:
        """Give a number back whose line could not be written; False when somebody has taken the next one since."""
        if self._written == number and self._announced is line:
            self._written = number - 1
            self._announced = None
            return True
        return False

    def _keep_waiting(self, line: bytes, bare: bytes) -> None:
        """Keep a line in memory until it can be written: the bare one when the whole one is too much."""
        for kept, limit in ((line, WAITING_WHOLE), (bare, WAITING_BARE)):
            if self._waiting_bytes + len(kept) <= limit:
                self._waiting.append(kept)
                self._waiting_bytes += len(kept)
                break
        self._alert = True
        self._announced = None

    def _try_again(self) -> None:
        """Write what waits as far as there is room, then see whether there is room for more."""
        if self._moving:
            return
        self._moving = True
        try:
            while self._waiting and self._grown < self._outcomes_until:
                line = self._waiting[0]
                if self._write(line, None) is not None and not (
                    self._give_up_reserve() and self._write(line, None) is None
                ):
                    return
                self._waiting.popleft()
                self._waiting_bytes -= len(line)
                self._grown += len(line)
                self._size += len(line)
            if self._make_reserve():
                self._disk_refuses = None
        finally:
            self._moving = False
            self._settle()

    def _settle(self) -> None:
        self._alert = self._closed or self._file < 0 or self._disk_refuses is not None or bool(self._waiting)

    def _make_reserve(self) -> bool:
        """Whether the disk has room: for the reserve, if there is none yet and the budget has room for it."""
        if not self._reserve or self._has_reserve or self._grown + self._reserve > self._starts_until:
            return True
        path = self.path / "reserve"
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, self._reserve)
            finally:
                os.close(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                self._reserve = 0  # this file system keeps no room
                return True
            self._disk_refuses = self._explain(error)
            return False
        self._has_reserve = True
        self._grown += self._reserve
        return True

    def _give_up_reserve(self) -> bool:
        """Whether that made room."""
        had, self._has_reserve = self._has_reserve, False
        if had:
            with contextlib.suppress(OSError):
                (self.path / "reserve").unlink()
        return had

    def _explain(self, error: OSError) -> str:
        return (
            f"The journal folder {self.path.parent} cannot be written: {error.strerror or error}. "
            "Give it room and rights, or set ACTIONLOG_JOURNAL_DIR to another."
        )


def _bare(number: int, kind: Kind, record_id: str, identity: bytes, status: str | None, length: int) -> bytes:
    """An outcome without what it has to say, but for how many bytes that was."""
    extra = b'{"dropped_outcome_bytes":%d}' % length
    return entry_line(number, kind, record_id, identity, status, EMPTY_OBJECT, EMPTY_LIST, extra)


def _refused(weight: Weight, obstacle: str) -> int:
    if weight is _STEP:
        return 0
    raise JournalFull(obstacle)
