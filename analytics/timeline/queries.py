"""What the account of an incident is made of, read within bounds. Nothing here writes.

An incident's rows are those that its page shows: its resolution attempts and attempts, and the sessions that any of its
attempts belong to, whole. What is tracked are those that name the incident themselves, as in the rollups.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Q

from analytics.from_record.bounds import parameters_text
from analytics.rollups import seconds_to_resolution
from analytics.snapshot import one_snapshot
from analytics.thrash import Thrash
from analytics.timeline.account import (
    LONGEST_TEXT,
    ToldAttempt,
    ToldVerdict,
    account_of,
    cut,
    end_of_resolution,
    thrash_of,
)
from analytics.timeline.entries import RANKS, IncidentTimeline, IncidentTracking, Place, TimelineEntry
from attempts.canonical import canonical_json
from attempts.details import detail_of_attempt
from attempts.models import ActionAttempt
from attempts.rows import AttemptRow
from resolutions.models import ResolutionAttempt, Verdict
from resolutions.queries import IN_TIME_ORDER
from resolutions.rows import ResolutionRow

MOST_RESOLUTIONS: Final = 1_000
MOST_ATTEMPTS: Final = 5_000
MOST_VERDICTS: Final = 10_000
MOST_ENGINES: Final = 100
MOST_FINDINGS: Final = 100
# Parameters that take more bytes where they are stored, or more characters, are not compared: they count as different.
LARGEST_PARAMETERS: Final = 16_384

_attempt_row = msgspec.json.Decoder(AttemptRow)
# All but the values that can be large.
_RESOLUTION_COLUMNS: Final = (
    "resolution_id",
    "incident_id",
    "engine",
    "engine_version",
    "status",
    "started_at",
    "completed_at",
    "received_at",
    "last_heard_at",
    "abandoned_at",
    "verdict",
    "verdict_at",
    "reopened_by",
    "reopened_at",
)


class Rows(NamedTuple):
    """An incident's rows in time order; complete is False where there are more."""

    resolutions: list[ResolutionRow]
    attempts: list[ToldAttempt]
    complete: bool


def timeline(incident_id: str, *, after: Place | None, limit: int, now: datetime) -> IncidentTimeline | None:
    """At most limit entries of the account after a place, without an address of what follows (next); None where
    nothing is known of the incident. Seven queries."""
    with one_snapshot():
        rows = incident_rows(incident_id)
        if not rows.resolutions and not rows.attempts:
            return None
        verdicts = _verdicts(rows)
        placed = account_of(rows.resolutions, rows.attempts, verdicts[:MOST_VERDICTS], now=now)
        placed += _steps([attempt.detail.attempt_id for attempt in rows.attempts], after=after, limit=limit + 1)
        tracking = _tracking(incident_id, rows)
    found = sorted((entry for entry in placed if after is None or entry[0] > after), key=lambda entry: entry[0])
    shown = found[:limit]
    thrash = thrash_of(rows.resolutions, rows.attempts, now=now)
    return IncidentTimeline(
        incident_id=incident_id,
        tracking=tracking,
        complete=rows.complete and len(verdicts) <= MOST_VERDICTS,
        thrash=thrash[:MOST_FINDINGS],
        thrash_findings=len(thrash),
        entries=[entry for _, entry in shown],
        next=None,
        # The caller signs it, with what it belongs to.
        next_cursor=place_text(shown[-1][0]) if len(found) > limit else None,
    )


def incident_thrash(incident_id: str, *, now: datetime) -> list[Thrash]:
    """The thrash of an incident, of its latest attempts where there are very many. Three queries."""
    with one_snapshot():
        rows = incident_rows(incident_id, latest=True)
    return thrash_of(rows.resolutions, rows.attempts, now=now)


def incident_rows(incident_id: str, *, latest: bool = False) -> Rows:
    """The first (or latest) rows of an incident. Three queries."""
    named = (
        ActionAttempt.objects.filter(incident_id=incident_id, resolution_id__isnull=False)
        .values_list("resolution_id", flat=True)
        .distinct()[: MOST_RESOLUTIONS + 1]
    )
    sign = "-" if latest else ""
    told = ResolutionAttempt.objects.filter(Q(incident_id=incident_id) | Q(pk__in=list(named)))
    light = told.order_by(*(f"{sign}{name}" for name in IN_TIME_ORDER)).values(*_RESOLUTION_COLUMNS)
    resolutions = [ResolutionRow(**columns) for columns in light[: MOST_RESOLUTIONS + 1]]
    attempts = _attempts(incident_id, [row.resolution_id for row in resolutions], latest=latest)
    complete = len(resolutions) <= MOST_RESOLUTIONS and len(attempts) <= MOST_ATTEMPTS
    resolutions, attempts = resolutions[:MOST_RESOLUTIONS], attempts[:MOST_ATTEMPTS]
    if latest:
        resolutions.reverse()
        attempts.reverse()
    return Rows(resolutions, attempts, complete)


def place_text(place: Place) -> str:
    """For a cursor."""
    return msgspec.json.encode(place).decode()


def parse_place(text: str) -> Place:
    """The place that this is the text of. Raises msgspec.ValidationError or DecodeError when it is none."""
    return msgspec.json.decode(text, type=Place)


