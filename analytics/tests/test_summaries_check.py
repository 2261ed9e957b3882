"""The check of summaries finds what is not what the rollups add up to, and a repair leaves right answers."""

from datetime import timedelta

import pytest
from django.db import connection

from analytics.buckets import bucket_of
from analytics.counting import Span, counted, total_of
from analytics.models import MetricSummary
from analytics.summaries.checking import check_summaries
from analytics.summaries.sealing import seal
from analytics.tests.rebuilding import rebuild_metrics
from analytics.tests.recording import START, ended, record_resolution, record_rows, resolution

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EVERYTHING = Span(bucket_of(START) - 400, bucket_of(START) + 400)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def _sealed() -> None:
    record_rows([ended(seconds, started_at=START + seconds * HOUR, engine="e") for seconds in range(30)])
    record_resolution(resolution(status="escalated", completed_at=START + HOUR))
    assert seal() > 5


DAMAGES = {
    "an hour": "UPDATE metric_summaries SET content = replace(content, 'success', 'failed') WHERE grain = 'hour'",
    "a day": "UPDATE metric_summaries SET content = '[]' WHERE grain = 'day' AND subject = 'attempt'",
    "no JSON": "UPDATE metric_summaries SET content = 'x' WHERE grouping = 'everything'",
    "moved": "UPDATE metric_summaries SET period_start = period_start + interval '7 days' WHERE subject = 'attempt'",
    "off the grid": "UPDATE metric_summaries SET period_start = period_start + interval '1 minute'",
    "unknown grouping": "UPDATE metric_summaries SET grouping = 'moon' WHERE grouping = 'engine'",
    "rollups that changed unnoticed": "UPDATE resolution_metrics SET success = success + 1 WHERE subject = 'attempt'",
}


@pytest.mark.usefixtures("_sealed")
def test_what_is_sealed_is_right() -> None:
    assert rebuild_metrics("--check")[0] == 0
    assert [day.wrong for day in check_summaries(repair=False)] == [[], []]
    assert sum(day.summaries for day in check_summaries(repair=False)) == MetricSummary.objects.count()


@pytest.mark.usefixtures("_sealed")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_and_repaired(damage: str) -> None:
    before = MetricSummary.objects.count()
    right = total_of(counted("attempt", [EVERYTHING], by=["engine"]))
    run(damage)
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert "is not what its metrics add up to" in printed
    assert MetricSummary.objects.count() == before
    status, printed = rebuild_metrics()
    assert status == 0
    assert MetricSummary.objects.count() < before
    assert rebuild_metrics("--check")[0] == 0
    assert total_of(counted("attempt", [EVERYTHING], by=["engine"])) == right
    seal()
    assert rebuild_metrics("--check")[0] == 0
    assert total_of(counted("attempt", [EVERYTHING], by=["engine"])) == right


@pytest.mark.usefixtures("_sealed")
def test_a_repair_unseals_what_it_changes_and_nothing_else() -> None:
    run("DELETE FROM resolution_metrics WHERE subject = 'resolution'")
    kept = set(MetricSummary.objects.filter(period_start__gt=START + HOUR).values_list("id", flat=True))
    rebuild_metrics()
    assert kept <= set(MetricSummary.objects.values_list("id", flat=True))
    assert total_of(counted("resolution", [EVERYTHING]))["escalated"] == 1


@pytest.mark.usefixtures("_sealed")
def test_from_and_to_bound_the_days_that_are_checked() -> None:
    days = [day.start for day in check_summaries(repair=False)]
    assert len(days) == 2
    assert [day.start for day in check_summaries(repair=False, start=days[1])] == days[1:]
    assert [day.start for day in check_summaries(repair=False, end=days[1])] == days[:1]
