"""What the account of an incident is made of: the one definition of its shape, for API and OpenAPI schema."""

from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from analytics.thrash import Thrash
from attempts.records import VerdictValue

Kind = Literal[
    "resolution_started",
    "attempt_planned",
    "attempt_started",
    "overlap",
    "step",
    "attempt_ended",
    "attempt_lost_contact",
    "verdict",
    "pause",
    "resolution_ended",
    "resolution_lost_contact",
    "resolution_reopened",
]
# The order at one moment: what begins stands before what is in it, and that before what ends.
RANKS: Final[dict[Kind, int]] = {
    "resolution_started": 0,
    "attempt_planned": 1,
    "attempt_started": 2,
    "overlap": 3,
    "step": 4,
    "attempt_ended": 5,
    "attempt_lost_contact": 5,
    "verdict": 6,
    "pause": 7,
    "resolution_ended": 8,
    "resolution_lost_contact": 8,
    "resolution_reopened": 9,
}


class Place(NamedTuple):
    """Where an entry stands in the account. id is that of what it is about."""

    at: datetime
    rank: int
    id: UUID
    sequence: int = 0


class TimelineEntry(Struct, kw_only=True, omit_defaults=True):
    """One thing that happened. Which fields it has follows from kind; long texts are cut, and then end in "...".

    attempt_planned is an attempt that has not begun, attempt_ended tells its outcome (skipped: it never ran), and
    ..._lost_contact when it was last heard of. An attempt that is tried again tells which one: retry_of. A step stands
    at its time; without one (then timestamp is null) where it must have been at the earliest. overlap and pause last
    from `at` until `until` for so many seconds: in an overlap at least two attempts run at every moment (attempts says
    how many different ones; attempt_ids are the first 50 by start), in a pause none does. Pauses of less than a second
    are left out; one that lasts still has no `until`. resolution_reopened is about the resolution attempt
    that had resolved the incident, and reopened_by is the one that began after it.
    """

    at: datetime
    kind: Kind
    resolution_id: UUID | UnsetType | None = UNSET
    attempt_id: UUID | UnsetType = UNSET
    action_id: str | UnsetType = UNSET
    action_type: str | UnsetType = UNSET
    target: str | UnsetType | None = UNSET
    engine: str | UnsetType | None = UNSET
    engine_version: str | UnsetType | None = UNSET
    retry_of: UUID | UnsetType | None = UNSET
    status: str | UnsetType | None = UNSET
    error_type: str | UnsetType | None = UNSET
    error_message: str | UnsetType | None = UNSET
    sequence: int | UnsetType = UNSET
    step: str | UnsetType | None = UNSET
    timestamp: datetime | UnsetType | None = UNSET
    verdict: VerdictValue | UnsetType = UNSET
    source: str | UnsetType = UNSET
    given_by: str | UnsetType = UNSET
    note: str | UnsetType = UNSET
    reopened_by: UUID | UnsetType = UNSET
    until: datetime | UnsetType = UNSET
    seconds: float | UnsetType | None = UNSET
    attempts: int | UnsetType = UNSET
    attempt_ids: list[UUID] | UnsetType = UNSET


class IncidentTracking(Struct, kw_only=True):
    """One incident in figures. time_to_resolution_seconds is from the first start to the last `resolved`, as in
    /api/statistics/incidents/: null while one of the two was not told, or when they contradict each other.

    first_started_at is that of its first resolution attempt; without any, that of its first attempt. status is that of
    the resolution attempt that started last; is_open says whether any resolution attempt is in progress (lost contact
    is not). engines are at most 100.
    """

    first_started_at: datetime
    last_resolved_at: datetime | None
    time_to_resolution_seconds: float | None
    status: str | None
    is_open: bool
    escalated: bool
    reopened: int
    resolution_attempts: int
    attempts: int
    retries: int
    engines: list[str]


class IncidentTimeline(Struct, kw_only=True):
    """A page of the account of one incident, in order of time, with what the incident adds up to.

    complete is false when the incident has more than 1,000 resolution attempts, 5,000 attempts or 10,000 verdicts: the
    account is of the first ones, tracking still of all attempts. thrash is of the attempts of the account, the first
    100 findings of thrash_findings. next is the address of the page after this one, next_cursor its cursor; null on the
    last page.
    """

    incident_id: str
    tracking: IncidentTracking
    complete: bool
    thrash: list[Thrash]
    thrash_findings: int
    entries: list[TimelineEntry]
    next: str | None
    next_cursor: str | None
