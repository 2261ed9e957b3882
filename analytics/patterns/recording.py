"""Failures as they are recorded: each finds its pattern and is counted. The only writer of the counts of failures.

failure_of() is the one rule: what a row of the record counts for. A change counts for failure_of(after), and takes
failure_of(before) away; a recount (recount.py) counts failure_of() of every row. Who decides which pattern is
grouping.py.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.json import encode as encode_json

from analytics.buckets import bucket_of, bucket_start
from analytics.patterns.grouping import Unseen, unseen
from analytics.patterns.stored import own_all
from attempts.fingerprint import VERSION, masked_message
from attempts.rows import AttemptChange, AttemptRow
from attempts.signals import receivers_are_trusted
from attempts.storage import execute, uuid_array

_KNOWN: Final = "SELECT fingerprint FROM failure_fingerprints WHERE fingerprint = ANY(%s::uuid[])"
_ADD: Final = "SELECT add_to_failures(%s::json, %s::json, %s::json, %s)"


class Failure(NamedTuple):
    """What a failed attempt counts for."""

    fingerprint: UUID
    start: datetime
    incident_id: str


class Growth(msgspec.Struct):
    """How a fingerprint changes: by how many failures, the earliest and latest start of those that come to it, and
    whether any went from it, or to another time."""

    added: int = 0
    first: datetime | None = None
    last: datetime | None = None
    moved: bool = False


class Deltas(NamedTuple):
    """By how much everything counted of failures changes; counts that do not change are left out."""

    fingerprints: dict[UUID, Growth]
    buckets: dict[tuple[UUID, int], int]
    incidents: dict[tuple[UUID, str], int]


class _KnownFingerprints:
    """Fingerprints of which this process knows that they have an owner: an owner may change, but never go.

    One that is not there after all, as in another database, fails the transaction, which is then tried again with care.
    """

    MOST: Final = 100_000

    def __init__(self) -> None:
        self._known: set[UUID] = set()

    def unknown(self, fingerprints: Iterable[UUID]) -> list[UUID]:
        # With care nothing is taken on trust, and what another transaction may undo is not remembered.
        return (
            [each for each in fingerprints if each not in self._known] if receivers_are_trusted() else [*fingerprints]
        )

    def remember(self, fingerprints: Iterable[UUID]) -> None:
        if receivers_are_trusted():
            if len(self._known) >= self.MOST:
                self._known.clear()
            self._known.update(fingerprints)


_known = _KnownFingerprints()


def failure_of(row: AttemptRow) -> Failure | None:
    """What a row counts for; None when it did not fail."""
    if row.fingerprint is None:
        return None
    return Failure(row.fingerprint, row.effective_started_at, row.incident_id or "")


def deltas_of(changes: Iterable[AttemptChange]) -> Deltas:
    """What these changes of the record change in the counts of failures."""
    deltas = Deltas({}, {}, {})
    for change in changes:
        after = failure_of(change.after)
        before = None if change.before is None else failure_of(change.before)
        if before == after:
            continue
        if before is not None:
            _add(deltas, before, -1).moved = True
        if after is not None:
            growth = _add(deltas, after, 1)
            growth.first = min(growth.first or after.start, after.start)
            growth.last = max(growth.last or after.start, after.start)
    return deltas


def _add(deltas: Deltas, failure: Failure, sign: int) -> Growth:
    growth = deltas.fingerprints.get(failure.fingerprint)
    if growth is None:
        growth = deltas.fingerprints[failure.fingerprint] = Growth()
    growth.added += sign
    bucket = (failure.fingerprint, bucket_of(failure.start))
    deltas.buckets[bucket] = deltas.buckets.get(bucket, 0) + sign
    incident = (failure.fingerprint, failure.incident_id)
    deltas.incidents[incident] = deltas.incidents.get(incident, 0) + sign
    return growth


def record_failures(changes: Sequence[AttemptChange], *, now: datetime) -> None:
    """Bring patterns and counts up to these changes of the record, in the transaction that records them.

    Waits for no answer while the fingerprints are known. Raises django.db.Error when what is taken away was never
    counted: an earlier change was missed.
    """
    deltas = deltas_of(changes)
    if not deltas.fingerprints:
        return
    index = None
    unknown = _known.unknown(deltas.fingerprints)
    if unknown:
        known = {fingerprint for (fingerprint,) in execute(_KNOWN, [uuid_array(unknown)]).fetchall()}
        _known.remember(known)
        missing = set(unknown) - known
        if missing:
            index = own_all(_unseen_of((change.after for change in changes), missing), now=now)
    execute(_ADD, [*_forms(deltas), now])
    if index is not None:
        index.widen_templates()


def _unseen_of(rows: Iterable[AttemptRow], missing: set[UUID]) -> list[Unseen]:
    """Of each of these fingerprints one failure."""
    found: dict[UUID, Unseen] = {}
    for row in rows:
        fingerprint = row.fingerprint
        if fingerprint is not None and fingerprint in missing and fingerprint not in found:
            masked = masked_message(row.error_message)
            version = row.fingerprint_version or VERSION
            found[fingerprint] = unseen(fingerprint, version, row.action_type, row.error_type, masked)
    return list(found.values())


def _forms(deltas: Deltas) -> tuple[str, str, str]:
    """What add_to_failures takes."""
    prints: list[dict[str, Any]] = [
        {"fingerprint": fingerprint, **msgspec.structs.asdict(growth)}
        # In the order in which they are locked, so that two recorders wait for each other instead of deadlocking.
        for fingerprint, growth in sorted(deltas.fingerprints.items(), key=lambda item: item[0].int)
    ]
    buckets = [
        {"fingerprint": fingerprint, "bucket_start": bucket_start(bucket), "added": added}
        for (fingerprint, bucket), added in deltas.buckets.items()
        if added
    ]
    named = [
        {"fingerprint": fingerprint, "incident_id": incident_id, "added": added}
        for (fingerprint, incident_id), added in deltas.incidents.items()
        if added
    ]
    return (encode_json(prints).decode(), encode_json(buckets).decode(), encode_json(named).decode())
