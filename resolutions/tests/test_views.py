"""The view incident_timelines, held against an account made in Python over the rows."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attempts.tests.factories import make_attempt, make_step
from attempts.tests.views import plan_of, rows_of
from resolutions.tests.factories import make_resolution

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["happened_at"], row["kind"], row["resolution_id"], row["attempt_id"], row["sequence"], row["status"]


def test_an_incident_is_one_account_in_time_order() -> None:
    session = make_resolution(title="db down", started_at=at(0), abandoned_at=at(90))
    first = make_attempt(resolution_id=session.pk, started_at=at(1), status="failed", error_type="timeout")
    second = make_attempt(started_at=at(3), resolution_id=uuid.uuid4())  # its resolution was not told yet
    make_step(first, timestamp=at(2), step="drain", details={"n": 1})
    make_step(first, timestamp=at(4), step="restart", status="failed")
    make_step(make_attempt(incident_id="another", started_at=at(1)), timestamp=at(2))
    found = rows_of("incident_timelines", "incident_id = %s", ["INC-1"])
    assert [told(row) for row in found] == [
        (at(0), "resolution_attempt", session.pk, None, None, "in_progress"),
        (at(1), "action_attempt", session.pk, first.pk, None, "failed"),
        (at(2), "step", session.pk, first.pk, 0, "success"),
        (at(3), "action_attempt", second.resolution_id, second.pk, None, "in_progress"),
        (at(4), "step", session.pk, first.pk, 1, "failed"),
    ]
    assert [row["abandoned"] for row in found] == [True, False, None, False, None]
    assert (found[0]["title"], found[1]["error_type"], found[2]["step"]) == ("db down", "timeout", "drain")


def test_what_happened_at_one_time_is_told_from_the_whole_to_its_parts() -> None:
    attempt = make_attempt(started_at=NOON)
    make_step(attempt, timestamp=NOON)
    make_step(attempt, timestamp=NOON)
    make_resolution(started_at=NOON)
    assert [(row["kind"], row["sequence"]) for row in rows_of("incident_timelines")] == [
        ("resolution_attempt", None),
        ("action_attempt", None),
        ("step", 0),
        ("step", 1),
    ]


def test_a_step_that_told_no_time_stands_between_those_around_it() -> None:
    attempt = make_attempt(started_at=NOON)
    make_step(attempt)
    make_step(attempt, timestamp=at(5))
    make_step(attempt)
    make_step(attempt, timestamp=at(9))
    steps = rows_of("incident_timelines", "kind = 'step'")
    assert [(row["sequence"], row["happened_at"]) for row in steps] == [(0, NOON), (1, at(5)), (2, at(5)), (3, at(9))]


def test_one_incident_is_read_by_index_and_not_by_reading_every_table() -> None:
    plan = plan_of("incident_timelines", "incident_id = %s", ["INC-1"])
    assert "resolution_attempts_incident" in plan
    assert "action_attempts_by_incident" in plan
    assert "action_logs_pkey" in plan
    assert plan.count("Index Cond: ((incident_id)") == 3  # the condition reaches each of the three parts
    assert "Seq Scan" not in plan
