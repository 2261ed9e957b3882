"""How an attempt and its steps are read: one definition for API, pages and feed. Reading them is in queries.py.

The fields are the document's own (records.py) with the defaults of rows.py applied, then what receipt and derivation
add. What was not told is null; free-form values are passed through as PostgreSQL has them.
"""

from datetime import datetime
from typing import Annotated, Final, cast
from uuid import UUID

from msgspec import UNSET, Meta, Raw, UnsetType

from attempts.records import OPEN_STATUSES, AttemptFacts, AttemptStatus, Step, VerdictValue
from attempts.rows import AttemptRow, StepRow

NULL: Final = Raw(b"null")
EMPTY_OBJECT: Final = Raw(b"{}")

JsonObject = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
JsonObjectOrNull = Annotated[Raw, Meta(extra_json_schema={"type": ["object", "null"]})]


class StepDetail(Step, forbid_unknown_fields=False, omit_defaults=False, kw_only=True):
    """One entry of an attempt's log."""

    sequence: int
    details: Raw


class AttemptDetail(AttemptFacts, forbid_unknown_fields=False, omit_defaults=False, kw_only=True):
    """One action attempt as it is read. Times are UTC, durations are seconds."""

    action_id: str
    action_type: str
    incident_id: str
    parameters: JsonObject
    critical: bool
    status: AttemptStatus
    result: Raw
    error_details: Raw
    extra: JsonObjectOrNull
    effective_started_at: datetime
    received_at: datetime
    last_heard_at: datetime
    abandoned_at: datetime | None
    recorded_by: int | None
    fingerprint: UUID | None
    verdict: VerdictValue | None
    verdict_at: datetime | None
    logs: list[StepDetail] | UnsetType = UNSET

    @property
    def is_abandoned(self) -> bool:
        """Whether the engine went silent before it told an outcome: shown as "lost contact"."""
        return self.abandoned_at is not None and self.status in OPEN_STATUSES


# What a detail has as the row has it; found once, since a page shows hundreds of rows.
_AS_STORED: Final = [name for name in AttemptRow.__struct_fields__ if name in AttemptDetail.__struct_fields__]


def detail_of_attempt(row: AttemptRow, logs: list[StepDetail] | UnsetType = UNSET) -> AttemptDetail:
    """The detail of a row. Without logs the field is absent from the answer, not empty."""
    told = {name: getattr(row, name) for name in _AS_STORED}
    return AttemptDetail(
        **told
        | {
            "status": row.effective_status,
            "critical": bool(row.critical),
            "execution_time_seconds": row.duration_seconds,
            "effective_started_at": row.effective_started_at,
            "parameters": value_or(row.parameters, EMPTY_OBJECT),
            "result": value_or(row.result, NULL),
            "error_details": value_or(row.error_details, NULL),
            "extra": value_or(row.extra, NULL),
            "logs": logs,
        }
    )


def detail_of_step(row: StepRow) -> StepDetail:
    return StepDetail(
        sequence=cast(int, row.sequence),
        step=row.step,
        status=row.status,
        timestamp=row.timestamp,
        details=value_or(row.details, NULL),
    )


def value_or(value: Raw, default: Raw) -> Raw:
    """The value when one was told; a row has NOT_TOLD or JSON's null where none was."""
    return default if bytes(value) in (b"", b"null") else value
