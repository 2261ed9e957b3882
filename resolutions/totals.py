"""How many attempts a session has, and how they ended: counted from the attempts, never from what an engine claims."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from msgspec import Struct

from attempts.details import AttemptDetail
from attempts.records import OPEN_STATUSES
from resolutions.details import ResolutionDetail


class Totals(Struct):
    """The attempts of a session by their ends. open are pending and in progress; lost_contact is in none of them."""

    attempted: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    open: int = 0
    lost_contact: int = 0

    def add(self, status: str, is_abandoned: bool, count: int = 1) -> None:
        """status is one of attempts.records.AttemptStatus, with its default applied."""
        self.attempted += count
        match status:
            case "success":
                self.succeeded += count
            case "failed":
                self.failed += count
            case "skipped":
                self.skipped += count
            case "cancelled":
                self.cancelled += count
            case _ if is_abandoned:
                self.lost_contact += count
            case _:
                self.open += count


def totals_of(attempts: Iterable[AttemptDetail]) -> Totals:
    totals = Totals()
    for attempt in attempts:
        totals.add(attempt.status, attempt.is_abandoned)
    return totals


def count_attempts(sessions: Sequence[ResolutionDetail]) -> list[Totals]:
    """The totals of sessions that were read without their attempts, in their order. One query, none for no sessions."""
    if not sessions:
        return []
    recorded: dict[UUID, Totals] = {}
    implicit: dict[str, Totals] = {}
    for resolution_id, incident_id, status, is_abandoned, count in _counts(
        [session.resolution_id for session in sessions if not session.implicit],
        [session.incident_id for session in sessions if session.implicit],
    ):
        totals = (
            implicit.setdefault(incident_id, Totals())
            if resolution_id is None
            else recorded.setdefault(resolution_id, Totals())
        )
        totals.add(status or OPEN_STATUSES[-1], is_abandoned, count)
    return [
        (implicit.get(session.incident_id) if session.implicit else _of(recorded, session.resolution_id)) or Totals()
        for session in sessions
    ]


def _of(recorded: dict[UUID, Totals], resolution_id: UUID | None) -> Totals | None:
    return recorded.get(resolution_id) if resolution_id is not None else None


def _counts(resolution_ids: Sequence[UUID | None], incident_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """(resolution_id or None, incident_id or None, status, is_abandoned, count)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT resolution_id, NULL, status, abandoned_at IS NOT NULL, count(*)
            FROM action_attempts WHERE resolution_id = ANY(%s) GROUP BY 1, 3, 4
            UNION ALL
            SELECT NULL, incident_id, status, abandoned_at IS NOT NULL, count(*)
            FROM action_attempts AS attempt
            WHERE incident_id = ANY(%s) AND NOT EXISTS (
                SELECT FROM resolution_attempts AS told WHERE told.resolution_id = attempt.resolution_id
            )
            GROUP BY 2, 3, 4
            """,
            [list(resolution_ids), list(incident_ids)],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
