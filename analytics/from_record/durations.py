"""Which attempts took longest, and which were the latest. How long attempts take in general is told by the rollups."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from msgspec import Struct

from analytics.buckets import BUCKET
from analytics.figures import WindowShown, shown
from analytics.from_record.bounds import DURATION_SECONDS, Covered, latest_attempts, selection
from analytics.queries import is_exact
from analytics.snapshot import one_snapshot
from analytics.windows import Window

MOST_LOOKED_THROUGH: Final = 50_000
# Of rollup rows that are as high as the last one needed, so many more are looked at.
MOST_TIED: Final = 100


class TimedAttempt(Struct, kw_only=True):
    """One attempt, by its id. status is as told, with its default; duration_seconds is null while it is unknown."""

    attempt_id: UUID
    incident_id: str
    action_type: str
    target: str | None
    environment: str | None
    engine: str | None
    status: str
    effective_started_at: datetime
    duration_seconds: float | None


class DurationStatistics(Struct, kw_only=True):
    """The slowest attempts of a window that ended in success or failure, slowest first, and the latest ones.

    slowest_exact is false where others may be as slow as the last of them, within 8 %: so many were about as slow that
    not all could be looked at; or where figures in the window wait to be recounted, by which they are found. covered
    tells how far back was looked for the latest.
    """

    window: WindowShown
    slowest: list[TimedAttempt]
    slowest_exact: bool
    recent: list[TimedAttempt]
    covered: Covered


_BUCKET: Final = f"interval '{int(BUCKET.total_seconds())} seconds'"
# In the order of TimedAttempt.
_COLUMNS: Final = (
    "attempt_id",
    "incident_id",
    "action_type",
    "target",
    "environment",
    "engine",
    "coalesce(status, 'in_progress')",
    "effective_started_at",
    DURATION_SECONDS,
)
# The last bin of a rollup's histogram that is not empty is that of the longest duration in it. So the buckets with the
# highest ones hold the slowest attempts, and only these are looked at. An attempt of which something more was told may
# have left its bin, or the row, so that the last ones are empty: that is rare, and only then they are gone through.
_TOPS: Final = """
    SELECT bucket_start, top FROM (
        SELECT bucket_start, CASE WHEN durations[array_upper(durations, 1)] > 0 THEN array_upper(durations, 1) ELSE (
            SELECT max(bin) FROM generate_subscripts(durations, 1) AS bin WHERE durations[bin] > 0
        ) END AS top
        FROM resolution_metrics
        WHERE subject = 'attempt' AND bucket_start >= %(since)s AND bucket_start < %(end)s
            AND durations <> '{{}}' {narrowed}
    ) AS found
    WHERE top IS NOT NULL ORDER BY top DESC, bucket_start DESC LIMIT %(most)s
"""
_SLOWEST: Final = """
    SELECT {columns} FROM unnest(%(buckets)s::timestamptz[]) AS bucket (start)
    JOIN action_attempts ON effective_started_at >= bucket.start AND effective_started_at < bucket.start + {bucket}
    WHERE status IN ('success', 'failed') AND {duration} IS NOT NULL AND {where}
    ORDER BY {duration} DESC, attempt_id LIMIT %(limit)s
"""


def duration_statistics(window: Window, told: Mapping[str, str], *, limit: int) -> DurationStatistics:
    """At most limit attempts of either kind, of those that started in a window. told: dimensions by name of a column.
    Five queries."""
    with one_snapshot():
        slowest, exact = _slowest(window, told, limit)
        exact = exact and is_exact(window)
        recent, covered = latest_attempts(
            _COLUMNS, window, told, condition="true", most=limit, look_through=MOST_LOOKED_THROUGH
        )
    return DurationStatistics(
        window=shown(window),
        slowest=[_attempt(row) for row in slowest],
        slowest_exact=exact,
        recent=[_attempt(row[1:]) for row in recent],
        covered=covered,
    )


def _slowest(window: Window, told: Mapping[str, str], limit: int) -> tuple[list[tuple[Any, ...]], bool]:
    where, parameters = selection(window, told)
    narrowed = "".join(f" AND {name} = %({name})s" for name in told)
    with connection.cursor() as cursor:
        most = limit + MOST_TIED
        cursor.execute(_TOPS.format(narrowed=narrowed), {**parameters, "most": most + 1})
        tops = cursor.fetchall()
        # So many as are asked for hold as many attempts; others that are as high as the last of them may hold one as
        # slow. One more is read than is looked at: if that is as high too, not all could be.
        least = tops[:limit][-1][1] if tops else 0
        exact = len(tops) <= most or tops[most][1] < least
        buckets = sorted({start for start, top in tops[:most] if top >= least})
        statement = _SLOWEST.format(columns=", ".join(_COLUMNS), duration=DURATION_SECONDS, where=where, bucket=_BUCKET)
        cursor.execute(statement, {**parameters, "buckets": buckets, "limit": limit})
        return cursor.fetchall(), exact


def _attempt(row: tuple[Any, ...]) -> TimedAttempt:
    return TimedAttempt(**dict(zip(TimedAttempt.__struct_fields__, row, strict=True)))
