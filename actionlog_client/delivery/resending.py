"""Sends once more what the server refused, when somebody asks for it: after a repair of the server, of its key, or of a
proxy before it. What is taken then is refused no more, here and there. The courier never does this by itself.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from actionlog_client.delivery.answers import (
    Fault,
    TryLater,
    fault_of_request,
    fault_of_result,
    receipt_of,
    refusal_of,
)
from actionlog_client.delivery.documents import Ranges
from actionlog_client.delivery.requests import Report, facts_json, ordered, request_body
from actionlog_client.delivery.transport import Refusal, Reply, Transport
from actionlog_client.journal.directory import JournalState
from actionlog_client.journal.entries import Kind
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.refused import Refused, RefusedLog

MOST_DOCUMENTS: Final = 500
MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Kept:
    """A document that was put aside, as it was sent then."""

    refused: Refused

    @property
    def kind(self) -> Kind:
        return "resolution" if bytes(self.refused.document).startswith(b'{"resolution_id"') else "attempt"

    def body(self) -> bytes:
        return bytes(self.refused.document)

    def numbers(self) -> Ranges:
        return list(self.refused.numbers)


def resend(journal: JournalState, transport: Transport) -> Iterator[tuple[Refused, Refusal | None]]:
    """Send what is put aside in one journal; each document with why it was refused again, None when it was taken.

    What was taken is noted before it is given. The journal may be in use. Raises TryLater and Unreachable when the
    server cannot say anything now, OSError when it cannot be noted.
    """
    log = RefusedLog(journal.path, journal.size)
    report = Report(facts_json(journal.facts), journal.written, [])
    for batch in _batches(log.entries()):
        for kept, refusal in _send(batch, report, transport):
            if refusal is None:
                log.note_resent(kept.numbers())
            yield kept.refused, refusal
    lock = JournalFolder(journal.path).try_lock()
    if lock is not None:  # else who has it may be writing; what was noted holds even so
        try:
            log.tidy()
        finally:
            os.close(lock)


def _batches(entries: Sequence[Refused]) -> Iterator[list[_Kept]]:
    batch: list[_Kept] = []
    size = 0
    for entry in entries:
        length = len(bytes(entry.document))
        if batch and (len(batch) >= MOST_DOCUMENTS or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(_Kept(entry))
        size += length
    if batch:
        yield batch


def _send(documents: Sequence[_Kept], report: Report, transport: Transport) -> Iterator[tuple[_Kept, Refusal | None]]:
    reply = transport.ingest(request_body(documents, report))
    fault = fault_of_request(reply)
    if fault is Fault.WAY or (reply.refusal().path or "").startswith("journal"):
        raise TryLater.said_by(reply)
    if fault is None:
        yield from _results(documents, reply, transport)
    elif len(documents) > 1:
        middle = len(documents) // 2
        for half in (documents[:middle], documents[middle:]):
            yield from _send(half, report, transport)
    else:
        yield documents[0], reply.refusal()


def _results(documents: Sequence[_Kept], reply: Reply, transport: Transport) -> Iterator[tuple[_Kept, Refusal | None]]:
    receipt = receipt_of(reply, len(documents), transport.url)
    for document, result in zip(ordered(documents), receipt.results, strict=True):
        fault = fault_of_result(result)
        if fault is Fault.WAY:
            raise TryLater("the server refuses the API key")
        yield document, None if fault is None else refusal_of(result)
