"""One attempt as a local file keeps it: put together from journal entries, and from what the file has already. Pure.

The same law as the server's, as far as one engine can conflict with itself: what was told first stays, steps are a
union by their sequence, the status goes forward only, extra merges by key. Telling the same again changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from actionlog_client.delivery.documents import Document
from actionlog_client.journal.entries import ATTEMPT_ENDS, Entry

_RANKS: Final = {"pending": 0, "in_progress": 1, **dict.fromkeys(ATTEMPT_ENDS, 2)}

# A document by its members, each JSON already.
Members = dict[str, Raw]

# How people are used to find them in such files; what is not named here follows.
_ORDER: Final = (
    "attempt_id", "action_id", "action_type", "parameters", "incident_id", "started_at", "completed_at", "status",
    "logs", "execution_time_seconds",
)  # fmt: skip


class _Sequenced(msgspec.Struct, gc=False):
    sequence: int | None = None


_members_of: Final = msgspec.json.Decoder(Members).decode
_list_of: Final = msgspec.json.Decoder(list[Raw]).decode
_sequenced: Final = msgspec.json.Decoder(_Sequenced).decode
_encode: Final = msgspec.json.encode


def members_of(source: bytes) -> Members:
    """Raises msgspec.MsgspecError for what is no JSON object."""
    return _members_of(source)


def merged(known: Mapping[str, Raw] | None, entries: list[Entry]) -> Members:
    """The document of an attempt with what these entries tell, in their order. known: what a file has of it."""
    told = _members_of(Document("attempt", entries[0].id, entries).body())
    return in_order(told) if known is None else united(known, told)


def united(known: Mapping[str, Raw], told: Mapping[str, Raw]) -> Members:
    """Both as one document; for a fact in both, what is known stays."""
    whole = {**told, **known}
    if "logs" in known and "logs" in told:
        whole["logs"] = _union(known["logs"], told["logs"])
    if "status" in known and "status" in told and _rank(told["status"]) > _rank(known["status"]):
        whole["status"] = told["status"]
    if "extra" in known and "extra" in told:
        whole["extra"] = _both(known["extra"], told["extra"])
    return in_order(whole)


def in_order(members: Mapping[str, Raw]) -> Members:
    """The members as people are used to find them."""
    ordered = {name: members[name] for name in _ORDER if name in members}
    ordered.update(members)
    return ordered


def is_complete(members: Mapping[str, Raw]) -> bool:
    """Whether no more is to be expected: an outcome was told, or the end without one."""
    return "completed_at" in members or ("status" in members and _rank(members["status"]) == 2)


def tells_completion(entry: Entry) -> bool:
    return entry.status in ATTEMPT_ENDS or b'"completed_at":' in bytes(entry.facts)


def readable(members: Mapping[str, Raw]) -> bytes:
    """The document as JSON for people: indented, UTF-8, with a newline at its end."""
    return msgspec.json.format(_encode(members), indent=2) + b"\n"


def _rank(status: Raw) -> int:
    return _RANKS.get(bytes(status)[1:-1].decode(), 1)


def _both(known: Raw, told: Raw) -> Raw:
    have, more = _members_of(known), _members_of(told)
    return known if more.keys() <= have.keys() else Raw(_encode({**more, **have}))


def _union(known: Raw, told: Raw) -> Raw:
    """The steps of both by sequence; those of old files may have none and stay where they are."""
    steps = _list_of(known)
    have = {sequence for step in steps if (sequence := _sequence(step)) is not None}
    new = [step for step in _list_of(told) if (sequence := _sequence(step)) is None or sequence not in have]
    return Raw(b"[%b]" % b",".join(map(bytes, _sorted(steps + new)))) if new else known


def _sorted(steps: list[Raw]) -> Iterable[Raw]:
    sequences = [_sequence(step) for step in steps]
    if None in sequences:
        return steps
    return [step for _, step in sorted(zip(sequences, steps, strict=True), key=lambda pair: pair[0] or 0)]


def _sequence(step: Raw) -> int | None:
    return _sequenced(step).sequence