# The ids first: what is made of a row that is only sorted would be made in vain.
_ATTEMPTS: Final = f"""
    SELECT row_to_json(light)::text, parameters FROM (
        SELECT attempt_id, action_id, action_type, incident_id, environment, target, engine, engine_version,
            resolution_id, retry_of, status, started_at, completed_at, execution_time_seconds, received_at,
            last_heard_at, abandoned_at, first_step_at, left(error_type, %(longest)s) AS error_type,
            left(error_message, %(longest)s) AS error_message, verdict, verdict_at
        FROM action_attempts WHERE attempt_id = ANY(%(ids)s)
    ) AS light, LATERAL (
        SELECT CASE WHEN parameters IS NULL THEN '{{}}' ELSE {parameters_text(LARGEST_PARAMETERS)} END AS parameters
        FROM action_attempts AS whole
        WHERE whole.attempt_id = light.attempt_id
    ) AS compared
"""  # noqa: S608  # our own text


def _attempts(incident_id: str, resolution_ids: Sequence[UUID], *, latest: bool) -> list[ToldAttempt]:
    order = ("-effective_started_at", "-attempt_id") if latest else ("effective_started_at", "attempt_id")
    ids = list(
        ActionAttempt.objects.filter(Q(incident_id=incident_id) | Q(resolution_id__in=resolution_ids))
        .order_by(*order)
        .values_list("attempt_id", flat=True)[: MOST_ATTEMPTS + 1]
    )
    found: dict[UUID, ToldAttempt] = {}
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(_ATTEMPTS, {"ids": ids, "longest": LONGEST_TEXT + 1})
            for text, parameters in cursor:
                row = _attempt_row.decode(text)
                key = str(row.attempt_id) if parameters is None else canonical_json(parameters.encode())
                found[row.attempt_id] = ToldAttempt(detail_of_attempt(row), key)
    return [found[id] for id in ids if id in found]


def _verdicts(rows: Rows) -> list[ToldVerdict]:
    on = Q(attempt_id__in=[attempt.detail.attempt_id for attempt in rows.attempts]) | Q(
        resolution_id__in=[row.resolution_id for row in rows.resolutions]
    )
    columns = ("verdict_id", "attempt_id", "resolution_id", "verdict", "source", "given_at", "given_by", "note")
    found = Verdict.objects.filter(on).order_by("given_at", "verdict_id").values_list(*columns)[: MOST_VERDICTS + 1]
    return [ToldVerdict(*row) for row in found]


_STEPS: Final = """
    WITH steps AS (
        SELECT log.attempt_id, sequence, step, log.status, timestamp, coalesce(
            timestamp,
            greatest(max(timestamp) OVER (PARTITION BY log.attempt_id ORDER BY sequence), effective_started_at)
        ) AS at
        FROM action_logs AS log JOIN action_attempts USING (attempt_id)
        WHERE log.attempt_id = ANY(%(ids)s)
    )
    SELECT at, attempt_id, sequence, left(step, %(longest)s), left(status, %(longest)s), timestamp FROM steps
    WHERE %(at)s::timestamptz IS NULL
        OR (at, %(own)s, attempt_id, sequence) > (%(at)s, %(rank)s, %(id)s::uuid, %(sequence)s)
    ORDER BY at, attempt_id, sequence LIMIT %(limit)s
"""


def _steps(ids: Sequence[UUID], *, after: Place | None, limit: int) -> list[tuple[Place, TimelineEntry]]:
    """The steps of these attempts after a place, in order."""
    if not ids:
        return []
    beyond = after._asdict() if after else dict.fromkeys(Place._fields)
    bounds = {"ids": list(ids), "longest": LONGEST_TEXT + 1, "own": RANKS["step"], "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, bounds | beyond)
        return [
            (
                Place(at, RANKS["step"], attempt_id, sequence),
                TimelineEntry(
                    at=at,
                    kind="step",
                    attempt_id=attempt_id,
                    sequence=sequence,
                    step=cut(step),
                    status=cut(status),
                    timestamp=timestamp,
                ),
            )
            for at, attempt_id, sequence, step, status, timestamp in cursor
        ]


_COUNTED: Final = """
    SELECT count(*), count(retry_of), min(effective_started_at),
        (array_agg(DISTINCT engine) FILTER (WHERE engine IS NOT NULL))[:%s]
    FROM action_attempts WHERE incident_id = %s
"""


def _tracking(incident_id: str, rows: Rows) -> IncidentTracking:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, [MOST_ENGINES, incident_id])
        attempts, retries, first_attempt, engines = cursor.fetchone()
    own = [row for row in rows.resolutions if row.incident_id == incident_id]
    # Only sessions of other incidents, in which an attempt of this one runs, leave both empty.
    start = own[0].effective_started_at if own else first_attempt
    resolved = max(
        (end for row in own if row.status == "resolved" and (end := end_of_resolution(row)) is not None), default=None
    )
    return IncidentTracking(
        first_started_at=start,
        last_resolved_at=resolved,
        time_to_resolution_seconds=seconds_to_resolution(own),
        status=own[-1].effective_status if own else None,
        is_open=any(row.effective_status == "in_progress" and row.abandoned_at is None for row in own),
        escalated=any(row.status == "escalated" for row in own),
        reopened=sum(row.reopened_at is not None for row in own),
        resolution_attempts=len(own),
        attempts=attempts,
        retries=retries,
        engines=sorted({*(engines or ()), *(row.engine for row in own if row.engine)})[:MOST_ENGINES],
    )
