"""Delivers the entries of one journal, in their order, and decides what an answer means. When to try is courier.py's.

What is taken is acknowledged to the journal. A refused document of several entries is sent again in its parts, so that
only what is bad is refused; a refused part is put aside with the reason. Everything else is tried again later.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from msgspec import to_builtins
from msgspec.json import encode as encode_json

from actionlog_client.delivery.documents import Document, covers, documents_of, united
from actionlog_client.delivery.requests import Heartbeat, Report, ordered, request_body
from actionlog_client.delivery.senders import Senders
from actionlog_client.delivery.transport import Receipt, Refusal, Reply, Transport
from actionlog_client.giving_way import giving_way
from actionlog_client.journal.held import HeldJournal
from actionlog_client.journal.reader import Batch, JournalReader

logger = logging.getLogger("actionlog")

TAKEN: Final = ("created", "updated", "unchanged")
# A request: well below the limits of the server, and large enough that its commit is shared by many.
MOST_ENTRIES: Final = 4_000
MOST_BYTES: Final = 4 * 1024 * 1024
# The reader holds Python's lock for so many entries at a time: a thousandth of a second at most.
ENTRIES_AT_ONCE: Final = 50
# While the server works for one request, the next is put together and sent.
IN_FLIGHT: Final = 2
# These say that the way to the server is at fault, or the key, and not what was sent.
NOT_THE_CONTENT: Final = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 426, 429})
# So often the server may fail inside before one document is suspected to be the reason.
FAILURES_UNTIL_SUSPICION: Final = 8


class TryLater(Exception):
    """The server could not take it now. retry_after in seconds, when it says so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(slots=True)
class _Parcel:
    """What is read together, sent together and acknowledged together."""

    batches: list[Batch]
    documents: list[Document]


