"""How failure patterns are read: one definition for API, OpenAPI schema and pages. Reading them is in queries.py."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from analytics.figures import WindowShown
from analytics.patterns.concentration import Concentration

PatternState = Literal["new", "acknowledged", "fixed", "ignored", "regressed"]
PatternChangeName = Literal[
    "acknowledged",
    "fixed",
    "ignored",
    "reopened",
    "regressed",
    "merged",
    "merged_into",
    "split",
    "split_from",
    "regrouped",
]


class PatternSummary(Struct, kw_only=True):
    """One failure pattern. occurrences and incidents are of all times; share is of all failures, a fraction, null
    without any.

    merged_into is the pattern that took over all that this one owned, null for all others. action_types and
    error_types are the most frequent ones, at most 20 each; fingerprints is how many it owns. exact is false while a
    figure may miss a failure (manage.py rebuild_metrics repairs it).
    """

    pattern_id: UUID
    state: PatternState
    template: str
    action_types: list[str]
    error_types: list[str]
    first_seen: datetime | None
    last_seen: datetime | None
    occurrences: int
    incidents: int
    share: float | None
    fingerprints: int
    created_at: datetime
    state_changed_at: datetime | None
    state_changed_by: str | None
    fixed_at: datetime | None
    merged_into: UUID | None
    exact: bool


class PatternBucket(Struct, kw_only=True):
    """What started in one bucket: failures of the pattern, and the incidents that they belong to, each once."""

    start: datetime
    end: datetime
    occurrences: int
    incidents: int


class PatternOverTime(Struct, kw_only=True):
    """The failures of a window: of this pattern in all and in each bucket, empty ones too, and of all patterns.

    share is occurrences / failures, null without any. bucket is 15m, hour, day or week, of the time zone.
    """

    window: WindowShown
    bucket: str
    timezone: str
    occurrences: int
    incidents: int
    failures: int
    share: float | None
    buckets: list[PatternBucket]


class OwnedFingerprint(Struct, kw_only=True):
    """One masked message that belongs to the pattern; splitting moves such."""

    fingerprint: UUID
    masked: str
    action_type: str
    error_type: str
    occurrences: int
    first_seen: datetime | None
    last_seen: datetime | None


class TypicalAttempt(Struct, kw_only=True):
    """A failed attempt that shows what the pattern is; error_message is cut at 2,000 characters.

    why: the most recent failure, or the latest with one of the most frequent fingerprints.
    """

    why: Literal["most_recent", "most_frequent"]
    attempt_id: UUID
    incident_id: str
    action_id: str
    action_type: str
    target: str | None
    environment: str | None
    engine: str | None
    effective_started_at: datetime
    error_type: str | None
    error_message: str | None
    fingerprint: UUID


class PatternChangeDetail(Struct, kw_only=True):
    """One thing that was done to the pattern, or to one that was merged into it: then pattern_id is the other's."""

    pattern_id: UUID
    change: PatternChangeName
    from_state: PatternState
    to_state: PatternState
    other_pattern: UUID | None
    fingerprints: int
    changed_at: datetime
    changed_by: str
    note: str


class PatternDetail(PatternSummary, kw_only=True):
    """One failure pattern with all that is known of it. Of a pattern that was merged, that is in merged_into.

    owned are its most frequent fingerprints, at most 100; history is newest first, at most the latest 200.
    concentration compares the latest failures of the window with the latest successes of the same action types.
    """

    over_time: PatternOverTime
    typical: list[TypicalAttempt]
    concentration: Concentration
    owned: list[OwnedFingerprint]
    history: list[PatternChangeDetail]
