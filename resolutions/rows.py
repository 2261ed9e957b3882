"""Rows of resolution_attempts as they are read and written, and the changes made of them. Twin of attempts.rows."""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from msgspec import Raw, Struct
from msgspec.structs import astuple

from attempts.records import NOT_TOLD, VerdictValue
from attempts.shown import duration, exact_time
from resolutions.records import FINAL_STATUSES, ResolutionDocument


class ResolutionRow(ResolutionDocument, omit_defaults=True, forbid_unknown_fields=False, gc=False):
    """One row of resolution_attempts."""

    received_at: datetime | None = None
    last_heard_at: datetime | None = None
    recorded_by: int | None = None
    abandoned_at: datetime | None = None
    versions: Raw = NOT_TOLD
    # The latest verdict on it, and when that was given. Written by resolutions.verdicts alone.
    verdict: VerdictValue | None = None
    verdict_at: datetime | None = None
    # The first resolution attempt that began on the same incident soon after this one had resolved it, and when.
    reopened_by: UUID | None = None
    reopened_at: datetime | None = None

    @property
    def effective_status(self) -> str:
        return self.status or "in_progress"

    @property
    def effective_started_at(self) -> datetime:
        """started_at, else the earliest time told, else the time of receipt."""
        return self.started_at or self.completed_at or cast(datetime, self.received_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended: as told, else its effective start, the best there is. None while it is open."""
        return (self.completed_at or self.effective_started_at) if self.status in FINAL_STATUSES else None

    @property
    def duration_seconds(self) -> float | None:
        """From start to completion; None while unknown, or when the two times contradict each other."""
        if self.started_at is None or self.completed_at is None or self.completed_at < self.started_at:
            return None
        return (self.completed_at - self.started_at).total_seconds()

    @property
    def verified(self) -> str | None:
        """worked, no_effect or made_worse, as the latest verdict has it, or reopened, where the incident came back and
        no verdict was given since; None where nothing is known."""
        if self.reopened_at is not None and (self.verdict_at is None or self.verdict_at <= self.reopened_at):
            return "reopened"
        return None if self.verdict == "unknown" else self.verdict

    @property
    def verified_because(self) -> str | None:
        """Why `verified` is what it is, in words; None where nothing is known."""
        if self.verified == "reopened" and self.reopened_at is not None and self.ended_at is not None:
            later = duration((self.reopened_at - self.ended_at).total_seconds())
            return f"reopened {later} after its end by resolution attempt {self.reopened_by}"
        if self.verified is not None and self.verdict_at is not None:
            return f"a verdict of {exact_time(self.verdict_at)}"
        return None


def new_row(document: ResolutionDocument, *, received_at: datetime, recorded_by: int | None) -> ResolutionRow:
    """The row that a first document makes."""
    return ResolutionRow(*astuple(document), received_at, received_at, recorded_by)  # type: ignore[call-arg]


class ResolutionChange(Struct, frozen=True, gc=False):
    """What one recording transaction did to one resolution attempt. before is None for a new one."""

    before: ResolutionRow | None
    after: ResolutionRow


class IncidentChange(Struct, frozen=True, gc=False):
    """What one recording transaction did to the resolution attempts of one incident: all of them, before and after.

    Of each there is what CLOSING_COLUMNS name.
    """

    incident_id: str
    before: list[ResolutionRow]
    after: list[ResolutionRow]


# What of a resolution attempt decides whether its incident is closed, how it ended, and whether it came back.
CLOSING_COLUMNS: Final = (
    "resolution_id, incident_id, incident_type, engine, engine_version, environment, status, started_at, completed_at,"
    " received_at, abandoned_at, reopened_by, reopened_at"
)
