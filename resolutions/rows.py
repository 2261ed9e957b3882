"""Rows of resolution_attempts as they are read and written, and the changes made of them. Twin of attempts.rows."""

from datetime import datetime
from typing import cast

from msgspec import Raw, Struct
from msgspec.structs import astuple

from attempts.records import NOT_TOLD
from resolutions.records import ResolutionDocument


class ResolutionRow(ResolutionDocument, omit_defaults=True, forbid_unknown_fields=False, gc=False):
    """One row of resolution_attempts."""

    received_at: datetime | None = None
    last_heard_at: datetime | None = None
    recorded_by: int | None = None
    abandoned_at: datetime | None = None
    versions: Raw = NOT_TOLD

    @property
    def effective_status(self) -> str:
        return self.status or "in_progress"

    @property
    def effective_started_at(self) -> datetime:
        """started_at, else the earliest time told, else the time of receipt."""
        return self.started_at or self.completed_at or cast(datetime, self.received_at)

    @property
    def duration_seconds(self) -> float | None:
        """From start to completion; None while unknown, or when the two times contradict each other."""
        if self.started_at is None or self.completed_at is None or self.completed_at < self.started_at:
            return None
        return (self.completed_at - self.started_at).total_seconds()


def new_row(document: ResolutionDocument, *, received_at: datetime, recorded_by: int | None) -> ResolutionRow:
    """The row that a first document makes."""
    return ResolutionRow(*astuple(document), received_at, received_at, recorded_by)  # type: ignore[call-arg]


class ResolutionChange(Struct, frozen=True, gc=False):
    """What one recording transaction did to one resolution attempt. before is None for a new one."""

    before: ResolutionRow | None
    after: ResolutionRow
