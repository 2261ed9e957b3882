"""Attempts as local files and journals tell them, read under the names that the server's answers have. Pure.

Where they are found is local.py; what is counted of them is local_statistics.py.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from actionlog_client.journal.entries import Entry
from actionlog_client.stored_attempt import Members, merged


class LocalStep(Struct, kw_only=True):
    """One entry of an attempt's log."""

    sequence: int | None = None
    step: str | None = None
    status: str | None = None
    timestamp: datetime | None = None
    details: Any = None


class LocalAttempt(Struct, kw_only=True):
    """One attempt: the fields of the server's AttemptDetail that can be known here, with the same defaults."""

    attempt_id: str
    action_id: str | None = None
    action_type: str | None = None
    incident_id: str | None = None
    incident_type: str | None = None
    environment: str | None = None
    target: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    trace_id: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    resolution_id: str | None = None
    retry_of: str | None = None
    parameters: Any = None
    confidence: float | None = None
    critical: bool | None = None
    expected_seconds: float | None = None
    status: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    execution_time_seconds: float | None = None
    result: Any = None
    error_message: str | None = None
    error_type: str | None = None
    error_details: Any = None
    extra: Any = None
    logs: list[LocalStep] | None = None

    @property
    def effective_status(self) -> str:
        return self.status or "in_progress"

    @property
    def effective_started_at(self) -> datetime | None:
        """started_at, else the earliest time told."""
        if self.started_at is not None:
            return self.started_at
        told = [step.timestamp for step in self.logs or () if step.timestamp is not None]
        if self.completed_at is not None:
            told.append(self.completed_at)
        return min(told, default=None)

    @property
    def duration_seconds(self) -> float | None:
        """As told, else from start to completion; None while unknown, or when the two times contradict each other."""
        if self.execution_time_seconds is not None:
            return self.execution_time_seconds
        if self.started_at is None or self.completed_at is None or self.completed_at < self.started_at:
            return None
        return (self.completed_at - self.started_at).total_seconds()

    def shown(self) -> dict[str, Any]:
        """The attempt as the server's answers show it, times as text in UTC."""
        told = msgspec.structs.asdict(self)
        steps = sorted(self.logs or (), key=lambda step: step.sequence if step.sequence is not None else -1)
        told |= {
            "status": self.effective_status,
            "critical": bool(self.critical),
            "execution_time_seconds": self.duration_seconds,
            "effective_started_at": self.effective_started_at,
            "parameters": self.parameters if self.parameters is not None else {},
            "logs": [msgspec.structs.asdict(step) for step in steps],
        }
        shown: dict[str, Any] = msgspec.to_builtins(told)
        return shown


_decode = msgspec.json.Decoder(LocalAttempt).decode


def attempt_of(document: bytes | Mapping[str, Raw]) -> LocalAttempt | None:
    """The attempt that a document tells; None for what is none."""
    try:
        attempt = _decode(document if isinstance(document, bytes) else msgspec.json.encode(document))
    except (msgspec.MsgspecError, RecursionError):
        return None
    for position, step in enumerate(attempt.logs or ()):
        if step.sequence is None:
            step.sequence = position
        step.timestamp = in_utc(step.timestamp)
    attempt.started_at = in_utc(attempt.started_at)
    attempt.completed_at = in_utc(attempt.completed_at)
    return attempt


def in_utc(moment: datetime | None) -> datetime | None:
    """A time without an offset, as old files have them, is taken as local time."""
    try:
        return None if moment is None else moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return None


def documents_by_attempt(entries: Iterable[Entry]) -> dict[str, Members]:
    """{attempt id: its document} as journal entries tell it."""
    told: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "attempt":
            told.setdefault(entry.id, []).append(entry)
    return {attempt_id: merged(None, entries) for attempt_id, entries in told.items()}
