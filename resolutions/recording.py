"""The only writer of resolution attempts. Twin of attempts.recording; a resolution has no steps.

It works inside a transaction that its caller opens (resolutions.ingest, which also sends the signals and retries).
"""

import copy
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final
from uuid import UUID

from attempts.merging import Conflict, Law, first_version, merge
from attempts.recording import mark_silent
from attempts.storage import Table
from attempts.submissions import TAKEN, Submission, may_write
from resolutions.records import CHANGEABLE, FINAL_STATUSES, ResolutionDocument
from resolutions.rows import ResolutionChange, ResolutionRow, new_row

ResolutionSubmission = Submission[ResolutionDocument]

RESOLUTIONS: Final = Table("resolution_attempts", ResolutionRow, ["resolution_id"])
RESOLUTION_LAW: Final = Law(
    fields=ResolutionDocument.__struct_fields__,
    status_ranks={"in_progress": 0, **dict.fromkeys(FINAL_STATUSES, 1)},
    version="updated_at",
    changeable=frozenset(CHANGEABLE),
)


def record_resolutions(
    submissions: Sequence[ResolutionSubmission], *, now: datetime, admit: Callable[[ResolutionSubmission], bool]
) -> list[ResolutionChange]:
    """Merge these documents into the record, in order; each submission is told its outcome.

    admit says whether a document may be recorded at all, and is asked once the rows are locked. Returns what changed,
    in the order of resolution ids. Raises django.db.Error when the database refuses.
    """
    told: dict[UUID, list[ResolutionSubmission]] = {}
    for submission in submissions:
        if submission.document is not None:
            told.setdefault(submission.document.resolution_id, []).append(submission)
    if not told:
        return []
    ids = sorted(told, key=attrgetter("int"))
    stored = {row.resolution_id: row for row in RESOLUTIONS.lock(ids)}
    changes: list[ResolutionChange] = []
    heard: list[UUID] = []
    for resolution_id in ids:
        before = stored.get(resolution_id)
        admitted = [submission for submission in told[resolution_id] if admit(submission)]
        after = _fold(admitted, before, now)
        if after is None:
            continue
        if after is not before:
            after.last_heard_at = max(after.last_heard_at or now, now)
            changes.append(ResolutionChange(before, after))
        elif after.effective_status not in FINAL_STATUSES and any(each.outcome in TAKEN for each in admitted):
            heard.append(resolution_id)
    RESOLUTIONS.insert([change.after for change in changes if change.before is None])
    RESOLUTIONS.update([change.after for change in changes if change.before is not None])
    RESOLUTIONS.touch(heard, now)
    return changes


def mark_abandoned(*, silent_since: datetime, now: datetime) -> list[ResolutionChange]:
    """Mark the resolution attempts in progress of which nothing was heard since then. Returns what changed."""
    from resolutions.models import ResolutionAttempt

    silent = (
        ResolutionAttempt.objects.filter(last_heard_at__lt=silent_since, abandoned_at=None)
        .exclude(status__in=FINAL_STATUSES)
        .values_list("resolution_id", flat=True)
    )
    marked = mark_silent(RESOLUTIONS, silent, FINAL_STATUSES, silent_since=silent_since, now=now)
    return [ResolutionChange(before, after) for before, after in marked]


def _fold(
    submissions: Sequence[ResolutionSubmission], row: ResolutionRow | None, now: datetime
) -> ResolutionRow | None:
    """The row after these documents."""
    for submission in submissions:
        document = submission.document
        if document is None or not may_write(submission, row):
            continue
        if row is None:
            row = new_row(document, received_at=now, recorded_by=submission.key_id)
            row.versions = first_version(document, RESOLUTION_LAW)
            submission.take("created")
            continue
        try:
            merged = merge(row, document, RESOLUTION_LAW, submission.path)
        except Conflict as conflict:
            submission.refuse("conflict", "conflict", conflict.message, path=conflict.path, name=conflict.field)
            continue
        submission.take("updated" if merged is not row else "unchanged")
        if merged.abandoned_at is not None:
            merged = copy.copy(merged) if merged is row else merged
            merged.abandoned_at = None
        row = merged
    return row
