"""What analytics does when the record changes. Connected in apps.py, and nowhere else.

The work is in rollups.py and patterns/recording.py. When it fails the record stands, and the buckets that it concerned
are put on the recount list, so that answers which cover them say that they are not exact.
"""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from analytics.buckets import bucket_of, bucket_start
from analytics.patterns.recording import record_failures
from analytics.rollups import Change, apply_changes, last_ended
from attempts.rows import AttemptChange
from attempts.signals import derived
from attempts.storage import execute
from resolutions.rows import IncidentChange


def note_recount(*, changes: Sequence[Change], **_: Any) -> None:
    """Put the buckets that these changes touch, before and after, on the list of buckets to recount."""
    buckets: set[int] = set()
    for change in changes:
        if isinstance(change, IncidentChange):
            ended = [last_ended(change.before), last_ended(change.after)]
            buckets |= {bucket_of(row.ended_at) for row in ended if row is not None and row.ended_at is not None}
        else:
            rows = (change.before, change.after)
            buckets |= {bucket_of(row.effective_started_at) for row in rows if row is not None}
    execute(
        "INSERT INTO metric_recounts (bucket_start, reason, noted_at)"
        " SELECT start, %s, %s FROM unnest(%s::timestamptz[]) AS start ON CONFLICT DO NOTHING",
        ["what is derived missed a change", timezone.now(), [bucket_start(bucket) for bucket in sorted(buckets)]],
    )


@derived(on_failure=note_recount)
def count_attempts(*, changes: Sequence[Change], **_: Any) -> None:
    apply_changes(changes)


def note_failures(*, changes: Sequence[AttemptChange], **_: Any) -> None:
    """Put the buckets of the failures among these changes on the list of buckets to recount."""
    # What failed once stays failed.
    note_recount(changes=[change for change in changes if change.after.status == "failed"])


@derived(on_failure=note_failures)
def count_failures(*, changes: Sequence[AttemptChange], **_: Any) -> None:
    record_failures(changes, now=timezone.now())
    uncounted = [change for change in changes if change.after.status == "failed" and change.after.fingerprint is None]
    if uncounted:
        note_recount(changes=uncounted)


@derived(on_failure=note_recount)
def count_resolutions(*, changes: Sequence[Change], **_: Any) -> None:
    apply_changes(changes)


@derived(on_failure=note_recount)
def count_incidents(*, changes: Sequence[Change], **_: Any) -> None:
    apply_changes(changes)
