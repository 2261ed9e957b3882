"""The recount: adds up the record anew, an hour of buckets at a time, compares with the rollups, and repairs them.

Looking takes no lock: a snapshot holds every recording whole or not at all. A bucket that is to be repaired is counted
again under the lock RECORDING, which recorders hold shared and a repair exclusively: recorders wait for one bucket's
work, not for an hour's, and not at all while the rollups are right. The totals of failure patterns, which have no
time, are in patterns/totals.py.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec
from django.db import connection, transaction
from django.db.models import Func, IntegerField, QuerySet

from analytics.buckets import bucket_of, bucket_start, ceil_to_bucket, floor_to_bucket
from analytics.models import MetricRecount, ResolutionMetric
from analytics.patterns.recount import FailureDifference, differences_between, repair_between
from analytics.rollups import (
    CONTRIBUTING_COLUMNS,
    COUNTS,
    Counts,
    Key,
    add,
    add_incident,
    add_to_stored,
    digest_of,
    incident_contribution,
    remove_stored,
    without_zeros,
)
from analytics.snapshot import one_snapshot
from attempts.locks import RECORDING
from attempts.rows import AttemptRow
from attempts.storage import execute
from resolutions.incidents import sessions_of_incidents_ended
from resolutions.rows import ResolutionRow

HOUR = timedelta(hours=1)
ROWS_A_FETCH = 2000

_Row = TypeVar("_Row", AttemptRow, ResolutionRow)


class Difference(NamedTuple):
    """A rollup row that is not what a recount finds; {} where there is none."""

    key: Key
    stored: Counts
    counted: Counts


class HourRecounted(NamedTuple):
    """What the recount of one hour found. rows is how many rollup rows the record makes there, in how many buckets;
    failures is what differs in the counts of failures by time."""

    start: datetime
    rows: int
    buckets: int
    differences: list[Difference]
    recounts_due: int
    failures: list[FailureDifference]


class _Stored(NamedTuple):
    id: int
    key: Key
    counts: Counts
    well_placed: bool


def recount(*, repair: bool, start: datetime | None = None, end: datetime | None = None) -> Iterator[HourRecounted]:
    """Recount each hour that has anything in it, from start up to end (widened to whole buckets; None: all there is).

    With repair, the rollups are made what is counted and repaired buckets leave the recount list, each bucket in a
    transaction of its own, so that what was repaired stays repaired when the recount is interrupted.
    """
    reached = floor_to_bucket(start) if start else datetime.min.replace(tzinfo=UTC)
    last = ceil_to_bucket(end) if end else datetime.max.replace(tzinfo=UTC)
    while (time := _next_time(reached)) is not None and time < last:
        hour = time.replace(minute=0, second=0, microsecond=0)
        end_of_part = min(hour + HOUR, last)
        found, buckets = _look(max(hour, reached), end_of_part)
        if repair:
            for bucket in sorted(buckets):
                _repair(bucket)
        yield found
        reached = end_of_part


def _next_time(since: datetime) -> datetime | None:
    """The earliest time at or after this one that has a row, a rollup or a recount due. A few index look-ups."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT least(
                (SELECT min(effective_started_at) FROM action_attempts WHERE effective_started_at >= %(since)s),
                (SELECT min(effective_started_at) FROM resolution_attempts WHERE effective_started_at >= %(since)s),
                (SELECT min(coalesce(completed_at, started_at, received_at)) FROM resolution_attempts
                  WHERE status IN ('resolved', 'failed', 'escalated')
                    AND coalesce(completed_at, started_at, received_at) >= %(since)s),
                (SELECT min(bucket_start) FROM resolution_metrics WHERE bucket_start >= %(since)s),
                (SELECT min(bucket_start) FROM failure_counts WHERE bucket_start >= %(since)s),
                (SELECT min(bucket_start) FROM metric_recounts WHERE bucket_start >= %(since)s))
            """,
            {"since": since},
        )
        found: datetime | None = cursor.fetchone()[0]
    return found


def _look(start: datetime, end: datetime) -> tuple[HourRecounted, set[int]]:
    """What a recount of a span finds, and the buckets that it says must be repaired."""
    with one_snapshot():
        counted = _counted(start, end)
        stored = stored_rollups(start, end)
        due = _due(start, end).values_list("bucket_start", flat=True)
        buckets_due = {bucket_of(bucket) for bucket in due}
        failures = differences_between(start, end)
    differences, _ = _compare(counted, stored)
    found = HourRecounted(
        start,
        len(counted),
        len({key.bucket for key in counted}),
        differences,
        recounts_due=len(buckets_due),
        failures=failures,
    )
    wrong = {difference.key.bucket for difference in differences} | {bucket_of(each.start) for each in failures}
    return found, buckets_due | wrong


def _repair(bucket: int) -> None:
    """Make the rollups and the counts of failures of one bucket what a recount finds, in a transaction that no recorder
    runs beside."""
    start, end = bucket_start(bucket), bucket_start(bucket + 1)
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(%s)", [RECORDING])
        differences, wrong = _compare(_counted(start, end), stored_rollups(start, end))
        remove_stored(bucket, (row.id for row in wrong))
        add_to_stored({difference.key: difference.counted for difference in differences if difference.counted})
        repair_between(start, end)
        _due(start, end).delete()


def _due(start: datetime, end: datetime) -> QuerySet[MetricRecount]:
    return MetricRecount.objects.filter(bucket_start__gte=start, bucket_start__lt=end)


def _compare(counted: dict[Key, Counts], stored: list[_Stored]) -> tuple[list[Difference], list[_Stored]]:
    """What differs, in key order, and the stored rows that must go for it to be put right."""
    differences: dict[Key, Difference] = {}
    wrong = []
    seen = set()
    for row in stored:
        right = counted.get(row.key, {})
        if row.well_placed:
            seen.add(row.key)
            if row.counts == right:
                continue
            differences[row.key] = Difference(row.key, row.counts, right)
        else:
            # Under a digest or a start that are not its own: no recorder finds it, or one takes it for another row.
            if row.counts:
                differences.setdefault(row.key, Difference(row.key, row.counts, {}))
        wrong.append(row)
    for key, right in counted.items():
        if key not in seen:
            differences[key] = Difference(key, {}, right)
    return [differences[key] for key in sorted(differences)], wrong


def _counted(start: datetime, end: datetime) -> dict[Key, Counts]:
    """What the record adds up to, by the same contribution() as when it was recorded."""
    totals: dict[Key, Counts] = {}
    for row in _raw_rows("action_attempts", CONTRIBUTING_COLUMNS["attempt"], AttemptRow, start, end):
        add(totals, row)
    for session in _raw_rows("resolution_attempts", CONTRIBUTING_COLUMNS["resolution"], ResolutionRow, start, end):
        add(totals, session)
    for sessions in sessions_of_incidents_ended(start, end):
        contributed = incident_contribution(sessions)
        if contributed is not None and start <= bucket_start(contributed[0].bucket) < end:
            add_incident(totals, sessions)
    return without_zeros(totals)


def _raw_rows(table: str, columns: str, row_type: type[_Row], start: datetime, end: datetime) -> Iterator[_Row]:
    """The rows that started in a span, without what contributes nothing, a few at a time."""
    decode = msgspec.json.Decoder(row_type).decode
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT row_to_json(needed)::text FROM (SELECT {columns} FROM {table}"  # noqa: S608
            " WHERE effective_started_at >= %s AND effective_started_at < %s) AS needed",
            [start, end],
        )
        while texts := cursor.fetchmany(ROWS_A_FETCH):
            for (text,) in texts:
                yield decode(text)


def stored_rollups(start: datetime, end: datetime) -> list[_Stored]:
    """The rollup rows of a span; those that count nothing only where they stand in the way of others."""
    found = []
    names = ("id", "bucket_start", "dimensions_digest", *Key._fields[1:], *COUNTS, "durations", "first_bin")
    rows = ResolutionMetric.objects.filter(bucket_start__gte=start, bucket_start__lt=end)
    # The driver gives an array without its lower bound.
    for values in rows.annotate(
        first_bin=Func("durations", 1, function="array_lower", output_field=IntegerField())
    ).values(*names):
        key = Key(bucket_of(values["bucket_start"]), *(values[name] for name in Key._fields[1:]))
        counts: Counts = {name: int(values[name]) for name in COUNTS if values[name]}
        bins = enumerate(values["durations"], values["first_bin"] or 0)
        counts |= {duration_bin: count for duration_bin, count in bins if count}
        own_place = (bucket_start(key.bucket), digest_of(key[1:]))
        well_placed = own_place == (values["bucket_start"], values["dimensions_digest"])
        if counts or not well_placed:
            found.append(_Stored(values["id"], key, counts, well_placed))
    return found
