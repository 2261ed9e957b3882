"""The views of this app: incident_timelines against an account made in Python, claims_with_verdicts against the API."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from attempts.tests.factories import make_attempt, make_step
from attempts.tests.stored import store_attempts, store_steps
from attempts.tests.views import plan_of, rows_of
from resolutions.queries import incident_detail
from resolutions.tests.factories import make_resolution, make_verdict
from resolutions.tests.stored import store_resolution

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


def line(kind: str, told: Any, **more: Any) -> dict[str, Any]:
    """One line of an account: what the view and the API both say of a row, None where it does not apply."""
    names = ("resolution_id", "attempt_id", "sequence", "status", "abandoned", "title", "step", "error_message")
    return {"kind": kind, **{name: getattr(told, name, None) for name in (*names, "happened_at")}, **more}


def account_of_the_api(incident_id: str) -> list[dict[str, Any]]:
    """All that the API shows of an incident, in one list."""
    incident = incident_detail(incident_id)
    assert incident is not None
    account = []
    for session in incident.resolution_attempts:
        if not session.implicit:
            seen = {"happened_at": session.effective_started_at, "abandoned": session.is_abandoned}
            account.append(line("resolution_attempt", session, **seen))
        for attempt in session.action_attempts or []:
            seen = {"happened_at": attempt.effective_started_at, "abandoned": attempt.is_abandoned}
            account.append(line("action_attempt", attempt, **seen))
            ids = {"resolution_id": attempt.resolution_id, "attempt_id": attempt.attempt_id}
            account.extend(line("step", step, happened_at=step.timestamp, **ids) for step in attempt.logs or [])
    return account


def test_the_account_of_an_incident_is_what_the_api_shows_of_it() -> None:
    session = make_resolution(title="db down", started_at=at(0), abandoned_at=at(90))
    make_resolution(status="resolved", received_at=at(50), completed_at=at(40))
    for number, status in enumerate((None, "pending", "success", "failed", "skipped", "cancelled")):
        attempt = make_attempt(
            status=status,
            started_at=at(number),
            resolution_id=(session.pk, None, uuid.uuid4())[number % 3],
            abandoned_at=at(60) if number % 2 else None,
            error_message="no answer" if status == "failed" else None,
        )
        for minute in range(number):
            make_step(attempt, timestamp=at(number + minute), status=None, details=[minute])
    expected = account_of_the_api("INC-1")
    rows = rows_of("incident_timelines", "incident_id = %s", ["INC-1"])
    found = [{name: row[name] for name in expected[0]} for row in rows]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert [row["happened_at"] for row in found] == sorted(row["happened_at"] for row in expected)


def test_one_incident_is_read_by_index_and_not_by_reading_every_table() -> None:
    # Told by statistics of its own rows: those that another test has left would decide the plan otherwise.
    for number in range(300):
        store_resolution(incident_id=f"INC-{number}")
    for attempt in store_attempts(*[{"incident_id": f"INC-{number}"} for number in range(300)]):
        store_steps(attempt.pk, "first", "second")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE resolution_attempts, action_attempts, action_logs")
    plan = plan_of("incident_timelines", "incident_id = %s", ["INC-1"])
    assert "resolution_attempts_incident" in plan
    assert "action_attempts_by_incident" in plan
    assert "action_logs_pkey" in plan
    assert plan.count("Index Cond: ((incident_id)") == 3  # the condition reaches each of the three parts
    assert "Seq Scan" not in plan


def test_every_verdict_stands_beside_what_was_claimed_as_the_api_tells_it(admin_client: Client) -> None:
    attempt_row = make_attempt(status="success", environment="prod")
    session = make_resolution(status="resolved", engine="remedy")
    for number, said in enumerate(("worked", "no_effect", "made_worse")):
        given_at = NOON + timedelta(minutes=number)
        make_verdict(attempt=attempt_row, verdict=said, given_at=given_at)
        make_verdict(resolution=session, verdict=said, given_at=given_at)
    found = {row["verdict_id"]: row for row in rows_of("claims_with_verdicts")}
    for told in admin_client.get("/api/verdicts/").json()["results"]:
        row = found.pop(uuid.UUID(told["verdict_id"]))
        kind = "resolution" if told["attempt_id"] is None else "action"
        claim = admin_client.get(f"/api/{kind}-attempts/{told['attempt_id'] or told['resolution_id']}/").json()
        names = ("verdict", "source", "given_by", "note")
        assert {name: row[name] for name in names} == {name: told[name] for name in names}
        assert row["claimed"] == claim["status"]
        for name in ("incident_id", "incident_type", "environment", "engine", "engine_version"):
            assert row[name] == claim[name]
        assert row["action_type"] == claim.get("action_type")
        assert row["counts"] is (told["verdict"] == "made_worse")
    assert not found
