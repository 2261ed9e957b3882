"""Delivers the entries of one journal, in their order, and decides what an answer means. When to try is courier.py's.

What is taken is acknowledged to the journal. A refused document of several entries is sent again in its parts, so that
only what is bad is refused; a refused part is put aside with the reason. Everything else is tried again later.

Where an answer does not say whose fault it is (answers.py), a part is put aside only when the server takes another
document meanwhile, in turn with refusing this one: it is well then, and this one would hold up all others for ever.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from actionlog_client.delivery.answers import (
    FORBIDDEN,
    Fault,
    HeldUp,
    TryLater,
    fault_of_request,
    fault_of_result,
    is_for_its_size,
    receipt_of,
    refusal_of,
)
from actionlog_client.delivery.backoff import BackOff
from actionlog_client.delivery.documents import Document, covers, documents_of, united
from actionlog_client.delivery.requests import Heartbeat, Report, facts_json, ordered, request_body
from actionlog_client.delivery.senders import Senders
from actionlog_client.delivery.suspects import CONFIRMATIONS, MOST_SUSPECTS, Suspect, Witnesses
from actionlog_client.delivery.transport import Receipt, Refusal, Reply, Result, Transport, Unreachable
from actionlog_client.giving_way import giving_way
from actionlog_client.journal.held import HeldJournal
from actionlog_client.journal.reader import Batch, JournalReader

logger = logging.getLogger("actionlog")

# A request: well below the limits of the server, and large enough that its commit is shared by many.
MOST_ENTRIES: Final = 4_000
MOST_BYTES: Final = 4 * 1024 * 1024
# On a line so slow that such a request is lost before it has arrived, down to this.
LEAST_BYTES: Final = 64 * 1024
# The reader holds Python's lock for so many entries at a time: a thousandth of a second at most.
ENTRIES_AT_ONCE: Final = 50
# While the server works for one request, the next is put together and sent.
IN_FLIGHT: Final = 2
# So often a request may fail, nobody knows why, before one document is suspected to be the reason.
FAILURES_UNTIL_SUSPICION: Final = 8


@dataclass(slots=True)
class _Parcel:
    """What is read together, sent together and acknowledged together."""

    batches: list[Batch]
    documents: list[Document]


class Delivery:
    """The way of one journal to the server. Used by one thread at a time."""

    def __init__(
        self,
        source: HeldJournal,
        reader: JournalReader,
        transport: Transport,
        senders: Senders,
        witnesses: Witnesses | None = None,
    ) -> None:
        self.source: Final = source
        self._facts = facts_json(source.facts)
        self._reader = reader
        self._transport = transport
        self._senders = senders
        # The server knows of most of them, but not of those for which the request as a whole was refused.
        self._aside = source.refused.numbers()
        self._unclear_failures = 0
        self._suspects: list[Suspect] = []
        self._witnesses = witnesses or Witnesses()
        self._most_bytes = MOST_BYTES
        self._back_off = BackOff()
        self._rests_until = 0.0
        self._report_is_refused = False
        self.refused = 0
        self.is_done = False
        # It cannot be read, or not go on, and that was told.
        self.is_in_trouble = False
        # It is of another engine, for which our key may not write.
        self.is_not_ours = False

    def deliver(self, may_go_on: Callable[[], bool] = lambda: True) -> bool:
        """Deliver all that is there now, as long as may_go_on says; of a journal that is closed tell its end.

        Whether it came to the end: what is written meanwhile is the next call's. Raises TryLater (HeldUp when this
        journal alone may be the reason) and Unreachable.
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
                in_flight.append((parcel, self._senders.submit(self._post, parcel.documents)))
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
        self._back_off.worked()
        if was_closed and came_to_the_end and not self.is_done:
            self.report(closed=True)
            self.source.folder.note_end_told()
            self.is_done = True
        return came_to_the_end

    @property
    def is_resting(self) -> bool:
        """Whether it was told to rest and has not done so long enough."""
        return time.monotonic() < self._rests_until

    def rest(self) -> None:
        """After HeldUp: so that it is not tried each time the others are."""
        self._rests_until = time.monotonic() + self._back_off.failed()

    def report(self, heartbeats: Sequence[Heartbeat] = (), *, closed: bool = False) -> None:
        """Tell the server that this journal's engine is there, or that the journal is complete.

        Raises TryLater and Unreachable.
        """
        reply = self._post([], heartbeats, closed=closed)
        if fault_of_request(reply) is not None:
            raise TryLater.said_by(reply)

    def _next_parcel(self) -> _Parcel | None:
        batches: list[Batch] = []
        entries = size = 0
        while entries < MOST_ENTRIES and size < self._most_bytes:
            batch = self._reader.read(ENTRIES_AT_ONCE, self._most_bytes - size)
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
        self._suspects.clear()
        try:
            reply = sent.result()
        except Unreachable:
            # Perhaps too much for a slow line within the time of a request.
            self._most_bytes = max(LEAST_BYTES, self._most_bytes // 2)
            raise
        self._decide(parcel.documents, reply)
        self._judge()
        self._unclear_failures = 0
        self._most_bytes = min(MOST_BYTES, self._most_bytes * 2)
        for batch in parcel.batches:
            self._reader.acknowledge(batch)
            self._tell_damage(batch)

    def _decide(self, documents: Sequence[Document], reply: Reply) -> None:
        """Send again in parts what was not taken, put aside those whose fault it is, and gather those that are
        suspected. Raises TryLater."""
        fault = fault_of_request(reply)
        if fault is Fault.WAY:
            raise TryLater.said_by(reply)
        if fault is None:
            self._decide_each(documents, reply)
            return
        if fault is Fault.UNCLEAR and not (is_for_its_size(reply) and _can_be_split(documents)):
            self._unclear_failures += 1
            if self._unclear_failures < FAILURES_UNTIL_SUSPICION:
                raise HeldUp.said_by(reply)
        if len(documents) > 1:
            middle = len(documents) // 2
            for half in (documents[:middle], documents[middle:]):
                self._decide(half, self._post(half))
        elif _can_be_split(documents):
            for part in documents[0].parts():
                self._decide([part], self._post([part]))
        elif documents:
            # Also when the server says that it is the content: of a document it says so in a result, and what it says
            # of a whole request it may say of every one.
            self._suspect(Suspect(documents[0], reply.refusal()))

    def _decide_each(self, documents: Sequence[Document], reply: Reply) -> None:
        receipt = receipt_of(reply, len(documents), self._transport.url)
        self._hear(receipt)
        parts: list[Document] = []
        taken: Document | None = None
        forbidden: Suspect | None = None
        for document, result in zip(ordered(documents), receipt.results, strict=True):
            fault = fault_of_result(result)
            if fault is None:
                taken = document
                continue
            if fault is Fault.WAY:
                raise TryLater("the server refuses the API key")
            refusal = refusal_of(result)
            suspect = Suspect(document, refusal, is_forbidden=result.outcome == FORBIDDEN)
            if suspect.is_forbidden:
                forbidden = suspect
            if len(document.entries) > 1:
                parts.extend(document.parts())
            elif fault is Fault.CONTENT:
                self._put_aside(document, refusal)
            else:
                self._suspect(suspect)
        if taken is not None:
            self._witnesses.note(self.source.facts.engine, taken)
        if parts and forbidden is not None:
            # Before it is sent in parts: of those that do not tell their engine the server would believe any key.
            self._hear_witness(forbidden)
        if parts:
            self._decide(parts, self._post(parts))

    def _suspect(self, suspect: Suspect) -> None:
        self._suspects.append(suspect)
        if len(self._suspects) >= MOST_SUSPECTS:
            self._judge()

    def _judge(self) -> None:
        """Put each suspect aside that the server goes on to refuse while it takes a witness. Raises TryLater."""
        suspects, self._suspects = self._suspects, []
        for suspect in suspects:
            self._confront(suspect)

    def _confront(self, suspect: Suspect) -> None:
        refusal: Refusal | None = suspect.refusal
        for _ in range(CONFIRMATIONS):
            self._hear_witness(suspect)
            reply = self._post([suspect.document])
            fault = fault_of_request(reply)
            if fault is Fault.WAY:
                raise TryLater.said_by(reply)
            if fault is None:
                result = self._only_result(reply)
                fault, refusal = fault_of_result(result), result.error
            else:
                refusal = reply.refusal()
            if fault is Fault.WAY:
                raise TryLater("the server refuses the API key")
            if fault is None:
                return
            if fault is Fault.CONTENT:
                break
        self._put_aside(suspect.document, refusal or suspect.refusal)

    def _hear_witness(self, suspect: Suspect) -> None:
        """Raises HeldUp unless the server takes now what it took before."""
        # A key may be bound to an engine: only what is of the same one can show that it may write for it.
        heartbeat = self._witnesses.heartbeat(self.source.facts.engine, for_key=suspect.is_forbidden)
        if heartbeat is not None:
            reply = self._post([], [heartbeat])
            if fault_of_request(reply) is None and fault_of_result(self._only_result(reply)) is None:
                return
        self.is_not_ours = suspect.is_forbidden and heartbeat is None
        raise HeldUp(f"{suspect.refusal.message} It is tried again, for the server takes nothing else either.")

    def _only_result(self, reply: Reply) -> Result:
        return receipt_of(reply, 1, self._transport.url).results[0]

    def _hear(self, receipt: Receipt) -> None:
        """Say it when the numbers of this journal are not counted."""
        if receipt.journal is not None and receipt.journal.error is not None and not self._report_is_refused:
            logger.error("the server refuses to count what this engine sends: %s", receipt.journal.error.message)
            self._report_is_refused = True

    def _tell_damage(self, batch: Batch) -> None:
        """What cannot be read any more cannot be sent: nobody may think that it was."""
        if batch.damaged:
            logger.error(
                "%d lines of the journal %s are damaged and cannot be sent (numbers: %s); the disk may be failing",
                batch.damaged,
                self.source.path,
                ", ".join(map(str, batch.damaged_numbers)) or "not to be read",
            )

    def _put_aside(self, document: Document, refusal: Refusal) -> None:
        numbers = document.numbers()
        if covers(self._aside, numbers):
            return  # refused again: it was sent again because of what it travelled with
        where = refusal.path or refusal.code or "no reason told"
        if not self.source.put_aside(numbers, f"{where}: {refusal.message}", document.body()):
            raise HeldUp(f"the disk has no room for what the server refused, in {self.source.path}")
        self._aside = united(self._aside, numbers)
        self.refused += len(document.entries)
        logger.error(
            "%s %s is refused and put aside (%s): %s (`actionlog journal --resend` sends it again)",
            document.kind,
            document.id,
            where,
            refusal.message,
        )


def _can_be_split(documents: Sequence[Document]) -> bool:
    return len(documents) > 1 or any(len(document.entries) > 1 for document in documents)
