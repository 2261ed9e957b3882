"""The wire documents of attempts and steps: the one definition of the input format.

Decoding into these structs checks types, lengths and ranges; what msgspec does not check (naive years, nesting,
integers beyond 64 bits, NUL) is in validation.py. Nothing here knows of HTTP or of the database, but the rows of
both tables carry the very same fields, so that a row and a document are encoded and decoded by one definition.
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Meta, Raw, Struct

MAX_TEXT: Final = 255
MAX_SEQUENCE: Final = 2**31 - 1

# Free-form JSON stays as the client wrote it: numbers keep every digit, and nothing is parsed that nobody reads.
# NOT_TOLD is the default of every Raw field; missing and null are both stored as it, that is, as NULL.
NOT_TOLD: Final = Raw(b"")

Identity = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Time = Annotated[datetime, Meta(tz=True)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]

# What a verdict says of whether it really worked. unknown takes an earlier verdict back.
VerdictValue = Literal["worked", "no_effect", "made_worse", "unknown"]
VERDICTS: Final = ("worked", "no_effect", "made_worse", "unknown")

AttemptStatus = Literal["pending", "in_progress", "success", "failed", "skipped", "cancelled"]
OPEN_STATUSES: Final = ("pending", "in_progress")
FINAL_STATUSES: Final = ("success", "failed", "skipped", "cancelled")


class Step(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One entry of an attempt's log."""

    sequence: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    step: str | None = None
    status: str | None = None
    timestamp: Time | None = None
    details: Raw = NOT_TOLD


class AttemptFacts(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What an engine tells about one action attempt, its steps apart. None and NOT_TOLD mean "not told"."""

    attempt_id: UUID
    action_id: Identity | None = None
    action_type: Text | None = None
    incident_id: Identity | None = None
    incident_type: Text | None = None
    environment: Text | None = None
    target: Text | None = None
    engine: Text | None = None
    engine_version: Text | None = None
    trace_id: Text | None = None
    approved_by: Text | None = None
    reason: str | None = None
    resolution_id: UUID | None = None
    retry_of: UUID | None = None
    parameters: Raw = NOT_TOLD
    confidence: Fraction | None = None
    critical: bool | None = None
    expected_seconds: Seconds | None = None
    status: AttemptStatus | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    execution_time_seconds: Seconds | None = None
    result: Raw = NOT_TOLD
    error_message: str | None = None
    error_type: str | None = None
    error_details: Raw = NOT_TOLD
    extra: Raw = NOT_TOLD


class AttemptDocument(AttemptFacts, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One document about one action attempt, whole or in part, as it travels."""

    logs: list[Step] | None = None


REQUIRED_IN_ATTEMPT: Final = ("action_id", "action_type", "incident_id")
