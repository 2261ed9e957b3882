"""Where a logger's entries go: into a local journal, and from there to the server and into files.

Made for the life of a process: threads begin with the first entry, start anew in a forked child, and end at exit.
"""

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from actionlog_client import remote
from actionlog_client.advice import Adviser
from actionlog_client.clock import Clock
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.delivery.transport import Transport, Unreachable
from actionlog_client.journal.cursor import DELIVERED, STORED
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import EMPTY_LIST, EMPTY_OBJECT, JournalClosed, Kind, TakesEntries, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.local import LocalFiles
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.redaction_key import make_redactor
from actionlog_client.settings import Settings
from actionlog_client.upkeep import Upkeep
from actionlog_client.version import VERSION

logger = logging.getLogger("actionlog")

Answer = TypeVar("Answer")

# What an engine that ends may spend on what it has not delivered yet. The rest stays in its journal.
EXIT_SECONDS: Final = 3.0
# A reader waits so long for what was told just before to arrive, and so long for the answer.
READ_FLUSH_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
# When no thread can be begun, it is tried again so much later.
BEGIN_AGAIN_SECONDS: Final = 1.0


class Recorder(TakesEntries, Protocol):
    """What ActionLogger needs of the place where its entries go."""

    @property
    def encoder(self) -> PayloadEncoder: ...

    @property
    def journal_id(self) -> UUID | None: ...

    def tell_who_is_alive(self, heartbeats: Callable[[], Sequence[Heartbeat]]) -> None:
        """heartbeats gives what is open; it is asked now and then."""

    def statistics(self, days_back: int) -> dict[str, Any]: ...

    def attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]: ...

    def advice(self, case: Mapping[str, str | None], timeout: float) -> dict[str, Any] | None: ...

    def health(self) -> dict[str, Any]: ...

    def flush(self, timeout: float | None) -> bool: ...

    def close(self, timeout: float | None, *, patient: bool = True) -> bool: ...


