"""Rows of action_attempts and action_logs as they are read and written, and the changes made of them.

A row is what was told (records.py) plus what receipt and derivation add. The defaults that are "applied on reading"
are the properties here, and nowhere else in Python; the generated column effective_started_at is their twin in SQL.
"""

from datetime import datetime
from typing import cast
from uuid import UUID

from msgspec import Struct
from msgspec.structs import astuple

from attempts.records import AttemptDocument, AttemptFacts, Step, VerdictValue


class AttemptRow(AttemptFacts, omit_defaults=True, forbid_unknown_fields=False, gc=False):
    """One row of action_attempts."""

    received_at: datetime | None = None
    last_heard_at: datetime | None = None
    recorded_by: int | None = None
    abandoned_at: datetime | None = None
    first_step_at: datetime | None = None
    fingerprint: UUID | None = None
    fingerprint_version: int | None = None
    # The latest verdict on it, and when that was given. Written by resolutions.verdicts alone.
    verdict: VerdictValue | None = None
    verdict_at: datetime | None = None

    @property
    def effective_status(self) -> str:
        return self.status or "in_progress"

    @property
    def effective_started_at(self) -> datetime:
        """started_at, else the earliest time told, else the time of receipt."""
        if self.started_at is not None:
            return self.started_at
        told = [time for time in (self.first_step_at, self.completed_at) if time is not None]
        return min(told) if told else cast(datetime, self.received_at)

    @property
    def duration_seconds(self) -> float | None:
        """As told, else from start to completion; None while unknown, or when the two times contradict each other."""
        if self.execution_time_seconds is not None:
            return self.execution_time_seconds
        if self.started_at is None or self.completed_at is None or self.completed_at < self.started_at:
            return None
        return (self.completed_at - self.started_at).total_seconds()

    @property
    def verified(self) -> str | None:
        """worked, no_effect or made_worse, as the latest verdict has it; None where there is none that knows."""
        return None if self.verdict == "unknown" else self.verdict


def new_row(document: AttemptDocument, *, received_at: datetime, recorded_by: int | None) -> AttemptRow:
    """The row that a first document makes."""
    # astuple is in field order, and logs, which has a table of its own, is the document's last field.
    facts = astuple(document)[:-1]
    return AttemptRow(*facts, received_at, received_at, recorded_by)  # type: ignore[call-arg]


class StepRow(Step, omit_defaults=True, forbid_unknown_fields=False, gc=False):
    """One row of action_logs."""

    attempt_id: UUID | None = None


class AttemptChange(Struct, frozen=True, gc=False):
    """What one recording transaction did to one attempt. before is None for a new one.

    new_steps are the steps that were added or told more about. All are as after redaction.
    """

    before: AttemptRow | None
    after: AttemptRow
    new_steps: list[Step]
