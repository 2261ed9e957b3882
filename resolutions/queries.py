"""What is read about resolution attempts and incidents, for API, pages and feed alike. Nothing here writes.

A session is a resolution attempt with its attempts, or the implicit one of an incident: its attempts that belong to no
recorded resolution attempt. Every attempt is so in exactly one session.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Exists, Max, Min, Model, OuterRef, Q, QuerySet
from msgspec import UNSET

from attempts.details import AttemptDetail
from attempts.keyset import Position, RowCompare
from attempts.models import ActionAttempt
from attempts.queries import IN_TIME_ORDER as ATTEMPTS_IN_TIME_ORDER
from attempts.queries import read_attempts
from attempts.row_json import RowJson, texts_within
from resolutions.details import IncidentDetail, ResolutionDetail, detail_of_resolution, implicit_session
from resolutions.models import ResolutionAttempt
from resolutions.records import FINAL_STATUSES
from resolutions.rows import ResolutionRow

IN_TIME_ORDER: Final = ("effective_started_at", "resolution_id")

_told_in_progress = Q(status__isnull=True) | Q(status="in_progress")
# What each status asks for; the twin of attempts.queries.STATUS_CONDITIONS.
STATUS_CONDITIONS: Final[dict[str, Q]] = {
    "in_progress": _told_in_progress & Q(abandoned_at__isnull=True),
    "abandoned": _told_in_progress & Q(abandoned_at__isnull=False),
    **{status: Q(status=status) for status in FINAL_STATUSES},
}

Row = TypeVar("Row", bound=Model)

_resolution_row = msgspec.json.Decoder(ResolutionRow)


def resolution_detail(resolution_id: UUID) -> ResolutionDetail | None:
    """One resolution attempt with its action attempts and their steps, or None. Three queries."""
    found = resolution_details([resolution_id], with_attempts=True, with_steps=True)
    return found[0] if found else None


def resolution_details(
    ids: Iterable[UUID], *, with_attempts: bool = False, with_steps: bool = False
) -> list[ResolutionDetail]:
    """Those of these resolution attempts that exist, in time order. One query, one more for attempts, one for steps."""
    wanted = list(ids)
    if not wanted:
        return []
    resolutions = ResolutionAttempt.objects.filter(pk__in=wanted).order_by(*IN_TIME_ORDER)
    return read_resolutions(resolutions, with_attempts=with_attempts, with_steps=with_steps)


def read_resolutions(
    resolutions: "QuerySet[ResolutionAttempt]", *, with_attempts: bool = False, with_steps: bool = False
) -> list[ResolutionDetail]:
    """The details of a queryset, in its order. One query, two with attempts, three with their steps."""
    rows = [_resolution_row.decode(text) for text in resolutions.values_list(RowJson(), flat=True)]
    if not with_attempts:
        return [detail_of_resolution(row) for row in rows]
    ids = [row.resolution_id for row in rows]
    theirs: dict[UUID, list[AttemptDetail]] = {id: [] for id in ids}
    if ids:
        attempts = ActionAttempt.objects.filter(resolution_id__in=ids).order_by(*ATTEMPTS_IN_TIME_ORDER)
        for attempt in read_attempts(attempts, with_steps=with_steps):
            if attempt.resolution_id is not None:
                theirs[attempt.resolution_id].append(attempt)
    return [detail_of_resolution(row, theirs[row.resolution_id]) for row in rows]


def read_resolutions_within(
    resolutions: "QuerySet[ResolutionAttempt]", *, max_bytes: int
) -> tuple[list[ResolutionDetail], bool]:
    """The first details of a queryset, without attempts, and whether they are all: see texts_within. One query."""
    texts, complete = texts_within(resolutions, max_bytes)
    return [detail_of_resolution(_resolution_row.decode(text)) for text in texts], complete


def incident_detail(incident_id: str) -> IncidentDetail | None:
    """All that is known of an incident in time order, steps included; None when nothing is. Seven queries at most.

    A session that attempts of this incident belong to is shown whole, also when it names another incident.
    """
    named = list(
        ActionAttempt.objects.filter(incident_id=incident_id, resolution_id__isnull=False)
        .values_list("resolution_id", flat=True)
        .distinct()
    )
    resolutions = ResolutionAttempt.objects.filter(Q(incident_id=incident_id) | Q(pk__in=named))
    sessions = read_resolutions(resolutions.order_by(*IN_TIME_ORDER), with_attempts=True, with_steps=True)
    sessions += implicit_sessions(
        [incident_id], ActionAttempt.objects.all(), with_attempts=True, with_steps=True
    ).values()
    if not sessions:
        return None
    sessions.sort(key=lambda session: session.effective_started_at)
    return IncidentDetail(incident_id=incident_id, resolution_attempts=sessions)


def recent_sessions(
    *,
    resolutions: "QuerySet[ResolutionAttempt]",
    attempts: "QuerySet[ActionAttempt]",
    before: Position | None = None,
    limit: int,
    with_attempts: bool = False,
) -> list[tuple[Position, ResolutionDetail]]:
    """The newest sessions before a position, newest first, each with its position. Five queries at most.

    resolutions and attempts say which are looked at; implicit sessions are formed from these attempts only. The
    position of an implicit session is that of its first attempt.
    """
    told = _before(resolutions, before, "resolution_id").order_by("-effective_started_at", "-resolution_id")[:limit]
    positions = [Position(*key) for key in told.values_list("effective_started_at", "resolution_id")]
    # A session older than the last of a full page is not on it: without this bound, a page of resolutions would look
    # through all older attempts for some that belong to none.
    first_attempts = _first_attempts(attempts, before, positions[-1] if len(positions) == limit else None)[:limit]
    implicit = {
        Position(time, attempt_id): incident_id
        for time, attempt_id, incident_id in first_attempts.values_list(
            "effective_started_at", "attempt_id", "incident_id"
        )
    }
    page = sorted([*positions, *implicit], reverse=True)[:limit]
    recorded = {
        session.resolution_id: session
        for session in resolution_details(
            [position.id for position in page if position not in implicit], with_attempts=with_attempts
        )
    }
    formed = implicit_sessions(
        [implicit[position] for position in page if position in implicit], attempts, with_attempts=with_attempts
    )
    found = [
        (position, formed.get(implicit[position]) if position in implicit else recorded.get(position.id))
        for position in page
    ]
    # A session may have changed between the queries; what is gone now is not shown.
    return [(position, session) for position, session in found if session is not None]


def implicit_sessions(
    incident_ids: Iterable[str],
    attempts: "QuerySet[ActionAttempt]",
    *,
    with_attempts: bool = False,
    with_steps: bool = False,
) -> dict[str, ResolutionDetail]:
    """By incident, the session that those of these attempts form which belong to no recorded resolution attempt.

    Incidents without such attempts are not in it. One query, two with attempts, three with their steps.
    """
    wanted = list(incident_ids)
    if not wanted:
        return {}
    members = _unclaimed(attempts).filter(incident_id__in=wanted)
    theirs: dict[str, list[AttemptDetail]] = {}
    if with_attempts:
        for attempt in read_attempts(members.order_by(*ATTEMPTS_IN_TIME_ORDER), with_steps=with_steps):
            theirs.setdefault(attempt.incident_id, []).append(attempt)
    in_common = ("incident_type", "environment", "engine")
    summaries = (
        members.order_by()
        .values("incident_id")
        .annotate(
            started=Min("effective_started_at"),
            first_received=Min("received_at"),
            last_heard=Max("last_heard_at"),
            **{f"{name}_low": Min(name) for name in in_common},
            **{f"{name}_high": Max(name) for name in in_common},
        )
    )
    sessions = {}
    for summary in summaries:
        told: dict[str, Any] = dict(summary)
        sessions[summary["incident_id"]] = implicit_session(
            incident_id=summary["incident_id"],
            **{
                name: told[f"{name}_low"] if told[f"{name}_low"] == told[f"{name}_high"] else None for name in in_common
            },
            effective_started_at=summary["started"],
            received_at=summary["first_received"],
            last_heard_at=summary["last_heard"],
            action_attempts=theirs.get(summary["incident_id"], []) if with_attempts else UNSET,
        )
    return sessions


def _unclaimed(attempts: "QuerySet[ActionAttempt]") -> "QuerySet[ActionAttempt]":
    """The attempts that name no resolution attempt, or one that was not told (yet)."""
    return attempts.filter(~Exists(ResolutionAttempt.objects.filter(pk=OuterRef("resolution_id"))))


def _first_attempts(
    attempts: "QuerySet[ActionAttempt]", before: Position | None, floor: Position | None
) -> "QuerySet[ActionAttempt]":
    """The attempts with which implicit sessions began, newest first. They give each session its place in the list."""
    unclaimed = _unclaimed(attempts)
    earlier = unclaimed.filter(incident_id=OuterRef("incident_id")).filter(
        RowCompare(ATTEMPTS_IN_TIME_ORDER, "<", [OuterRef(name) for name in ATTEMPTS_IN_TIME_ORDER])
    )
    first = _before(unclaimed.filter(~Exists(earlier)), before, "attempt_id")
    if floor is not None:
        first = first.filter(RowCompare(ATTEMPTS_IN_TIME_ORDER, ">", floor.values()))
    return first.order_by("-effective_started_at", "-attempt_id")


def _before(rows: "QuerySet[Row]", position: Position | None, id_name: str) -> "QuerySet[Row]":
    if position is None:
        return rows
    return rows.filter(RowCompare(["effective_started_at", id_name], "<", position.values()))
