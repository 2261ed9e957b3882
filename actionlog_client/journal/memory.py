"""A journal in memory, for users' own tests. Nothing survives in it."""

import threading
from uuid import UUID, uuid4

from msgspec import Raw

from actionlog_client.journal.entries import EMPTY_LIST, EMPTY_OBJECT, Entry, JournalClosed, JournalFull, Kind, Weight


class MemoryJournal:
    """Keeps entries in a list. When it is_full, nothing more can be started."""

    def __init__(self) -> None:
        self.journal_id: UUID = uuid4()
        self.entries: list[Entry] = []
        self.is_closed = False
        self.is_full = False
        self._lock = threading.RLock()

    @property
    def written(self) -> int:
        return len(self.entries)

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
        """As TakesEntries.append; there is room unless it was told to be full."""
        with self._lock:
            if self.is_closed:
                raise JournalClosed(f"The journal {self.journal_id} is closed.")
            if self.is_full and weight is Weight.START:
                raise JournalFull("This InMemoryActionLogger was told to be full.")
            number = len(self.entries) + 1
            self.entries.append(
                Entry(number, kind, record_id, Raw(identity), status, Raw(facts), Raw(steps), Raw(extra))
            )
            return number

    def clear(self) -> None:
        """Forget all entries: from now on it is another journal."""
        with self._lock:
            self.journal_id = uuid4()
            self.entries = []

    def close(self) -> None:
        self.is_closed = True

    def leave_to_parent(self) -> None:
        self._lock = threading.RLock()
        self.is_closed = True
