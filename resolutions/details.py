"""How a resolution attempt and an incident are read. Twin of attempts.details; reading them is in queries.py."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from attempts.details import EMPTY_OBJECT, NULL, AttemptDetail, JsonObject, JsonObjectOrNull, value_or
from attempts.records import VerdictValue
from resolutions.records import ResolutionDocument, ResolutionStatus
from resolutions.rows import ResolutionRow
from resolutions.summary import ComputedSummary, SummaryDifference, computed_summary, summary_differences

EMPTY_LIST: Final = Raw(b"[]")

# Whether the incident was really resolved: the latest verdict that knows, or that the incident came back since.
Verified = Literal["worked", "no_effect", "made_worse", "reopened"]

JsonList = Annotated[Raw, Meta(extra_json_schema={"type": "array"})]


class ResolutionDetail(ResolutionDocument, forbid_unknown_fields=False, omit_defaults=False, kw_only=True):
    """One session of an engine on an incident, as it is read. Times are UTC.

    implicit marks the session that the attempts of one incident form which belong to no recorded resolution attempt:
    its resolution_id and status are null, since nobody told them. What the action attempts add up to, and where the
    engine's summary differs from it, comes with them: computed_summary and summary_differences. status is what the
    engine claims, verified what is known of it beside that.
    """

    resolution_id: UUID | None  # type: ignore[assignment]
    incident_id: str
    recommended_actions: JsonList
    status: ResolutionStatus | None
    summary: JsonObject
    extra: JsonObjectOrNull
    effective_started_at: datetime
    received_at: datetime
    last_heard_at: datetime
    abandoned_at: datetime | None
    recorded_by: int | None
    verdict: VerdictValue | None
    verdict_at: datetime | None
    reopened_by: UUID | None
    reopened_at: datetime | None
    verified: Verified | None
    verified_because: str | None
    implicit: bool
    action_attempts: list[AttemptDetail] | UnsetType = UNSET
    computed_summary: ComputedSummary | UnsetType = UNSET
    summary_differences: list[SummaryDifference] | UnsetType = UNSET

    @property
    def is_abandoned(self) -> bool:
        """Whether the engine went silent before it told an outcome: shown as "lost contact"."""
        return self.abandoned_at is not None and self.status == "in_progress"


class IncidentDetail(Struct):
    """All that is known of one incident: its sessions in time order, each with its attempts and their steps."""

    incident_id: str
    resolution_attempts: list[ResolutionDetail]


# What a detail has as the row has it; found once, since a page shows many rows.
_AS_STORED: Final = [name for name in ResolutionRow.__struct_fields__ if name in ResolutionDetail.__struct_fields__]


def detail_of_resolution(
    row: ResolutionRow, action_attempts: list[AttemptDetail] | UnsetType = UNSET
) -> ResolutionDetail:
    """The detail of a row. Without action attempts they, and what follows from them, are absent and not empty."""
    told = {name: getattr(row, name) for name in _AS_STORED}
    detail = ResolutionDetail(
        **told
        | {
            "status": row.effective_status,
            "effective_started_at": row.effective_started_at,
            "recommended_actions": value_or(row.recommended_actions, EMPTY_LIST),
            "summary": value_or(row.summary, EMPTY_OBJECT),
            "extra": value_or(row.extra, NULL),
            "verified": row.verified,
            "verified_because": row.verified_because,
            "implicit": False,
        }
    )
    return _with_attempts(detail, action_attempts)


def implicit_session(
    *,
    incident_id: str,
    incident_type: str | None,
    environment: str | None,
    engine: str | None,
    effective_started_at: datetime,
    received_at: datetime,
    last_heard_at: datetime,
    action_attempts: list[AttemptDetail] | UnsetType = UNSET,
) -> ResolutionDetail:
    """The session that attempts without a recorded resolution form, from what they have in common."""
    detail = ResolutionDetail(
        resolution_id=None,
        incident_id=incident_id,
        incident_type=incident_type,
        environment=environment,
        engine=engine,
        recommended_actions=EMPTY_LIST,
        status=None,
        summary=EMPTY_OBJECT,
        extra=NULL,
        effective_started_at=effective_started_at,
        received_at=received_at,
        last_heard_at=last_heard_at,
        abandoned_at=None,
        recorded_by=None,
        verdict=None,
        verdict_at=None,
        reopened_by=None,
        reopened_at=None,
        verified=None,
        verified_because=None,
        implicit=True,
    )
    return _with_attempts(detail, action_attempts)


def _with_attempts(detail: ResolutionDetail, action_attempts: list[AttemptDetail] | UnsetType) -> ResolutionDetail:
    if action_attempts is not UNSET:
        detail.action_attempts = action_attempts
        detail.computed_summary = computed_summary(action_attempts)
        detail.summary_differences = summary_differences(detail.summary, detail.computed_summary)
    return detail
