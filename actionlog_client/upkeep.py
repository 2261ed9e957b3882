"""What goes on behind a logger's calls: a keeper that tends and adopts journals, a courier that delivers them to the
server, and a store that writes a file for each attempt. Begins with the first entry and ends with the process.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from actionlog_client.delivery.courier import Courier
from actionlog_client.delivery.deliveries import Delivery
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.delivery.senders import Senders
from actionlog_client.delivery.suspects import Witnesses
from actionlog_client.delivery.transport import Transport
from actionlog_client.journal.cursor import DELIVERED
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.file import FileJournal
from actionlog_client.journal.held import HeldJournal
from actionlog_client.json_store import JsonStore
from actionlog_client.settings import Settings

logger = logging.getLogger("actionlog")

TEND_SECONDS: Final = 1.0
# Who waits for the disk to have room looks so often.
DISK_SECONDS: Final = 0.1
# How often it looks for journals that a dead process left. The first time at once.
ADOPT_SECONDS: Final = 3.0
# At a time: each costs open files, of which an engine has need itself, and none is done with while the server is away.
MOST_ADOPTED: Final = 16


class Upkeep:
    """The threads of one process. heartbeats gives what is open in it. Raises RuntimeError when no thread can begin."""

    def __init__(
        self,
        directory: JournalDirectory,
        journal: FileJournal,
        settings: Settings,
        heartbeats: Callable[[], Sequence[Heartbeat]],
    ) -> None:
        self._directory = directory
        self._transport = None if settings.url is None else Transport(settings.url, settings.api_key)
        self._deliveries: dict[UUID, Delivery] = {}
        self._witnesses = Witnesses()
        self._engine = settings.engine
        # Journals of other engines, for which our key may not write: they wait for a process of their own.
        self._not_ours: set[UUID] = set()
        self._stop = threading.Event()
        self._own = journal
        self._heartbeats = heartbeats
        self._courier: Courier | None = None
        self._store: JsonStore | None = None
        self._keeper = threading.Thread(target=self._keep, name="actionlog-keeper", daemon=True)
        try:
            if self._transport is not None:
                self._courier = Courier(self._transport, self._to_deliver, heartbeats)
            if settings.json_store is not None:
                self._store = JsonStore(settings.json_store, directory.held, fsync=settings.fsync)
                self._store.start()
            self._keeper.start()
        except RuntimeError:
            self._end_threads(0.0)
            raise

    @property
    def last_error(self) -> str | None:
        """Why nothing is delivered at the moment; None when nothing is wrong."""
        return None if self._courier is None else self._courier.last_error

    @property
    def delivered(self) -> int:
        """Up to which number the journal of this process is on the server, or put aside."""
        return self._own.reader(DELIVERED).done.number if self._courier is not None else 0

    @property
    def refused(self) -> int:
        """How many entries were put aside by this process."""
        return sum(delivery.refused for delivery in list(self._deliveries.values()))

    def wake(self) -> None:
        """An entry was written. The store looks by itself now and then: nobody waits for a file."""
        if self._courier is not None:
            self._courier.wake()

    def flush(self, timeout: float | None, *, patient: bool = True) -> bool:
        """Whether all that was written before is delivered, and in the store, within so many seconds.

        Outcomes for which the disk has no room are in memory only, and nobody reads them there: they are waited for.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            held_back = self._own.waiting
            delivered = self._courier is None or self._courier.flush(_left(deadline), patient=patient)
            delivered = self.flush_store(_left(deadline)) and delivered
            if not held_back:
                return delivered
            if self._own.is_closed or (deadline is not None and time.monotonic() >= deadline):
                return False
            time.sleep(DISK_SECONDS)
            self._own.tend()

    def flush_store(self, timeout: float | None) -> bool:
        """Whether all that was completed before is in the store within so many seconds."""
        return self._store is None or self._store.flush(timeout)

    def close(self, timeout: float | None, *, patient: bool = True) -> bool:
        """The journal is closed: see the rest of it off, and end the threads. Whether all was delivered."""
        deadline = None if timeout is None else time.monotonic() + timeout
        delivered = self.flush(timeout, patient=patient)
        self._end_threads(deadline)
        self._directory.release_all()
        return delivered

    def _end_threads(self, deadline: float | None) -> None:
        self._stop.set()
        if self._store is not None:
            self._store.close(_left(deadline))
        if self._courier is not None:
            self._courier.close(_left(deadline))
        if self._transport is not None:
            self._transport.close()
        if self._keeper.ident is not None:
            self._keeper.join(TEND_SECONDS)

    def _to_deliver(self, transport: Transport, senders: Senders) -> Sequence[Delivery]:
        """The journals of this process, its own first. For the courier's thread alone."""
        held = {journal.journal_id: journal for journal in self._directory.held()}
        for journal_id in self._deliveries.keys() - held.keys():
            del self._deliveries[journal_id]
        for journal in held.values():
            if journal.journal_id not in self._deliveries:
                reader = journal.reader(DELIVERED)
                self._deliveries[journal.journal_id] = Delivery(journal, reader, transport, senders, self._witnesses)
        return sorted(self._deliveries.values(), key=lambda delivery: delivery.source is not self._own)

    def _keep(self) -> None:
        adopt_at = time.monotonic()
        while True:
            try:
                self._directory.tend()
                if time.monotonic() >= adopt_at:
                    adopt_at = time.monotonic() + ADOPT_SECONDS
                    self._own.expect_outcomes(len(self._heartbeats()))
                    self._release()
                    self._adopt()
            except Exception:
                logger.exception("the journals cannot be tended; it will be tried again")
            if self._stop.wait(TEND_SECONDS):
                return

    def _adopt(self) -> None:
        most = MOST_ADOPTED - len(self._directory.held()) + 1
        adopted = self._directory.adopt(most + len(self._not_ours))
        for journal in adopted:
            if journal.journal_id in self._not_ours:
                self._directory.release(journal)
        if any(journal.journal_id not in self._not_ours for journal in adopted):
            self.wake()

    def _release(self) -> None:
        """Let go of the journals of dead processes that are done with, or that another must deliver."""
        for journal in self._directory.held():
            if journal is self._own:
                continue
            delivery = self._deliveries.get(journal.journal_id)
            if delivery is not None and delivery.is_not_ours and journal.facts.engine != self._engine:
                self._not_ours.add(journal.journal_id)
                self._directory.release(journal)
            elif self._is_done(journal):
                self._directory.release(journal)

    def _is_done(self, journal: HeldJournal) -> bool:
        delivery = self._deliveries.get(journal.journal_id)
        delivered = self._courier is None or (delivery is not None and delivery.is_done)
        return delivered and (self._store is None or self._store.is_done(journal.journal_id))


def _left(deadline: float | None) -> float | None:
    """How many seconds are left, and never quite none: a thread that has nothing to do may still end."""
    return None if deadline is None else max(0.1, deadline - time.monotonic())
