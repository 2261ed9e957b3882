"""The only writer of attempts and steps: locks what is stored, merges what was told, inserts and changes rows.

It works inside a transaction that its caller opens (resolutions.ingest, which also sends the signals and retries).
"""

import copy
import logging
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from attempts.fingerprint import VERSION, fingerprint
from attempts.merging import ATTEMPT_LAW, Conflict, merge, merge_steps
from attempts.records import FINAL_STATUSES, AttemptDocument, Step
from attempts.rows import AttemptChange, AttemptRow, new_row
from attempts.storage import ATTEMPTS, STEPS, step_rows
from attempts.submissions import TAKEN, Submission, may_write

logger = logging.getLogger(__name__)

AttemptSubmission = Submission[AttemptDocument]


def record_attempts(
    submissions: Sequence[AttemptSubmission], *, now: datetime, admit: Callable[[AttemptSubmission], bool]
) -> list[AttemptChange]:
    """Merge these documents into the record, in order; each submission is told its outcome.

    admit says whether a document may be recorded at all, and is asked once the rows are locked. Documents of one
    attempt are folded in the order they come. Returns what changed, in the order of attempt ids.
    Raises django.db.Error when the database refuses: then the whole transaction is to be rolled back.
    """
    told: dict[UUID, list[AttemptSubmission]] = {}
    for submission in submissions:
        if submission.document is not None:
            told.setdefault(submission.document.attempt_id, []).append(submission)
    if not told:
        return []
    ids = sorted(told, key=attrgetter("int"))
    stored = {row.attempt_id: row for row in ATTEMPTS.lock(ids)}
    known_steps = _steps_told_again(told, stored)
    changes: list[AttemptChange] = []
    heard: list[UUID] = []
    for attempt_id in ids:
        before = stored.get(attempt_id)
        admitted = [submission for submission in told[attempt_id] if admit(submission)]
        after, steps = _fold(admitted, before, known_steps.get(attempt_id, {}) if before is not None else {}, now)
        if after is None:
            continue
        if after is not before:
            changes.append(AttemptChange(before, _heard(after, now), list(steps.values())))
        elif steps:
            changes.append(AttemptChange(before, after, list(steps.values())))
            heard.append(attempt_id)
        elif after.effective_status not in FINAL_STATUSES and any(each.outcome in TAKEN for each in admitted):
            heard.append(attempt_id)
    _write(changes, known_steps)
    ATTEMPTS.touch(heard, now)
    return changes


def mark_abandoned(ids: Sequence[UUID], *, silent_since: datetime, now: datetime) -> list[AttemptChange]:
    """Mark those of these attempts that are not final and of which nothing was heard since then as abandoned.

    The outcome of such an attempt is unknown, and any later document clears the mark. Returns what changed.
    """
    marked = mark_silent(ATTEMPTS.lock(ids), FINAL_STATUSES, silent_since=silent_since, now=now)
    ATTEMPTS.update([after for _, after in marked])
    return [AttemptChange(before, after, []) for before, after in marked]


def mark_silent(
    rows: Iterable[Any], final: Collection[str], *, silent_since: datetime, now: datetime
) -> list[tuple[Any, Any]]:
    """Mark those of these locked rows that are silent still as abandoned: each as it was and as it is to be written."""
    marked = []
    for before in rows:
        # Looked at again under the lock: it may have been heard of, or have ended, since it was found.
        if before.last_heard_at is None or before.last_heard_at >= silent_since or before.abandoned_at is not None:
            continue
        if before.effective_status in final:
            continue
        after = copy.copy(before)
        after.abandoned_at = now
        marked.append((before, after))
    return marked


def _steps_told_again(
    told: Mapping[UUID, Sequence[AttemptSubmission]], stored: Mapping[UUID, AttemptRow]
) -> dict[UUID, dict[int, Step]]:
    """The stored steps that these documents speak of. The attempt's lock covers them."""
    pairs = sorted(
        {
            (attempt_id, step.sequence)
            for attempt_id in stored
            for submission in told[attempt_id]
            if submission.document is not None
            for step in submission.document.logs or []
            if step.sequence is not None
        }
    )
    found: dict[UUID, dict[int, Step]] = {}
    for row in STEPS.find([pair[0] for pair in pairs], [pair[1] for pair in pairs]):
        if row.attempt_id is not None and row.sequence is not None:
            found.setdefault(row.attempt_id, {})[row.sequence] = row
    return found


def _fold(
    submissions: Sequence[AttemptSubmission], row: AttemptRow | None, known_steps: dict[int, Step], now: datetime
) -> tuple[AttemptRow | None, dict[int, Step]]:
    """The row after these documents, and the steps they added or told more about."""
    changed: dict[int, Step] = {}
    for submission in submissions:
        document = submission.document
        if document is None or not may_write(submission, row):
            continue
        steps = document.logs or []
        try:
            if row is None:
                merged = new_row(document, received_at=now, recorded_by=submission.key_id)
            else:
                merged = merge(row, document, ATTEMPT_LAW, submission.path)
            told_steps = merge_steps(ChainMap(changed, known_steps), steps, submission.path)
        except Conflict as conflict:
            submission.refuse("conflict", "conflict", conflict.message, path=conflict.path, name=conflict.field)
            continue
        if row is None:
            submission.take("created")
        else:
            submission.take("updated" if merged is not row or told_steps else "unchanged")
        row = _derived(merged, row, told_steps)
        changed.update(told_steps)
    return row, changed


def _derived(merged: AttemptRow, row: AttemptRow | None, steps: Mapping[int, Step]) -> AttemptRow:
    """The row with its derived columns; a copy, where they change, unless it is a new row already."""
    times = [step.timestamp for step in steps.values() if step.timestamp is not None]
    first = min([*times, merged.first_step_at] if merged.first_step_at is not None else times, default=None)
    print_ = None
    if merged.status == "failed":
        print_ = _fingerprint_of(merged)
    cleared = merged.abandoned_at is not None
    if first == merged.first_step_at and print_ == merged.fingerprint and not cleared:
        return merged
    if merged is row:
        merged = copy.copy(merged)
    merged.first_step_at = first
    merged.fingerprint = print_
    merged.fingerprint_version = None if print_ is None else VERSION
    merged.abandoned_at = None
    return merged


def _fingerprint_of(row: AttemptRow) -> UUID | None:
    """None where it cannot be made: a fault of ours, for which the record does not pay. A recount makes it then."""
    try:
        return fingerprint(row.action_type or "", row.error_type, row.error_message)
    except Exception:
        logger.exception("action attempt %s gets no fingerprint; the record stands", row.attempt_id)
        return None


def _heard(row: AttemptRow, now: datetime) -> AttemptRow:
    if row.last_heard_at is not None and row.last_heard_at < now:
        row.last_heard_at = now
    return row


def _write(changes: Sequence[AttemptChange], known_steps: Mapping[UUID, Mapping[int, Step]]) -> None:
    ATTEMPTS.insert([change.after for change in changes if change.before is None])
    ATTEMPTS.update(
        [change.after for change in changes if change.before is not None and change.before is not change.after]
    )
    new, more = [], []
    for change in changes:
        attempt_id = change.after.attempt_id
        known = known_steps.get(attempt_id) if change.before is not None else None
        if known:
            more += step_rows(attempt_id, [step for step in change.new_steps if step.sequence in known])
            new += step_rows(attempt_id, [step for step in change.new_steps if step.sequence not in known])
        else:
            new += step_rows(attempt_id, change.new_steps)
    STEPS.insert(new)
    STEPS.update(more)
