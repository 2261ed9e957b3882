"""Capacity over time: how many attempts start and end, how many run at once, how long those that are planned wait.

Counted in the database by one pass over starts and ends: what leaves it is a row for each bucket of time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from msgspec import Struct

from analytics.figures import WindowShown, shown
from analytics.from_record.bounds import ENDED_AT, Covered, selection, since_when
from analytics.snapshot import one_snapshot
from analytics.windows import LocalBucket, Series

MOST_ATTEMPTS: Final = 200_000
# What began before the window and runs into it is found if it began this long before.
LOOK_BACK: Final = timedelta(days=1)


class Waiting(Struct, kw_only=True):
    """Seconds from when an attempt became known to when it started, of those that were known before they started; n is
    how many."""

    p50: float | None
    p95: float | None
    n: int


class CapacityBucket(Struct, kw_only=True):
    """One bucket of time, as far as it lies in the window: start <= time < end.

    started and ended count attempts that ran: what is pending or was skipped is in neither. concurrency_mean is how
    many ran at a time on average, over the part of the bucket that is past (null where none is), concurrency_peak how
    many at most. waiting is of those that started in it.
    """

    start: datetime
    end: datetime
    started: int
    ended: int
    concurrency_mean: float | None
    concurrency_peak: int
    waiting: Waiting


class CapacityStatistics(Struct, kw_only=True):
    """Throughput, concurrency and waiting time of attempts over time, for capacity planning.

    An attempt runs from its effective start to its end; where the end was not told, for as long as its duration, or
    until it was last heard of (lost contact), or until now. One without any of these takes no time. What began more
    than a day before the window is left out.

    At most 200,000 attempts are read, the latest; where there are more, the buckets begin at covered.since, not with
    the window, and what began before that is left out. covered.rows are those that started since and ran.
    """

    window: WindowShown
    covered: Covered
    bucket: str
    timezone: str
    started: int
    ended: int
    concurrency_mean: float | None
    concurrency_peak: int
    waiting: Waiting
    buckets: list[CapacityBucket]


# bounds are the starts of the buckets and the end of the last; width_bucket finds the bucket of a time, from 1 on, 0
# before and len(bounds) after. At one moment all changes are added up before anything is counted: touching is no
# overlap.
_QUERY: Final = """
    -- Place 0 is all buckets together.
    WITH bounds AS (SELECT %(bounds)s::timestamptz[] AS starts),
    runs AS MATERIALIZED (
        SELECT effective_started_at AS start, CASE
            WHEN coalesce(status, 'in_progress') = 'in_progress' AND abandoned_at IS NULL AND completed_at IS NULL
                THEN greatest(%(now)s, effective_started_at)
            ELSE coalesce({ended_at}, effective_started_at)
        END AS until, coalesce(status, 'in_progress') = 'in_progress' AND completed_at IS NULL AS open,
        CASE WHEN received_at < started_at
            THEN extract(epoch FROM started_at - received_at)::double precision END AS waited
        FROM action_attempts WHERE {where} AND coalesce(status, 'in_progress') NOT IN ('pending', 'skipped')
    ),
    changes AS (
        SELECT start AS at, 1 AS change FROM runs
        UNION ALL SELECT until, -1 FROM runs
        UNION ALL SELECT unnest(starts), 0 FROM bounds
        UNION ALL SELECT %(now)s, 0
    ),
    moments AS (SELECT at, sum(change) AS change FROM changes GROUP BY at),
    running AS (
        SELECT at, sum(change) OVER (ORDER BY at) AS running, lead(at) OVER (ORDER BY at) AS until FROM moments
    ),
    concurrency AS (
        SELECT width_bucket(at, starts) AS bucket, max(running) AS peak,
            coalesce(sum(running * extract(epoch FROM until - at)) FILTER (WHERE at < %(now)s), 0) AS busy
        FROM running, bounds GROUP BY 1
    ),
    begun AS (
        SELECT coalesce(bucket, 0) AS bucket, count(*) AS n, count(waited) AS waited,
            percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY waited) AS waits
        FROM (
            SELECT width_bucket(start, starts) AS bucket, waited FROM runs, bounds WHERE start >= %(first)s
        ) AS placed
        GROUP BY GROUPING SETS ((bucket), ())
    ),
    finished AS (
        SELECT width_bucket(until, starts) AS bucket, count(*) AS n
        FROM runs, bounds WHERE NOT open AND until >= %(first)s GROUP BY 1
    )
    SELECT coalesce(begun.n, 0), coalesce(finished.n, 0), coalesce(busy, 0)::double precision,
        coalesce(peak, 0)::bigint, coalesce(waited, 0), waits
    FROM generate_series(0, %(buckets)s) AS place (bucket)
    LEFT JOIN begun USING (bucket) LEFT JOIN finished USING (bucket) LEFT JOIN concurrency USING (bucket)
    ORDER BY bucket
"""


def capacity_statistics(series: Series, told: Mapping[str, str], *, now: datetime) -> CapacityStatistics:
    """The figures of a window by its buckets. told: dimensions by name of a column. Two queries."""
    window = series.window
    with one_snapshot():
        reach = window._replace(start=window.start - LOOK_BACK)
        since = since_when("action_attempts", reach, told, most=MOST_ATTEMPTS)
        first = max(since, window.start)
        shown_buckets = [each._replace(start=max(each.start, first)) for each in series.buckets if each.end > first]
        where, parameters = selection(reach, told, since=since)
        parameters |= {
            "bounds": [*(each.start for each in shown_buckets), window.end],
            "buckets": len(shown_buckets),
            "first": first,
            "now": now,
        }
        with connection.cursor() as cursor:
            cursor.execute(_QUERY.format(ended_at=ENDED_AT, where=where), parameters)
            total, *rows = cursor.fetchall()
    past = [_past_seconds(each, now) for each in shown_buckets]
    return CapacityStatistics(
        window=shown(window),
        covered=Covered(since=first, rows=total[0], complete=first == window.start),
        bucket=series.length,
        timezone=series.zone.key,
        started=total[0],
        ended=sum(row[1] for row in rows),
        concurrency_mean=sum(row[2] for row in rows) / sum(past) if sum(past) else None,
        concurrency_peak=max((row[3] for row in rows), default=0),
        waiting=_waiting(total),
        buckets=[
            CapacityBucket(
                start=each.start,
                end=each.end,
                started=row[0],
                ended=row[1],
                concurrency_mean=row[2] / seconds if seconds else None,
                concurrency_peak=row[3],
                waiting=_waiting(row),
            )
            for each, seconds, row in zip(shown_buckets, past, rows, strict=True)
        ],
    )


def _past_seconds(bucket: LocalBucket, now: datetime) -> float:
    return max(0.0, (min(bucket.end, now) - bucket.start).total_seconds())


def _waiting(row: tuple[Any, ...]) -> Waiting:
    p50, p95 = row[5] or (None, None)
    return Waiting(p50=p50, p95=p95, n=row[4])
