"""What one resolution attempt means for the others of its incident: the locks, and who sets reopened_by and _at.

Whoever changes resolution attempts holds the lock of their incidents, taken before any row. So all resolution attempts
of an incident can be looked at, and some of them changed, while nobody else changes any. Judging them is reopening.py.
"""

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection

from attempts.locks import INCIDENTS
from attempts.storage import execute, uuid_array
from resolutions.reopening import reopenings
from resolutions.rows import CLOSING_COLUMNS, IncidentChange, ResolutionChange, ResolutionRow
from resolutions.storage import RESOLUTIONS

# So many locks at most does one transaction hold, however many incidents it tells of: PostgreSQL's table of locks is
# finite. Two incidents of one slot wait for each other without need.
SLOTS: Final = 256

# OFFSET 0, here and below: one look into the index for each, whatever the size of the table was when the plan was made.
# A join, or = ANY(...), that was planned for a small table reads all of a large one.
_NAMED: Final = """
    SELECT unnest(%(incident_ids)s::text[]) AS incident_id
    UNION
    SELECT known.incident_id FROM unnest(%(resolution_ids)s::uuid[]) AS told(id), LATERAL (
        SELECT incident_id FROM resolution_attempts WHERE resolution_id = told.id OFFSET 0
    ) AS known
"""
# In the order of slots, so that two transactions wait for each other instead of deadlocking.
_LOCK: Final = f"""
    WITH named AS MATERIALIZED ({_NAMED}), slots AS MATERIALIZED (
        SELECT DISTINCT hashtext(incident_id) & {SLOTS - 1} AS slot FROM named ORDER BY slot
    ), locked AS MATERIALIZED (
        SELECT pg_advisory_xact_lock({INCIDENTS}, slot) FROM slots
    )
    SELECT ARRAY(SELECT incident_id FROM named) FROM (SELECT count(*) FROM locked) AS all_of_them
"""  # noqa: S608  # only constants are written into the text
_SESSIONS: Final = f"""
    SELECT needed.incident_id, row_to_json(needed)::text
    FROM ({_NAMED}) AS named, LATERAL (
        SELECT {CLOSING_COLUMNS} FROM resolution_attempts WHERE incident_id = named.incident_id OFFSET 0
    ) AS needed
"""  # noqa: S608

# The index resolution_attempts_by_end is on this expression, under this condition.
_ENDED: Final = "status IN ('resolved', 'failed', 'escalated') AND coalesce(completed_at, started_at, received_at)"
ROWS_A_FETCH: Final = 2000

_decode: Final = msgspec.json.Decoder(ResolutionRow).decode


class Settled(NamedTuple):
    """What a transaction did to resolution attempts, in the order of their ids, and so to incidents."""

    changes: list[ResolutionChange]
    incidents: list[IncidentChange]


NOTHING: Final = Settled([], [])


class LockedIncidents:
    """Some incidents, locked until the transaction ends, and all their resolution attempts.

    They are those named, and those of the resolution attempts named. Nothing is waited for before it is asked for.
    """

    def __init__(self, incident_ids: Iterable[str] = (), resolution_ids: Iterable[UUID] = ()) -> None:
        named = {"incident_ids": sorted(set(incident_ids)), "resolution_ids": uuid_array(resolution_ids)}
        self._locked = execute(_LOCK, named)
        # A statement of its own: it sees what was committed while the locks were waited for.
        self._found = execute(_SESSIONS, named)

    def lock(self, resolution_ids: Sequence[UUID]) -> list[ResolutionRow]:
        """Lock the rows of these resolution attempts, which are among those of the incidents."""
        rows = RESOLUTIONS.lock(resolution_ids)
        known = set(self._incident_ids())
        unnamed = {str(row.incident_id) for row in rows} - known
        if unnamed:
            # Somebody made them after the incidents were looked for. A deadlock that this brings about is tried again.
            self._locked = execute(_LOCK, {"incident_ids": sorted(unnamed | known), "resolution_ids": "{}"})
            self._found = execute(_SESSIONS, {"incident_ids": sorted(unnamed | known), "resolution_ids": "{}"})
        return rows

    def settle(self, changes: Sequence[ResolutionChange]) -> Settled:
        """These changes with what follows from them: reopened_by and _at are set on them, and on others of their
        incidents, whose rows are locked here. To be written by the caller.
        """
        incidents: dict[str, list[ResolutionRow]] = {}
        for change in changes:
            if change.before is None or _decides(change.before) != _decides(change.after):
                incidents.setdefault(str(change.after.incident_id), [])
        if not incidents:
            return Settled(list(changes), [])
        for incident_id, text in self._found.fetchall():
            if incident_id in incidents:
                incidents[incident_id].append(_decode(text))
        told: dict[str, list[ResolutionRow]] = {}
        for change in changes:
            told.setdefault(str(change.after.incident_id), []).append(change.after)
        judged = [_judged(incident_id, rows, told[incident_id]) for incident_id, rows in sorted(incidents.items())]
        reopened: dict[UUID, tuple[Any, Any]] = {}
        for incident in judged:
            reopened |= wrong_reopenings(incident.after)
        others = RESOLUTIONS.lock(sorted(reopened.keys() - {change.after.resolution_id for change in changes}))
        settled = [*changes, *(ResolutionChange(row, copy.copy(row)) for row in others)]
        settled.sort(key=lambda change: change.after.resolution_id)
        for each in settled:
            row = each.after
            if row.resolution_id in reopened:
                row.reopened_by, row.reopened_at = reopened[row.resolution_id]
        return Settled(settled, judged)

    def sessions(self) -> list[ResolutionRow]:
        """All resolution attempts of the incidents, with what CLOSING_COLUMNS name. To be asked once."""
        return [_decode(text) for _, text in self._found.fetchall()]

    def _incident_ids(self) -> list[str]:
        row = self._locked.fetchone()
        return list(row[0]) if row else []


