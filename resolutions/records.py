"""The wire document of a resolution attempt. The shared types and rules are those of attempts.records."""

from typing import Final, Literal
from uuid import UUID

from msgspec import Raw, Struct

from attempts.records import NOT_TOLD, Fraction, Identity, Text, Time

Severity = Literal["critical", "high", "medium", "low", "info"]
ResolutionStatus = Literal["in_progress", "resolved", "failed", "escalated"]
FINAL_STATUSES: Final = ("resolved", "failed", "escalated")
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")

# These may change; the later updated_at wins, then the larger canonical value.
CHANGEABLE: Final = ("severity", "title", "service", "summary", "root_cause", "confidence")


class ResolutionDocument(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One document about one resolution attempt, whole or in part. None and NOT_TOLD mean "not told"."""

    resolution_id: UUID
    incident_id: Identity | None = None
    incident_type: Text | None = None
    environment: Text | None = None
    severity: Severity | None = None
    service: Text | None = None
    title: str | None = None
    engine: Text | None = None
    engine_version: Text | None = None
    confidence: Fraction | None = None
    recommended_actions: Raw = NOT_TOLD
    status: ResolutionStatus | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    summary: Raw = NOT_TOLD
    root_cause: str | None = None
    updated_at: Time | None = None
    extra: Raw = NOT_TOLD


REQUIRED_IN_RESOLUTION: Final = ("incident_id",)
