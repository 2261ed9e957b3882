"""The bodies of ingest requests: documents, and the report of the journal that they come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from actionlog_client.delivery.documents import Ranges
from actionlog_client.giving_way import giving_way
from actionlog_client.journal.entries import Kind
from actionlog_client.journal.folder import JournalFacts


class Sendable(Protocol):
    """A document that can travel: documents.Document, or one that was put aside before."""

    @property
    def kind(self) -> Kind: ...

    def body(self) -> bytes: ...

    def numbers(self) -> Ranges: ...


Some = TypeVar("Some", bound=Sendable)

Heartbeat = tuple[Kind, bytes]

# A third of a millisecond.
DOCUMENTS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Report:
    """What a journal says of itself in each request. facts: the members of journal.json, as one JSON object."""

    facts: bytes
    written: int
    refused: Ranges
    closed: bool = False

    def body(self, documents: Sequence[Sendable] = (), heartbeats: Sequence[Heartbeat] = ()) -> bytes:
        """The report as JSON, with the numbers that each document carries; none for a heartbeat."""
        numbers = {
            name: [document.numbers() for document in giving_way(documents, DOCUMENTS_AT_ONCE) if document.kind == kind]
            + [[] for heartbeat, _ in heartbeats if heartbeat == kind]
            for kind, name in LISTS.items()
        }
        own = msgspec.json.encode(
            {"written": self.written, "refused": self.refused, "closed": self.closed, "numbers": numbers}
        )
        inside = self.facts.strip()[1:-1].strip()
        return b"{%b,%b" % (inside, own[1:]) if inside else own


LISTS: dict[Kind, str] = {"resolution": "resolution_attempts", "attempt": "action_attempts"}


def ordered(documents: Sequence[Some]) -> list[Some]:
    """The documents in the order in which the server answers: resolution attempts first."""
    return [document for kind in LISTS for document in documents if document.kind == kind]


def request_body(documents: Sequence[Sendable], report: Report | None, heartbeats: Sequence[Heartbeat] = ()) -> bytes:
    """One ingest request, its documents in the order of ordered()."""
    members = [
        b'"%b":[%b]'
        % (
            name.encode(),
            b",".join(
                [document.body() for document in giving_way(documents, DOCUMENTS_AT_ONCE) if document.kind == kind]
                + [body for heartbeat, body in heartbeats if heartbeat == kind]
            ),
        )
        for kind, name in LISTS.items()
    ]
    if report is not None:
        members.append(b'"journal":' + report.body(documents, heartbeats))
    return b"{%b}" % b",".join(members)


def facts_json(facts: JournalFacts) -> bytes:
    """What the server is told of a journal's process."""
    told = msgspec.to_builtins(facts)
    return msgspec.json.encode({name: value for name, value in told.items() if value is not None and name != "readers"})
