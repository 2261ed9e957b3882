"""The recount finds every kind of damage, repairs it, and touches nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from analytics.models import MetricRecount, ResolutionMetric
from analytics.queries import is_exact
from analytics.rebuild import recount
from analytics.tests.rebuilding import rebuild_metrics
from analytics.tests.recording import START, attempt, ended, record_resolution, record_rows, resolution
from analytics.windows import Window

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def contents() -> list[dict[str, Any]]:
    return [dict(row) for row in ResolutionMetric.objects.order_by("bucket_start", "dimensions_digest").values()]


@pytest.fixture
def _recorded() -> None:
    record_rows([ended(seconds, environment="prod") for seconds in range(20)])
    record_rows([attempt(started_at=START + n * timedelta(minutes=7), engine="e", reason="why") for n in range(20)])
    record_rows([attempt(started_at=None, received_at=START - timedelta(days=300))])
    record_rows([attempt(started_at=None, completed_at=START + HOUR, first_step_at=START, status="failed")])
    record_resolution(resolution(status="escalated", completed_at=START + HOUR))


DAMAGES = {
    "a count": "UPDATE resolution_metrics SET success = success + 1",
    "a histogram": "UPDATE resolution_metrics SET durations[200] = 7 WHERE success > 0",
    "rows lost": "DELETE FROM resolution_metrics WHERE engine = 'e'",
    "all lost": "TRUNCATE resolution_metrics",
    "a wrong dimension": "UPDATE resolution_metrics SET engine = 'other' WHERE engine = 'e'",
    "a wrong digest": "UPDATE resolution_metrics SET dimensions_digest = md5(id::text)::uuid",
    "an empty row in the place of another": "UPDATE resolution_metrics SET engine = 'x', success = 0, durations = '{}'",
    "off the grid": "UPDATE resolution_metrics SET bucket_start = bucket_start + interval '1 minute'",
    "in a bucket without record": "UPDATE resolution_metrics SET bucket_start = bucket_start + interval '9 years'",
}


@pytest.mark.usefixtures("_recorded")
def test_undamaged_rollups_are_exact() -> None:
    status, printed = rebuild_metrics("--check")
    rows = ResolutionMetric.objects.count()
    buckets = ResolutionMetric.objects.values("bucket_start").distinct().count()
    assert (status, printed) == (0, f"exact: {rows} rows of {buckets} buckets agree; failure patterns that agree: 1\n")


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_and_repaired(damage: str) -> None:
    before = [{name: value for name, value in row.items() if name != "id"} for row in contents()]
    run(damage)
    damaged = contents()
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert "rows differ" in printed
    assert contents() == damaged
    status, printed = rebuild_metrics()
    assert status == 0
    assert printed.splitlines()[-1].startswith("repaired: ")
    assert rebuild_metrics("--check")[0] == 0
    after = [{name: value for name, value in row.items() if name != "id"} for row in contents()]
    assert after == before


@pytest.mark.usefixtures("_recorded")
def test_a_repair_leaves_rows_that_agree_alone() -> None:
    before = contents()
    run("UPDATE resolution_metrics SET failed = 9 WHERE engine = 'e'")
    rebuild_metrics()
    assert [row for row in contents() if row["engine"] != "e"] == [row for row in before if row["engine"] != "e"]


def test_rows_that_count_nothing_are_as_good_as_none() -> None:
    first = attempt(engine="a")
    record_rows([first])
    record_rows([attempt(attempt_id=first.attempt_id, engine="b")], [first])
    assert ResolutionMetric.objects.count() == 2
    assert rebuild_metrics("--check")[0] == 0


@pytest.mark.usefixtures("_recorded")
def test_a_recount_due_is_told_and_done() -> None:
    MetricRecount.objects.create(bucket_start=START, reason="test", noted_at=timezone.now())
    MetricRecount.objects.create(bucket_start=START + 99 * HOUR, reason="test", noted_at=timezone.now())
    assert not is_exact(Window("", START, START + HOUR))
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert "2 buckets and 0 fingerprints were to be recounted" in printed
    assert rebuild_metrics()[0] == 0
    assert is_exact(Window("", START, START + 100 * HOUR))
    assert rebuild_metrics("--check")[0] == 0


@pytest.mark.usefixtures("_recorded")
def test_from_and_to_bound_what_is_recounted() -> None:
    run("UPDATE resolution_metrics SET failed = failed + 1 WHERE engine = 'e'")
    before = {row["bucket_start"]: row["failed"] for row in contents() if row["engine"] == "e"}
    rebuild_metrics("--from", "2025-06-15T10:20:00Z", "--to", "2025-06-15T17:05:00+05:30")
    after = {row["bucket_start"]: row["failed"] for row in contents() if row["engine"] == "e"}
    changed = {start for start in before if before[start] != after[start]}
    assert changed == {start for start in before if START + HOUR / 4 <= start < START + HOUR * 1.75}


@pytest.mark.parametrize("time", ["2025-06-15", "2025-06-15T10:00:00", "yesterday", "2025-13-45T00:00:00Z"])
def test_a_time_without_offset_is_refused(time: str) -> None:
    with pytest.raises(CommandError, match="not a time with its offset"):
        rebuild_metrics("--from", time)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_time_that_no_record_has_is_refused(option: str, time: str) -> None:
    with pytest.raises(CommandError, match="outside the years 1970 to 2200"):
        rebuild_metrics(option, time)


@pytest.mark.parametrize("end", ["2025-06-15T10:00:00Z", "2025-06-15T11:59:59+02:00"])
def test_a_span_with_nothing_in_it_is_refused(end: str) -> None:
    with pytest.raises(CommandError, match="--from must be earlier than --to"):
        rebuild_metrics("--from", "2025-06-15T10:00:00Z", "--to", end)


def test_only_hours_that_have_anything_are_visited() -> None:
    record_rows([attempt(started_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2025, 2200)])
    assert [part.start.year for part in recount(repair=False)] == [1970, 2025, 2200]


def test_many_differences_are_told_briefly() -> None:
    record_rows([attempt(action_type=f"t{number}") for number in range(120)])
    run("TRUNCATE resolution_metrics")
    _, printed = rebuild_metrics("--check")
    assert "... and 70 more" in printed
    assert len(printed.splitlines()) == 52
    assert printed.splitlines()[0] == (
        "2025-06-15T10:00:00Z subject='attempt' action_type='t0': stored nothing, counted in_progress 1"
    )
