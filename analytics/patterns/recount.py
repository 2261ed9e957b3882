"""The recount of failures by time, which rebuild.py makes beside that of the rollups.

Every failed attempt of a span carries the fingerprint of its message, a pattern owns that fingerprint, and
failure_counts says how many there are in each bucket. Which pattern owns it is not recounted: operators merge and
split. The totals, which have no time, are in totals.py; what a repair touches here is left with recount_due for them.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from analytics.buckets import BUCKET, EPOCH
from analytics.patterns.grouping import Unseen, unseen
from analytics.patterns.stored import own_all
from attempts.fingerprint import VERSION, digest, masked_message
from attempts.informative_line import READ_PART
from attempts.renewal import write_fingerprints
from attempts.storage import execute, uuid_array

ROWS_A_FETCH: Final = 500

_FAILURES: Final = f"""
    SELECT attempt_id, effective_started_at, fingerprint, fingerprint_version, action_type, error_type, {READ_PART}
    FROM action_attempts WHERE effective_started_at >= %s AND effective_started_at < %s AND status = 'failed'
"""  # noqa: S608  # constants
_STORED: Final = """
    SELECT fingerprint, bucket_start, occurrences FROM failure_counts WHERE bucket_start >= %s AND bucket_start < %s
"""
_OWNED: Final = "SELECT fingerprint FROM failure_fingerprints WHERE fingerprint = ANY(%s::uuid[])"
_REMOVE_COUNTS: Final = "DELETE FROM failure_counts WHERE bucket_start >= %s AND bucket_start < %s"
_ADD_COUNTS: Final = """
    INSERT INTO failure_counts (fingerprint, bucket_start, occurrences)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[])
"""
_MARK_DUE: Final = """
    UPDATE failure_fingerprints SET recount_due = true WHERE fingerprint IN (
        SELECT fingerprint FROM failure_fingerprints WHERE fingerprint = ANY(%s::uuid[])
        ORDER BY fingerprint FOR NO KEY UPDATE)
"""


class CountDifference(NamedTuple):
    """A count of failures in the bucket of this start that is not what a recount finds."""

    fingerprint: UUID
    start: datetime
    stored: int
    counted: int

    def __str__(self) -> str:
        return (
            f"{self.start:%Y-%m-%dT%H:%M:%SZ} failures with fingerprint {self.fingerprint}:"
            f" stored {self.stored}, counted {self.counted}"
        )


class UnownedFingerprint(NamedTuple):
    """A fingerprint that no pattern owns. start is that of one of the failures that carry it."""

    fingerprint: UUID
    start: datetime

    def __str__(self) -> str:
        return f"fingerprint {self.fingerprint}: failures carry it, and no pattern owns it"


class WrongFingerprint(NamedTuple):
    """A failed attempt that does not carry the fingerprint of its message."""

    attempt_id: UUID
    start: datetime
    stored: UUID | None
    counted: UUID

    def __str__(self) -> str:
        return f"attempt {self.attempt_id}: stored fingerprint {self.stored}, counted {self.counted}"


FailureDifference = CountDifference | UnownedFingerprint | WrongFingerprint


class _Recounted(NamedTuple):
    differences: list[FailureDifference]
    counted: Counter[tuple[UUID, datetime]]
    fingerprints: set[UUID]  # all that the span is about, also those that were wrong
    unowned: list[Unseen]


def differences_between(start: datetime, end: datetime) -> list[FailureDifference]:
    """What a recount of the failures that started in a span (whole buckets) finds to differ."""
    return _recounted(start, end).differences


def repair_between(start: datetime, end: datetime) -> None:
    """Make the counts of a span what a recount finds. The caller holds the lock RECORDING.

    The totals of every fingerprint that the span is about are due for a recount then: totals.repair_totals().
    """
    found = _recounted(start, end)
    wrong = [each for each in found.differences if isinstance(each, WrongFingerprint)]
    if wrong:
        # All of the present rules: of earlier ones nobody can tell what is right.
        write_fingerprints({each.attempt_id: each.counted for each in wrong})
    index = own_all(found.unowned, now=timezone.now()) if found.unowned else None
    execute(_MARK_DUE, [uuid_array(found.fingerprints)])
    if any(isinstance(each, CountDifference) for each in found.differences):
        execute(_REMOVE_COUNTS, [start, end])
        keys = list(found.counted)
        execute(
            _ADD_COUNTS,
            [uuid_array(key[0] for key in keys), [key[1] for key in keys], [found.counted[key] for key in keys]],
        )
    if index is not None:
        index.widen_templates()


def _recounted(start: datetime, end: datetime) -> _Recounted:
    differences: list[FailureDifference] = []
    counted: Counter[tuple[UUID, datetime]] = Counter()
    fingerprints: set[UUID] = set()
    samples: dict[UUID, Unseen] = {}
    starts: dict[UUID, datetime] = {}
    for attempt_id, began, stored, version, action_type, error_type, message in _failures(start, end):
        right, version = stored, version or VERSION
        if version == VERSION or stored not in samples:
            masked = masked_message(message)
            if version == VERSION:
                right = digest(action_type or "", error_type or "", masked)
            if right not in samples:
                starts[right] = began
                samples[right] = unseen(right, version, action_type, error_type, masked)
        if right != stored:
            differences.append(WrongFingerprint(attempt_id, began, stored, right))
            fingerprints |= {stored} if stored else set()
        counted[right, EPOCH + (began - EPOCH) // BUCKET * BUCKET] += 1
    kept = _kept(start, end)
    differences += [
        CountDifference(*key, kept.get(key, 0), counted[key])
        for key in sorted(counted.keys() | kept.keys())
        if counted[key] != kept.get(key, 0)
    ]
    fingerprints |= {fingerprint for fingerprint, _ in counted.keys() | kept.keys()}
    unowned = _unowned(samples)
    differences += [UnownedFingerprint(each.fingerprint, starts[each.fingerprint]) for each in unowned]
    return _Recounted(differences, counted, fingerprints, unowned)


def _failures(start: datetime, end: datetime) -> Iterator[tuple[Any, ...]]:
    """The failed attempts that started in a span, a few at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_FAILURES, [start, end])
        while rows := cursor.fetchmany(ROWS_A_FETCH):
            yield from rows


def _kept(start: datetime, end: datetime) -> dict[tuple[UUID, datetime], int]:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [start, end])
        return {(fingerprint, bucket): occurrences for fingerprint, bucket, occurrences in cursor.fetchall()}


def _unowned(samples: dict[UUID, Unseen]) -> list[Unseen]:
    """Those of these fingerprints that no pattern owns, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNED, [list(samples)])
        owned = {fingerprint for (fingerprint,) in cursor.fetchall()}
    return [samples[fingerprint] for fingerprint in sorted(samples) if fingerprint not in owned]