def wrong_reopenings(sessions: Sequence[ResolutionRow]) -> dict[UUID, tuple[Any, Any]]:
    """{id: (reopened_by, reopened_at)} of those of an incident's resolution attempts that are stored otherwise."""
    right = reopenings(sessions, within=settings.REOPEN_WITHIN) if len(sessions) > 1 else {}
    return {
        row.resolution_id: right.get(row.resolution_id, (None, None))
        for row in sessions
        if right.get(row.resolution_id, (None, None)) != (row.reopened_by, row.reopened_at)
    }


def repair_reopenings(incident_id: str, resolution_ids: Collection[UUID]) -> list[ResolutionChange]:
    """Put reopened_by and _at of these right, as far as they are wrong still; begun and published by the caller."""
    sessions = LockedIncidents([incident_id]).sessions()
    wrong = {id: right for id, right in wrong_reopenings(sessions).items() if id in resolution_ids}
    changes = []
    for row in RESOLUTIONS.lock(sorted(wrong)):
        after = copy.copy(row)
        after.reopened_by, after.reopened_at = wrong[row.resolution_id]
        changes.append(ResolutionChange(row, after))
    RESOLUTIONS.update([change.after for change in changes])
    return changes


def sessions_of_incidents_ended(start: datetime, end: datetime) -> Iterator[list[ResolutionRow]]:
    """Of each incident of which a resolution attempt ended in a span, all resolution attempts, a few at a time.

    Of each there is what CLOSING_COLUMNS name.
    """
    return _by_incident(f"{_ENDED} >= %s AND {_ENDED} < %s", start, end)


def sessions_of_incidents_begun(start: datetime, end: datetime) -> Iterator[list[ResolutionRow]]:
    """The same for incidents of which a resolution attempt began in a span."""
    return _by_incident("effective_started_at >= %s AND effective_started_at < %s", start, end)


def _by_incident(condition: str, *parameters: Any) -> Iterator[list[ResolutionRow]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT incident_id, row_to_json(needed)::text FROM ("  # noqa: S608
            f"SELECT {CLOSING_COLUMNS} FROM resolution_attempts"
            f" WHERE incident_id IN (SELECT incident_id FROM resolution_attempts WHERE {condition})"
            ") AS needed ORDER BY incident_id",
            parameters,
        )
        texts = (row for rows in iter(lambda: cursor.fetchmany(ROWS_A_FETCH), []) for row in rows)
        for _, theirs in groupby(texts, key=itemgetter(0)):
            yield [_decode(text) for _, text in theirs]


def _judged(incident_id: str, rows: list[ResolutionRow], told: Iterable[ResolutionRow]) -> IncidentChange:
    """The incident before and after what is told of its own resolution attempts."""
    after = {row.resolution_id: row for row in [*rows, *told]}
    return IncidentChange(incident_id, rows, list(after.values()))


def _decides(row: ResolutionRow) -> tuple[Any, ...]:
    """What CLOSING_COLUMNS name, but for what follows from it."""
    return (
        row.incident_type,
        row.engine,
        row.engine_version,
        row.environment,
        row.status,
        row.started_at,
        row.completed_at,
        row.received_at,
        row.abandoned_at,
    )
