"""Puts journal entries together into the documents that travel. Pure functions; sends nothing.

The entries about one attempt that are at hand become one document, so that the server merges once instead of once for
each call. They are spliced as bytes: nothing is parsed but the rare extra.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

import msgspec
from msgspec import Raw

from actionlog_client.journal.entries import ENDS, Entry, Kind

Ranges = list[tuple[int, int]]


@dataclass(slots=True)
class Document:
    """One document to send: its JSON is body(); numbers are the journal numbers of the entries in it."""

    kind: Kind
    id: str
    entries: list[Entry] = field(default_factory=list)
    # Whether the end is among the facts in it, and how others of them begin.
    told: set[bytes] = field(default_factory=set)

    def take(self, entry: Entry) -> bool:
        """Add an entry about the same record, unless it tells again what is told here already.

        An engine that gives one id to two attempts tells two things of one record. Spliced together the later would
        hide the earlier; apart, the server says that they conflict.
        """
        facts = bytes(entry.facts)
        if len(facts) > 2:
            told = b"end" if entry.status in ENDS else facts[: facts.index(b":")]
            if told in self.told:
                return False
            self.told.add(told)
        if self.entries and entry.identity != self.entries[0].identity:
            return False
        self.entries.append(entry)
        return True

    def body(self) -> bytes:
        """The document as the server takes it."""
        first = self.entries[0]
        members = [b'"%b_id":"%b"' % (self.kind.encode(), first.id.encode())]
        if inside := _inside(first.identity):
            members.append(inside)
        status: str | None = None
        steps: list[bytes] = []
        for entry in self.entries:
            if inside := _inside(entry.facts):
                members.append(inside)
            if inside := _inside(entry.steps):
                steps.append(inside)
            status = entry.status or status
        if status is not None:
            members.append(b'"status":"%b"' % status.encode())
        if steps:
            members.append(b'"logs":[%b]' % b",".join(steps))
        if extra := merged_extra(self.entries):
            members.append(b'"extra":%b' % extra)
        return b"{%b}" % b",".join(members)

    def numbers(self) -> Ranges:
        return ranges_of(number for entry in self.entries for number in entry.numbers())

    def parts(self) -> "list[Document]":
        """The same entries, each in a document of its own."""
        return [_document(entry) for entry in self.entries]


def documents_of(entries: Iterable[Entry]) -> list[Document]:
    """The documents that tell these entries: one for each attempt, in the order of first mention.

    Each entry about a resolution attempt stays a document of its own: they are few, and its facts may change.
    """
    documents: list[Document] = []
    attempts: dict[str, Document] = {}
    for entry in entries:
        known = attempts.get(entry.id) if entry.kind == "attempt" else None
        if known is not None and known.take(entry):
            continue
        document = _document(entry)
        documents.append(document)
        if entry.kind == "attempt":
            attempts[entry.id] = document
    return documents


def _document(entry: Entry) -> Document:
    document = Document(entry.kind, entry.id)
    document.take(entry)
    return document


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Inclusive ranges that hold exactly these numbers, ascending."""
    ranges: Ranges = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def united(*some: Iterable[tuple[int, int]]) -> Ranges:
    """The numbers of all of these, as ranges_of tells them."""
    ranges: Ranges = []
    for first, last in sorted(chain.from_iterable(some)):
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return ranges


def covers(ranges: Ranges, wanted: Ranges) -> bool:
    """Whether all these numbers are among those ranges, which ascend and do not touch."""
    for first, last in wanted:
        position = bisect_right(ranges, first, key=lambda each: each[0]) - 1
        if position < 0 or ranges[position][1] < last:
            return False
    return True


def merged_extra(entries: Iterable[Entry]) -> bytes:
    """The extras of these entries as one JSON object, empty when none has any; the first to tell a key goes."""
    told = [bytes(entry.extra) for entry in entries if len(bytes(entry.extra)) > 2]
    if len(told) < 2:
        return told[0] if told else b""
    merged: dict[str, Raw] = {}
    for extra in told:
        for name, value in msgspec.json.decode(extra, type=dict[str, Raw]).items():
            merged.setdefault(name, value)
    return msgspec.json.encode(merged)


def _inside(json: Raw) -> bytes:
    """What stands between the brackets of an object or a list."""
    return bytes(json)[1:-1]
