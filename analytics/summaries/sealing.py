"""Sums up the hours and days that have ended. Only this module writes summaries; rollups.py removes them.

A period is summed up under the lock RECORDING, which recorders hold shared: none of them is then amid a change of it,
and one that comes later finds the summary and removes it. Recorders wait for one period's work, and only so long.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from django.db import OperationalError, connection, transaction

from analytics.counting import Span, counted
from analytics.summaries.content import encoded, in_all_groupings
from analytics.summaries.periods import DAY, EVERYTHING, GROUPINGS, HOUR, SUBJECTS, buckets_in, period_of
from attempts.locks import RECORDING
from attempts.signals import LOCK_TIMEOUT_STATE, sqlstate
from attempts.storage import execute

# So long after its end a period is summed up: what is recorded late is mostly a little late. It is also by how much the
# clock of a recorder may be behind that of the database before it would miss a summary that it has to remove.
SETTLED_AFTER: Final = timedelta(minutes=15)
# Recorders queue behind us while we wait for those that are amid a transaction.
LOCK_PATIENCE: Final = "200ms"

_LENGTHS: Final = {HOUR: "1 hour", DAY: "1 day"}


class Due(NamedTuple):
    """A period of which some subjects are to be summed up."""

    grain: str
    start: datetime
    subjects: list[str]


def seal(*, since: datetime | None = None, stopped: Callable[[], object] = lambda: False) -> int:
    """Sum up what has ended since then (None: ever) and has rollups but no summaries. Returns of how many periods.

    Hours come first: a day is then added up from them. After each, stopped() is asked whether that is enough; it may
    take its time, which recorders have for themselves. A period for which they leave no room is left for the next time.
    """
    sealed = 0
    for grain in (HOUR, DAY):
        for due in list(_due(grain, since or datetime.min.replace(tzinfo=UTC))):
            sealed += _seal(due)
            if stopped():
                return sealed
    return sealed


def _due(grain: str, since: datetime) -> Iterator[Due]:
    """One index look-up for each period that has any rollups."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE periods AS (
                SELECT date_bin(%(length)s::interval, min(bucket_start), 'epoch') AS start
                FROM resolution_metrics WHERE bucket_start >= date_bin(%(length)s::interval, %(since)s, 'epoch')
                UNION ALL
                SELECT (SELECT date_bin(%(length)s::interval, min(bucket_start), 'epoch')
                        FROM resolution_metrics WHERE bucket_start >= periods.start + %(length)s::interval)
                FROM periods WHERE start IS NOT NULL
            )
            SELECT start, array_agg(subject)
            FROM periods CROSS JOIN unnest(%(subjects)s::text[]) AS subjects (subject)
            WHERE start + %(length)s::interval + %(settled)s::interval <= now()
              AND NOT EXISTS (
                SELECT FROM metric_summaries AS summary
                WHERE summary.subject = subjects.subject AND grain = %(grain)s AND period_start = start
                  AND grouping = %(last)s
              )
            GROUP BY start ORDER BY start
            """,
            {
                "length": _LENGTHS[grain],
                "since": since,
                "settled": f"{SETTLED_AFTER.total_seconds()} seconds",
                "subjects": list(SUBJECTS),
                "grain": grain,
                "last": EVERYTHING,
            },
        )
        for start, subjects in cursor.fetchall():
            yield Due(grain, start, sorted(subjects))


def _seal(due: Due) -> bool:
    """Whether a period was summed up."""
    try:
        with transaction.atomic():
            execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_PATIENCE])
            execute("SELECT pg_advisory_xact_lock(%s)", [RECORDING])
            _insert(due)
    except OperationalError as error:
        if sqlstate(error) != LOCK_TIMEOUT_STATE:
            raise
        return False
    return True


def _insert(due: Due) -> None:
    period = period_of(due.grain, due.start)
    contents = [
        {"subject": subject, "grouping": grouping, "content": content}
        for subject in due.subjects
        for grouping, content in contents_of(subject, due.grain, period).items()
    ]
    execute(
        "INSERT INTO metric_summaries (subject, grain, period_start, grouping, content, sealed_at)"
        " SELECT subject, %s, %s, grouping, content, now()"
        " FROM json_to_recordset(%s::json) AS made (subject text, grouping text, content text)"
        # Another may have been here first; what it found is the same.
        " ON CONFLICT (subject, grain, period_start, grouping) DO NOTHING",
        [due.grain, due.start, msgspec.json.encode(contents).decode()],
    )


def contents_of(subject: str, grain: str, period: int) -> dict[str, str]:
    """{grouping: content} of a period, as its rollups are now. Of a day, its hours may be read from their summaries."""
    [groups] = counted(subject, [Span(*buckets_in(grain, period))], by=GROUPINGS[EVERYTHING])
    return {grouping: encoded(part) for grouping, part in in_all_groupings(groups).items()}
