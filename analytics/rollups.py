"""Rollups: what each row of the record adds to resolution_metrics, and the only writer of that table.

contribution() is the one rule, and incident_contribution() for the resolution attempts of an incident together. A
change to a row changes its rollups by contribution(after) - contribution(before), and a recount (rebuild.py) adds up
contribution() of every row: both end in the same figures. Reading is queries.py.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import msgspec

from analytics.buckets import bucket_of, bucket_start
from analytics.histogram import LONGEST_SECONDS, bin_of
from analytics.summaries.periods import DAY, GRAINS, HOUR, SUBJECTS, period_start
from attempts.records import OPEN_STATUSES
from attempts.rows import AttemptChange, AttemptRow
from attempts.storage import execute
from resolutions.records import FINAL_STATUSES
from resolutions.rows import IncidentChange, ResolutionChange, ResolutionRow

# The columns of counts; every other key of Counts is a bin of the histogram.
ATTEMPT_COUNTS: Final = ("pending", "in_progress", "abandoned", "success", "failed", "skipped", "cancelled")
RESOLUTION_COUNTS: Final = ("in_progress", "abandoned", "resolved", "failed", "escalated")
STATUS_COUNTS: Final = (*ATTEMPT_COUNTS, "resolved", "escalated")
VERDICT_COUNTS: Final = ("worked", "no_effect", "made_worse", "reopened")
# A sum, and the only column that is no count.
MICROSECONDS: Final = "duration_microseconds"
COUNTS: Final = (*STATUS_COUNTS, *VERDICT_COUNTS, MICROSECONDS)
# The final outcomes whose durations are kept: the engine did the work and it ended.
TIMED_OUTCOMES: Final = frozenset({"success", "failed", "resolved", "escalated"})

# What contribution() reads of a row, so that a recount need not fetch the rest.
CONTRIBUTING_COLUMNS: Final = {
    "attempt": (
        "attempt_id, action_type, incident_type, engine, engine_version, environment, status, started_at, completed_at,"
        " execution_time_seconds, received_at, abandoned_at, first_step_at, verdict"
    ),
    "resolution": (
        "resolution_id, incident_type, engine, engine_version, environment, status, started_at, completed_at,"
        " received_at, abandoned_at, verdict, verdict_at, reopened_at"
    ),
}


class Key(NamedTuple):
    """What one rollup row counts: a bucket and a combination of dimensions. A dimension not told is ''."""

    bucket: int
    subject: str
    action_type: str
    incident_type: str
    engine: str
    engine_version: str
    environment: str


# What is changed here is no longer what was summed up of its hour and day. In the same statement, which costs no round
# trip; a later one would meet the summaries in the same order, so that two recorders do not deadlock.
_UNSEAL: Final = f"""
    WITH unsealed AS (
        DELETE FROM metric_summaries
        WHERE subject = ANY(%s) AND (grain = '{HOUR}' AND period_start = ANY(%s::timestamptz[])
                                     OR grain = '{DAY}' AND period_start = ANY(%s::timestamptz[]))
    )
"""  # noqa: S608  # constants
_ADD: Final = "SELECT add_to_resolution_metrics(%s::json)"
_NAMES: Final = (
    "bucket_start, subject, action_type, incident_type, engine, engine_version, environment, dimensions_digest"
)
_GROW: Final = f"""
    INSERT INTO resolution_metrics AS stored ({_NAMES}, {", ".join(COUNTS)}, durations)
    SELECT {_NAMES}, {", ".join(f"coalesce({count}, 0)" for count in COUNTS)}, add_to_histogram('{{}}', bins, added)
    FROM json_to_recordset(%s::json) AS delta (
        bucket_start timestamptz, subject text, action_type text, incident_type text, engine text,
        engine_version text, environment text, dimensions_digest uuid,
        {", ".join(f"{count} {'numeric' if count == MICROSECONDS else 'bigint'}" for count in COUNTS)},
        bins integer[], added integer[]
    )
    ON CONFLICT (bucket_start, dimensions_digest) DO UPDATE
    SET {", ".join(f"{count} = stored.{count} + EXCLUDED.{count}" for count in COUNTS)},
        durations = CASE WHEN EXCLUDED.durations = '{{}}' THEN stored.durations
                         ELSE add_histograms(stored.durations, EXCLUDED.durations) END