class Delivery:
    """The way of one journal to the server. Used by one thread at a time."""

    def __init__(self, source: HeldJournal, reader: JournalReader, transport: Transport, senders: Senders) -> None:
        self.source: Final = source
        self._facts = _facts_of(source)
        self._reader = reader
        self._transport = transport
        self._senders = senders
        # The server knows of most of them, but not of those for which the request as a whole was refused.
        self._aside = source.refused.numbers()
        self._internal_errors = 0
        self._report_is_refused = False
        self.refused = 0
        self.is_done = False
        # It cannot be read, and that was told.
        self.is_in_trouble = False

    def deliver(self, may_go_on: Callable[[], bool] = lambda: True) -> bool:
        """Deliver all that is there now, as long as may_go_on says; of a journal that is closed tell its end.

        Whether it came to the end: what is written meanwhile is the next call's. Raises TryLater and Unreachable.
        """
        in_flight: deque[tuple[_Parcel, Future[Reply]]] = deque()
        was_closed = self.source.is_closed
        last = self.source.written
        came_to_the_end = False
        try:
            while not came_to_the_end and may_go_on():
                parcel = self._next_parcel()
                if parcel is None:
                    came_to_the_end = True
                    break
                in_flight.append((parcel, self._senders.submit(self._send, parcel.documents)))
                came_to_the_end = parcel.batches[-1].end.number >= last
                while len(in_flight) >= IN_FLIGHT:
                    self._settle(*in_flight.popleft())
            while in_flight:
                self._settle(*in_flight.popleft())
        except BaseException:
            # What is under way may still be recorded; it is sent again, which changes nothing.
            for _, sent in in_flight:
                sent.cancel() or sent.exception()  # waits
            self._reader.rewind()
            raise
        self.is_in_trouble = False
        if was_closed and came_to_the_end and not self.is_done:
            self.report(closed=True)
            self.source.folder.note_end_told()
            self.is_done = True
        return came_to_the_end

    def report(self, heartbeats: Sequence[Heartbeat] = (), *, closed: bool = False) -> None:
        """Tell the server that this journal's engine is there, or that the journal is complete.

        Raises TryLater and Unreachable.
        """
        reply = self._post([], heartbeats, closed=closed)
        if reply.status not in (200, 207):
            raise _try_later(reply)

    def _next_parcel(self) -> _Parcel | None:
        batches: list[Batch] = []
        entries = size = 0
        while entries < MOST_ENTRIES and size < MOST_BYTES:
            batch = self._reader.read(ENTRIES_AT_ONCE, MOST_BYTES - size)
            if batch is None:
                break
            batches.append(batch)
            entries += len(batch.entries)
            size += sum(len(bytes(entry.facts)) + len(bytes(entry.steps)) for entry in batch.entries)
            if len(batch.entries) < ENTRIES_AT_ONCE:
                break
            time.sleep(0)  # others may want Python's lock
        if not batches:
            return None
        entries_read = (entry for batch in batches for entry in batch.entries)
        return _Parcel(batches, documents_of(giving_way(entries_read, ENTRIES_AT_ONCE)))

    def _send(self, documents: Sequence[Document]) -> Reply:
        return self._post(documents)

    def _post(
        self, documents: Sequence[Document], heartbeats: Sequence[Heartbeat] = (), *, closed: bool = False
    ) -> Reply:
        report = None
        if not self._report_is_refused:
            report = Report(self._facts, self.source.written, self._aside, closed)
        reply = self._transport.ingest(request_body(documents, report, heartbeats))
        if report is not None and reply.status in (400, 403) and (reply.refusal().path or "").startswith("journal"):
            # The record goes before the proof that it is complete.
            logger.error("the server refuses to count what this engine sends: %s", reply.refusal().message)
            self._report_is_refused = True
            reply = self._transport.ingest(request_body(documents, None, heartbeats))
        return reply

    def _settle(self, parcel: _Parcel, sent: "Future[Reply]") -> None:
        """Acknowledge a parcel once each of its entries is on the server or put aside."""
        self._decide(parcel.documents, sent.result())
        self._internal_errors = 0
        for batch in parcel.batches:
            self._reader.acknowledge(batch)

    def _decide(self, documents: Sequence[Document], reply: Reply) -> None:
        if reply.status in (200, 207):
            receipt = reply.receipt()
            if receipt is None or len(receipt.results) != len(documents):
                raise TryLater(f"{self._transport.url} does not answer like an Actionlog server")
            self._hear(receipt)
            parts: list[Document] = []
            for document, result in zip(ordered(documents), receipt.results, strict=True):
                if result.outcome in TAKEN:
                    continue
                if result.outcome == "unauthorized":
                    raise TryLater("the server refuses the API key")
                if len(document.entries) > 1:
                    parts.extend(document.parts())
                else:
                    refusal = result.error or Refusal(message=f"outcome {result.outcome}")
                    self._put_aside(document, refusal)
            if parts:
                self._decide(parts, self._post(parts))
            return
        if reply.status == 500:
            self._internal_errors += 1
            if self._internal_errors < FAILURES_UNTIL_SUSPICION:
                raise _try_later(reply)
        elif reply.status >= 500 or reply.status < 400 or reply.status in NOT_THE_CONTENT:
            raise _try_later(reply)
        self._decide_apart(documents, reply)

    def _hear(self, receipt: Receipt) -> None:
        """Say it when the numbers of this journal are not counted."""
        if receipt.journal is not None and receipt.journal.error is not None and not self._report_is_refused:
            logger.error("the server refuses to count what this engine sends: %s", receipt.journal.error.message)
            self._report_is_refused = True

    def _decide_apart(self, documents: Sequence[Document], reply: Reply) -> None:
        """The request as a whole is refused for what is in it: send it in smaller parts, down to the bad one."""
        if len(documents) > 1:
            middle = len(documents) // 2
            for half in (documents[:middle], documents[middle:]):
                self._decide(half, self._post(half))
        elif documents and len(documents[0].entries) > 1:
            for part in documents[0].parts():
                self._decide([part], self._post([part]))
        elif documents:
            if reply.status >= 500:
                self.report()  # raises when it is the server that is unwell, and not this document
            self._put_aside(documents[0], reply.refusal())

    def _put_aside(self, document: Document, refusal: Refusal) -> None:
        numbers = document.numbers()
        if covers(self._aside, numbers):
            return  # refused again: it was sent again because of what it travelled with
        where = refusal.path or refusal.code or "no reason told"
        self.source.put_aside(numbers, f"{where}: {refusal.message}", document.body())
        self._aside = united(self._aside, numbers)
        self.refused += len(document.entries)
        logger.error(
            "%s %s is refused and will not be sent again (%s): %s", document.kind, document.id, where, refusal.message
        )


def _facts_of(journal: HeldJournal) -> bytes:
    """What the server is told of the journal's process."""
    told = to_builtins(journal.facts)
    return encode_json({name: value for name, value in told.items() if value is not None and name != "readers"})


def _try_later(reply: Reply) -> TryLater:
    return TryLater(f"HTTP {reply.status}: {reply.refusal().message}", reply.retry_after)
