"""The only writer of what is told of resolution attempts. Twin of attempts.recording; a resolution has no steps.

What follows for the others of an incident is worked out in incidents.py, and written here.

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
from attempts.submissions import TAKEN, Submission, may_write
from resolutions.incidents import NOTHING, LockedIncidents, Settled
from resolutions.records import CHANGEABLE, FINAL_STATUSES, ResolutionDocument
from resolutions.rows import ResolutionChange, ResolutionRow, new_row
from resolutions.storage import RESOLUTIONS as RESOLUTIONS

ResolutionSubmission = Submission[ResolutionDocument]

RESOLUTION_LAW: Final = Law(
    fields=ResolutionDocument.__struct_fields__,
    status_ranks={"in_progress": 0, **dict.fromkeys(FINAL_STATUSES, 1)},
    version="updated_at",
    changeable=frozenset(CHANGEABLE),
)


def record_resolutions(
    submissions: Sequence[ResolutionSubmission], *, now: datetime, admit: Callable[[ResolutionSubmission], bool]
) -> Settled:
    """Merge these documents into the record, in order; each submission is told its outcome.

    admit says whether a document may be recorded at all, and is asked once the rows are locked. Returns what changed,
    those included of which no document tells but which were reopened. Raises django.db.Error when the database refuses.
    """
    told: dict[UUID, list[ResolutionSubmission]] = {}
    for submission in submissions:
        if submission.document is not None:
            told.setdefault(submission.document.resolution_id, []).append(submission)
    if not told:
        return NOTHING
    ids = sorted(told, key=attrgetter("int"))
    incidents = _incidents_of(submissions)
    stored = {row.resolution_id: row for row in incidents.lock(ids)}
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
    settled = incidents.settle(changes)
    RESOLUTIONS.insert([change.after for change in settled.changes if change.before is None])
    RESOLUTIONS.update([change.after for change in settled.changes if change.before is not None])
    RESOLUTIONS.touch(heard, now)
    return settled


def mark_abandoned(ids: Sequence[UUID], *, silent_since: datetime, now: datetime) -> Settled:
    """Mark those of these resolution attempts in progress of which nothing was heard since then. Returns what changed,
    others of their incidents included."""
    incidents = LockedIncidents(resolution_ids=ids)
    marked = mark_silent(incidents.lock(ids), FINAL_STATUSES, silent_since=silent_since, now=now)
    settled = incidents.settle([ResolutionChange(before, after) for before, after in marked])
    RESOLUTIONS.update([change.after for change in settled.changes])
    return settled


def _incidents_of(submissions: Sequence[ResolutionSubmission]) -> LockedIncidents:
    """The incidents that these documents tell of: by name, or for a part of a record by what is stored of it."""
    documents = [submission.document for submission in submissions if submission.document is not None]
    return LockedIncidents(
        [document.incident_id for document in documents if document.incident_id is not None],
        [document.resolution_id for document in documents if document.incident_id is None],
    )


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