"""  # noqa: S608  # names of our own columns
_REMOVE: Final = f"{_UNSEAL} DELETE FROM resolution_metrics WHERE id = ANY(%s)"  # noqa: S608

# {name of one of COUNTS, or number of a bin: how many}
Counts = dict[str | int, int]
Change = AttemptChange | ResolutionChange | IncidentChange


def contribution(row: AttemptRow | ResolutionRow) -> tuple[Key, Counts]:
    """What a row of the record counts for: the rollup row, and how much each of its counts grows by."""
    status = row.effective_status
    counts: Counts = {}
    if status in TIMED_OUTCOMES:
        duration = row.duration_seconds
        if duration is not None:
            _add_duration(counts, duration)
    elif row.abandoned_at is not None and status in OPEN_STATUSES:
        status = "abandoned"
    counts[status] = 1
    verified = row.verified
    if verified is not None:
        counts[verified] = 1
    subject, action_type = ("attempt", row.action_type) if isinstance(row, AttemptRow) else ("resolution", None)
    key = Key(
        bucket_of(row.effective_started_at),
        subject,
        action_type or "",
        row.incident_type or "",
        row.engine or "",
        row.engine_version or "",
        row.environment or "",
    )
    return key, counts


def incident_contribution(sessions: Collection[ResolutionRow]) -> tuple[Key, Counts] | None:
    """What an incident counts for, given all its resolution attempts: once, while it is closed; None while it is not.

    It is closed when one of them has ended and none is open. One with which contact was lost is not open: nobody works
    on it, and an incident that one engine left in silence and another resolved is closed. Counted is the last that
    ended, in the bucket of its end and under its dimensions: `resolved` when it resolved the incident and none ever
    escalated it, `escalated` when one did, `failed` otherwise. The duration is that of seconds_to_resolution().
    """
    last = last_ended(sessions) if sessions else None
    if last is None or any(row.status not in FINAL_STATUSES and row.abandoned_at is None for row in sessions):
        return None
    statuses = {row.status for row in sessions}
    outcome = "escalated" if "escalated" in statuses else "resolved" if last.status == "resolved" else "failed"
    counts: Counts = {outcome: 1}
    seconds = seconds_to_resolution(sessions)
    if seconds is not None:
        _add_duration(counts, seconds)
    key = Key(
        bucket_of(cast(datetime, last.ended_at)),
        "incident",
        "",
        last.incident_type or "",
        last.engine or "",
        last.engine_version or "",
        last.environment or "",
    )
    return key, counts


def seconds_to_resolution(sessions: Collection[ResolutionRow]) -> float | None:
    """The time to resolution of an incident: from the start of its first resolution attempt to the end of the last that
    resolved it. None while none did, while one of the two times was not told, or when they contradict each other.
    """
    resolved = last_ended([row for row in sessions if row.status == "resolved"])
    if resolved is None or resolved.completed_at is None:
        return None
    first = min(sessions, key=lambda row: (row.effective_started_at, row.resolution_id))
    if first.started_at is None or first.started_at > resolved.completed_at:
        return None
    return (resolved.completed_at - first.started_at).total_seconds()


def last_ended(sessions: Iterable[ResolutionRow]) -> ResolutionRow | None:
    """The resolution attempt that ended last, None when none has ended."""
    ended = [row for row in sessions if row.ended_at is not None]
    return max(ended, key=lambda row: (cast(datetime, row.ended_at), row.resolution_id), default=None)


def _add_duration(counts: Counts, seconds: float) -> None:
    counts[bin_of(seconds)] = 1
    counts[MICROSECONDS] = round(min(seconds, LONGEST_SECONDS) * 1e6)


def add(totals: dict[Key, Counts], row: AttemptRow | ResolutionRow, sign: int = 1) -> None:
    """Add what a row counts for to the totals, or take it away with sign -1."""
    _add(totals, contribution(row), sign)


def add_incident(totals: dict[Key, Counts], sessions: Collection[ResolutionRow], sign: int = 1) -> None:
    """The same for the resolution attempts of an incident."""
    contributed = incident_contribution(sessions)
    if contributed is not None:
        _add(totals, contributed, sign)


def _add(totals: dict[Key, Counts], contribution_: tuple[Key, Counts], sign: int) -> None:
    key, contributed = contribution_
    counts = totals.get(key)
    if counts is None:
        counts = totals[key] = {}
    for slot, count in contributed.items():
        counts[slot] = counts.get(slot, 0) + sign * count


def deltas_of(changes: Iterable[Change]) -> dict[Key, Counts]:
    """By how much each rollup row changes: contribution(after) - contribution(before). Without what is zero."""
    deltas: dict[Key, Counts] = {}
    for change in changes:
        if isinstance(change, IncidentChange):
            add_incident(deltas, change.before, -1)
            add_incident(deltas, change.after)
            continue
        if change.before is not None:
            add(deltas, change.before, -1)
        add(deltas, change.after)
    return without_zeros(deltas)


def without_zeros(totals: Mapping[Key, Counts]) -> dict[Key, Counts]:
    """The same totals without the counts that are zero, and without the rows that have no other."""
    found = {}
    for key, counts in totals.items():
        left = {slot: count for slot, count in counts.items() if count} if 0 in counts.values() else counts
        if left:
            found[key] = left
    return found


def apply_changes(changes: Iterable[Change]) -> None:
    """Bring the rollups up to these changes of the record, in the transaction that records them.

    Raises django.db.IntegrityError when a count would become negative: an earlier change was missed.
    """
    add_to_stored(deltas_of(changes))


def add_to_stored(deltas: Mapping[Key, Counts]) -> None:
    """Add counts to the stored rollup rows, making those that are missing. One statement, rows in key order.

    The same statement removes the summaries that the rows were part of, if their hours have ended.

    What only grows, as new rows of the record make it, is one INSERT ... ON CONFLICT DO UPDATE. That holds the check
    that no count is negative against the bare delta, before it looks for the row to add it to; so the other deltas go
    to a function in the database (migration 0002), which takes about twice as long.
    """
    if not deltas:
        return
    # In key order, so that two recorders who touch the same rows wait for each other instead of deadlocking.
    in_order = sorted(deltas)
    rows = msgspec.json.encode([_delta_form(key, deltas[key]) for key in in_order]).decode()
    grows = all(count > 0 for counts in deltas.values() for count in counts.values())
    statement = _GROW if grows else _ADD
    if _may_be_summed_up(in_order[0].bucket):
        execute(f"{_UNSEAL} {statement}", [*_touched(deltas), rows])
    else:
        execute(statement, [rows])


def remove_stored(bucket: int, ids: Iterable[int]) -> None:
    """Remove rollup rows of a bucket that a recount did not find as they are. Only for rebuild.py, under its lock."""
    starts = [[period_start(grain, bucket // GRAINS[grain])] for grain in (HOUR, DAY)]
    execute(_REMOVE, [list(SUBJECTS), *starts, list(ids)])


def _may_be_summed_up(bucket: int) -> bool:
    """Whether the hour of a bucket has ended. Until SETTLED_AFTER later, by the clock of the database, it has no
    summary, nor has its day: what engines record while they work need not look for any."""
    return period_start(HOUR, bucket // GRAINS[HOUR] + 1) <= datetime.now(UTC)


def _touched(keys: Iterable[Key]) -> tuple[list[str], list[datetime], list[datetime]]:
    """The subjects, and the hours and days, whose summaries these rows were part of."""
    subjects, hours, days = set(), set(), set()
    for key in keys:
        subjects.add(key.subject)
        hours.add(key.bucket // GRAINS[HOUR])
        days.add(key.bucket // GRAINS[DAY])
    return (
        sorted(subjects),
        [period_start(HOUR, hour) for hour in sorted(hours)],
        [period_start(DAY, day) for day in sorted(days)],
    )


def _delta_form(key: Key, counts: Counts) -> dict[str, Any]:
    """One element of what add_to_resolution_metrics takes."""
    bins: list[int] = []
    added: list[int] = []
    form: dict[str, Any] = {
        "bucket_start": bucket_start(key.bucket),
        "subject": key.subject,
        "action_type": key.action_type,
        "incident_type": key.incident_type,
        "engine": key.engine,
        "engine_version": key.engine_version,
        "environment": key.environment,
        "dimensions_digest": digest_of(key[1:]),
        "bins": bins,
        "added": added,
    }
    for slot, count in counts.items():
        if isinstance(slot, int):
            bins.append(slot)
            added.append(count)
        else:
            form[slot] = count
    return form


@lru_cache(maxsize=4096)
def digest_of(dimensions: tuple[str, ...]) -> UUID:
    """The digest of a Key's subject and dimensions, by which a row is found."""
    # No text of the record holds U+0000, so that joined by it no two combinations are alike.
    return UUID(bytes=blake2b("\0".join(dimensions).encode(), digest_size=16).digest())
