"""The views over the record, each held against a count made in Python over the rows."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from attempts.models import ActionAttempt, ActionLog, ActionLogEntry
from attempts.queries import STATUS_CONDITIONS, read_attempts
from attempts.records import FINAL_STATUSES, OPEN_STATUSES
from attempts.tests.factories import make_attempt, make_step
from attempts.tests.views import plan_of, rows_of

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
STATUSES = (None, *OPEN_STATUSES, *FINAL_STATUSES)


def make_a_mixture() -> None:
    """Every status, silent and not, of two action types, on both sides of a UTC midnight, by every kind of start."""
    for number, (status, silent, action_type) in enumerate(product(STATUSES, (False, True), ("restart", ""))):
        around = MIDNIGHT + timedelta(microseconds=number % 3 - 1)
        times: dict[str, Any] = [
            {"started_at": around},
            {"completed_at": around, "first_step_at": around + timedelta(hours=3)},
            {"received_at": around},
        ][number % 3 - 1]
        make_attempt(
            status=status,
            action_type=action_type,
            abandoned_at=MIDNIGHT if silent else None,
            **{"received_at": MIDNIGHT + timedelta(days=3), **times},
        )


def counted_status(attempt: ActionAttempt) -> str:
    status = attempt.status or "in_progress"
    return "abandoned" if status in OPEN_STATUSES and attempt.abandoned_at else status


def test_success_by_day_equals_a_count_over_the_rows() -> None:
    make_a_mixture()
    expected: dict[tuple[str, date], Counter[str]] = {}
    for attempt in ActionAttempt.objects.all():
        day = attempt.effective_started_at.astimezone(UTC).date()
        expected.setdefault((attempt.action_type, day), Counter())[counted_status(attempt)] += 1
    assert len(expected) == 4
    found = {(row.pop("action_type"), row.pop("day")): row for row in rows_of("action_success_by_day")}
    assert found.keys() == expected.keys()
    for key, counts in expected.items():
        decided = counts["success"] + counts["failed"]
        assert found[key] == {
            **{name: counts[name] for name in (*OPEN_STATUSES, "abandoned", *FINAL_STATUSES)},
            "attempts": counts.total(),
            "success_rate": counts["success"] / decided if decided else None,
        }


def test_a_day_without_outcomes_has_no_success_rate() -> None:
    make_attempt(status="skipped")
    [row] = rows_of("action_success_by_day")
    assert (row["attempts"], row["skipped"], row["success_rate"]) == (1, 1, None)


def test_a_silent_attempt_is_counted_apart_from_those_in_progress() -> None:
    make_attempt(status=None, abandoned_at=MIDNIGHT)
    make_attempt(status="pending", abandoned_at=MIDNIGHT)
    make_attempt(status=None)
    make_attempt(status="success", abandoned_at=MIDNIGHT)
    [row] = rows_of("action_success_by_day")
    assert (row["pending"], row["in_progress"], row["abandoned"], row["success"]) == (0, 1, 2, 1)


def test_open_attempts_are_those_without_a_final_outcome() -> None:
    make_a_mixture()
    expected = {
        attempt.attempt_id: (attempt.status or "in_progress", attempt.abandoned_at is not None, False)
        for attempt in ActionAttempt.objects.all()
        if attempt.status not in FINAL_STATUSES
    }
    assert expected
    found = rows_of("open_attempts")
    assert {row["attempt_id"]: (row["status"], row["abandoned"], row["critical"]) for row in found} == expected


def test_open_attempts_are_the_open_ones_of_the_api_with_the_same_values() -> None:
    make_a_mixture()
    make_attempt(critical=True, expected_seconds=2.5, environment="prod", engine="e1", resolution_id=uuid.uuid4())
    found = {row["attempt_id"]: row for row in rows_of("open_attempts")}
    open_ones = ActionAttempt.objects.filter(
        STATUS_CONDITIONS["pending"] | STATUS_CONDITIONS["in_progress"] | STATUS_CONDITIONS["abandoned"]
    )
    details = read_attempts(open_ones)
    assert found.keys() == {detail.attempt_id for detail in details}
    for detail in details:
        row = found[detail.attempt_id]
        assert row.pop("abandoned") == detail.is_abandoned
        del row["age_seconds"], row["silent_seconds"]
        assert row == {name: getattr(detail, name) for name in row}


def test_an_open_attempt_tells_its_age_and_how_long_it_has_been_silent() -> None:
    now = datetime.now(UTC)
    make_attempt(
        started_at=now - timedelta(hours=2),
        received_at=now - timedelta(hours=1),
        last_heard_at=now - timedelta(minutes=10),
    )
    [row] = rows_of("open_attempts")
    assert row["age_seconds"] == pytest.approx(7200, abs=60)
    assert row["silent_seconds"] == pytest.approx(600, abs=60)


def test_open_attempts_are_read_by_their_index() -> None:
    assert "action_attempts_open" in plan_of("open_attempts", "true", [])


def test_log_entries_are_the_steps_under_one_key() -> None:
    attempt = make_attempt()
    make_step(attempt, step="first", details={"a": 1}, timestamp=MIDNIGHT)
    make_step(attempt, sequence=7, step=None, status=None)
    columns = ("attempt_id", "sequence", "step", "status", "timestamp", "details")
    assert list(ActionLogEntry.objects.values(*columns)) == list(ActionLog.objects.values(*columns))
    assert list(ActionLogEntry.objects.values_list("key", flat=True)) == [f"{attempt.pk}:0", f"{attempt.pk}:7"]


def test_the_log_entries_of_one_attempt_are_read_by_index() -> None:
    plan = plan_of("action_log_entries", "attempt_id = %s AND sequence = %s", [uuid.uuid4(), 3])
    assert "action_logs_pkey" in plan