class LocalRecorder:
    """Writes to a journal in settings.journal_dir, and has it delivered and stored as the settings say."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._adviser = Adviser(settings)
        self._directory = self._open_directory()
        self.encoder: Final = PayloadEncoder(make_redactor(settings.redaction_key, settings.journal_dir))
        self._heartbeats: Callable[[], Sequence[Heartbeat]] = tuple
        self._lock = threading.RLock()
        self._journal: FileJournal | None = None
        self._upkeep: Upkeep | None = None
        self._is_beginning = False
        self._begin_after = 0.0
        self._letting_go: list[JournalDirectory] = []
        _alive.add(self)

    @property
    def journal_id(self) -> UUID | None:
        """The journal that is written; None before the first entry."""
        journal = self._journal
        return None if journal is None else journal.journal_id

    def tell_who_is_alive(self, heartbeats: Callable[[], Sequence[Heartbeat]]) -> None:
        self._heartbeats = heartbeats

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
        while True:
            journal = self._journal or self._begin()
            try:
                number = journal.append(
                    kind, record_id, identity, status, facts=facts, steps=steps, extra=extra, weight=weight
                )
            except JournalClosed:  # by close() in another thread, or it is the parent's
                with self._lock:
                    if self._journal is journal:
                        self._journal = None
                continue
            upkeep = self._upkeep or self._look_after(journal)
            if upkeep is not None:
                upkeep.wake()
            return number

    def statistics(self, days_back: int) -> dict[str, Any]:
        """From the server, else from local files; source says which."""
        told = self._ask(lambda transport: remote.statistics(transport, days_back))
        if told is not None:
            return {**told, "source": "server"}
        return {**self._local().statistics(days_back, now=self._clock.now()), "source": "local"}

    def attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]:
        """From the server, else from local files."""
        told = self._ask(lambda transport: remote.attempts_by_incident(transport, incident_id))
        return told if told is not None else self._local().attempts_by_incident(incident_id)

    def advice(self, case: Mapping[str, str | None], timeout: float) -> dict[str, Any] | None:
        """From the server, of what had arrived there when it was asked; None without an answer in time."""
        return self._adviser.ask(case, timeout)

    def health(self) -> dict[str, Any]:
        journal, upkeep = self._journal, self._upkeep
        written = 0 if journal is None else journal.written
        delivered = 0 if upkeep is None else upkeep.delivered
        return {
            "journal_id": None if journal is None else str(journal.journal_id),
            "written": written,
            "delivered": delivered,
            "waiting": max(0, written - delivered) if self._settings.url is not None else 0,
            "refused": 0 if upkeep is None else upkeep.refused,
            "last_error": None if upkeep is None else upkeep.last_error,
        }

    def flush(self, timeout: float | None) -> bool:
        journal, upkeep = self._journal, self._upkeep
        if journal is None or not journal.written:
            return True
        upkeep = upkeep or self._look_after(journal)
        return upkeep is not None and upkeep.flush(timeout)

    def close(self, timeout: float | None, *, patient: bool = True) -> bool:
        """Not patient: one failure to reach the server is enough to leave the rest for later."""
        with self._lock:
            journal, self._journal = self._journal, None
            upkeep, self._upkeep = self._upkeep, None
            # What another thread logs meanwhile is for a journal, and threads, of its own.
            directory, self._directory = self._directory, self._open_directory()
            self._letting_go.append(directory)
        try:
            return self._let_go(directory, journal, upkeep, timeout, patient=patient)
        finally:
            self._letting_go.remove(directory)

    def _let_go(
        self,
        directory: JournalDirectory,
        journal: FileJournal | None,
        upkeep: Upkeep | None,
        timeout: float | None,
        *,
        patient: bool,
    ) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        if journal is not None:
            if journal.waiting and upkeep is not None:
                # Once it is closed nobody writes what is in memory only.
                upkeep.flush(timeout, patient=patient)
            journal.close()
            if journal.waiting:
                logger.error(
                    "%d outcomes were never written and are lost: %s", journal.waiting, journal.obstacle or journal.path
                )
        if upkeep is not None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            return upkeep.close(left, patient=patient)
        directory.release_all()
        return journal is None or not journal.written

    def start_anew(self) -> None:
        """In a forked child: threads, journal and connections are the parent's. The next entry begins its own."""
        self._lock = threading.RLock()
        self._journal = self._upkeep = None
        self._is_beginning = False
        for directory in (self._directory, *self._letting_go):
            directory.leave_to_parent()
        self._letting_go = []

    def _open_directory(self) -> JournalDirectory:
        settings = self._settings
        readers = (DELIVERED,) * (settings.url is not None) + (STORED,) * (settings.json_store is not None)
        # What is on the server is on record: a folder of files that cannot be written stops no engine.
        essential = readers if settings.url is None else (DELIVERED,)
        return JournalDirectory(
            settings.journal_dir,
            settings.disk_budget,
            readers=readers,
            essential=essential,
            tells_end=settings.url is not None,
            fsync=settings.fsync,
        )

    def _begin(self) -> FileJournal:
        with self._lock:
            if self._journal is None:
                self._journal = self._directory.begin(
                    engine=self._settings.engine,
                    engine_version=self._settings.engine_version,
                    client_version=VERSION,
                )
            return self._journal

    def _look_after(self, journal: FileJournal) -> Upkeep | None:
        """Begin the threads; None while they cannot begin. The entry is in the journal, where nothing is lost."""
        with self._lock:
            # The second of these is a signal handler that logs while its own thread is at it; the third, that another
            # thread has closed this journal meanwhile.
            if self._upkeep is not None or self._is_beginning or self._journal is not journal:
                return self._upkeep
            if time.monotonic() < self._begin_after:
                return None
            self._is_beginning = True
            try:
                self._upkeep = Upkeep(self._directory, journal, self._settings, lambda: self._heartbeats())
            except RuntimeError as error:  # no more threads, or none at the end of the interpreter
                self._begin_after = time.monotonic() + BEGIN_AGAIN_SECONDS
                logger.warning("actions are kept in the journal until they can be delivered: %s", error)
            finally:
                self._is_beginning = False
            return self._upkeep

    def _ask(self, question: Callable[[Transport], Answer]) -> Answer | None:
        """What the server says, after it was sent what is known here; None without a server that answers."""
        if self._settings.url is None:
            return None
        self.flush(READ_FLUSH_SECONDS)
        transport = Transport(self._settings.url, self._settings.api_key, read_seconds=READ_SECONDS)
        try:
            return question(transport)
        except (Unreachable, remote.ReadRefused) as error:
            logger.warning("read from local files instead of the server: %s", error)
            return None
        finally:
            transport.close()

    def _local(self) -> LocalFiles:
        upkeep = self._upkeep
        if upkeep is not None:
            upkeep.flush_store(READ_FLUSH_SECONDS)
        return LocalFiles(self._directory, self._settings.json_store)


_alive: "weakref.WeakSet[LocalRecorder]" = weakref.WeakSet()


def _start_anew_in_child() -> None:
    for recorder in list(_alive):
        recorder.start_anew()


def _flush_at_exit() -> None:
    """All at once have EXIT_SECONDS together."""
    deadline = time.monotonic() + EXIT_SECONDS
    for recorder in list(_alive):
        recorder.close(max(0.0, deadline - time.monotonic()), patient=False)


os.register_at_fork(after_in_child=_start_anew_in_child)
atexit.register(_flush_at_exit)
