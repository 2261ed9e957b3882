"""Metrics of a window, from the rollups."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from analytics.figures import AttemptCounts, ResolutionCounts
from analytics.models import MetricRecount
from analytics.queries import Dimensions, in_progress_now, metrics
from analytics.tests.recording import START, attempt, ended, record_resolution, record_rows, resolution
from analytics.windows import Window, window_named
from attempts.models import ActionAttempt, Refusal

pytestmark = pytest.mark.django_db

DAY = window_named("24h", now=START + timedelta(hours=1))


def test_figures_of_a_window() -> None:
    record_rows(
        [
            *(ended(seconds, environment="prod") for seconds in (1, 2, 3)),
            ended(10, status="failed", environment="prod"),
            attempt(status="skipped", action_type="rollback"),
            attempt(status="pending", action_type="rollback"),
            attempt(action_type="rollback"),
            attempt(action_type="rollback", abandoned_at=START),
            attempt(status="cancelled", action_type=""),
        ]
    )
    figures = metrics(DAY)
    assert figures.attempts.by_status == AttemptCounts(
        pending=1, in_progress=1, abandoned=1, success=3, failed=1, skipped=1, cancelled=1
    )
    assert (figures.attempts.total, figures.attempts.success_rate, figures.attempts.n) == (9, 0.75, 4)
    assert figures.attempts.durations.n == 4
    assert figures.attempts.durations.p50 == pytest.approx(2.5, rel=0.05)
    assert figures.attempts.durations.p99 == pytest.approx(9.79, rel=0.05)
    assert figures.attempts.in_progress == 1
    assert [(part.action_type, part.total, part.success_rate, part.n) for part in figures.by_action_type] == [
        ("restart_pool", 4, 0.75, 4),
        ("rollback", 4, None, 0),
        ("", 1, None, 0),
    ]
    assert figures.by_action_type[0].durations == figures.attempts.durations
    assert figures.exact


def test_of_nothing_there_are_zeros_and_no_rate() -> None:
    figures = metrics(DAY)
    assert (figures.attempts.total, figures.attempts.success_rate, figures.by_action_type) == (0, None, [])
    assert figures.attempts.durations.p95 is None
    assert figures.exact


def test_resolutions_by_outcome() -> None:
    record_resolution(resolution(status="resolved", completed_at=START + timedelta(seconds=60)))
    record_resolution(resolution(status="failed"))
    record_resolution(resolution(status="escalated"))
    record_resolution(resolution())
    record_resolution(resolution(abandoned_at=START))
    figures = metrics(DAY, Dimensions(action_type="any")).resolutions
    assert figures.by_outcome == ResolutionCounts(in_progress=1, abandoned=1, resolved=1, failed=1, escalated=1)
    assert (figures.total, figures.success_rate, figures.n) == (5, 0.5, 2)
    assert figures.durations.p50 == pytest.approx(60, rel=0.05)


def test_a_number_and_the_list_behind_it_agree_at_both_ends() -> None:
    moment = timedelta(microseconds=1)
    record_rows([attempt(started_at=at) for at in (DAY.start - moment, DAY.start, DAY.end - moment, DAY.end)])
    listed = ActionAttempt.objects.filter(effective_started_at__gte=DAY.start, effective_started_at__lt=DAY.end)
    assert metrics(DAY).attempts.total == listed.count() == 2


@pytest.mark.parametrize("name", ["environment", "incident_type", "engine", "action_type"])
def test_figures_are_narrowed_by_each_dimension(name: str) -> None:
    record_rows([attempt(**{name: "this"}), attempt(**{name: "that"}), attempt(**{name: "this"}, status="success")])
    figures = metrics(DAY, Dimensions(**{name: "this"}))
    assert (figures.attempts.total, figures.attempts.in_progress) == (2, 1)


def test_in_progress_is_what_runs_now_whenever_it_started() -> None:
    old = START - timedelta(days=400)
    record_rows([attempt(started_at=old), attempt(started_at=old, status="in_progress"), attempt(status="pending")])
    assert metrics(DAY).attempts.in_progress == in_progress_now() == 2


def test_in_progress_is_read_from_the_index_of_open_attempts() -> None:
    record_rows([ended() for _ in range(300)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE action_attempts")
        cursor.execute("SET LOCAL enable_seqscan = off")
    running = ActionAttempt.objects.filter(Q(status__isnull=True) | Q(status="in_progress"), abandoned_at__isnull=True)
    assert "action_attempts_open" in running.explain()


@pytest.mark.parametrize(("offset", "exact"), [(-900, True), (0, False), (86400, False), (87300, True)])
def test_figures_are_exact_unless_a_bucket_of_the_window_is_to_be_recounted(offset: int, exact: bool) -> None:
    window = Window("24h", START, START + timedelta(hours=24, minutes=15))
    MetricRecount.objects.create(
        bucket_start=START + timedelta(seconds=offset), reason="test", noted_at=datetime(2025, 1, 1, tzinfo=UTC)
    )
    assert metrics(window).exact is exact


def test_refusals_of_the_window_are_counted(django_assert_max_num_queries: Any) -> None:
    for number, at in enumerate([DAY.start, DAY.end - timedelta(seconds=1), DAY.end]):
        Refusal.objects.create(
            digest=f"{number:032x}",
            kind="action_attempt",
            outcome="conflict",
            code="conflict",
            message="",
            document="{}",
            first_refused_at=at,
            last_refused_at=at,
        )
    with django_assert_max_num_queries(10):
        assert metrics(DAY).refusals == 2


def test_queries_do_not_grow_with_rows(django_assert_num_queries: Any) -> None:
    record_rows([ended(seconds, action_type=f"type {seconds}") for seconds in range(50)])
    with django_assert_num_queries(9):  # two of them for the savepoint that stands for the transaction
        assert len(metrics(DAY).by_action_type) == 50
