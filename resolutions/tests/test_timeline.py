from datetime import UTC, datetime, timedelta

import pytest

from resolutions.queries import incident_detail
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.timeline import IncidentOverview, overview

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def seen(incident_id: str = "INC-1") -> IncidentOverview:
    incident = incident_detail(incident_id)
    assert incident is not None
    return overview(incident)


def test_an_attempt_overlaps_when_it_began_before_an_earlier_one_had_ended() -> None:
    spans = [(0, 10), (2, 3), (4, 20), (20, 25), (24, None)]
    record(
        [
            attempt(
                action_id=f"a{number}", started_at=at(start), completed_at=end and at(end), status=end and "success"
            )
            for number, (start, end) in enumerate(spans)
        ]
    )
    (session,) = seen().sessions
    assert {entry.attempt.action_id: entry.overlaps for entry in session.entries} == {
        "a0": False,
        "a1": True,
        "a2": True,
        "a3": False,
        "a4": True,
    }


def test_attempts_have_their_place_in_the_time_of_the_session() -> None:
    record(
        [
            attempt(started_at=at(0), completed_at=at(50), status="success"),
            attempt(started_at=at(75), execution_time_seconds=25, status="failed"),
        ]
    )
    (session,) = seen().sessions
    assert [(entry.left, entry.width) for entry in session.entries] == [(0, 50), (75, 25)]


@pytest.mark.parametrize("seconds", [1e18, 0.0])
def test_durations_beyond_the_calendar_do_not_break_the_page(seconds: float) -> None:
    record([attempt(started_at=at(0), execution_time_seconds=seconds, status="success")])
    assert seen().sessions[0].entries[0].overlaps is False


def test_the_head_takes_each_fact_from_the_newest_session_that_tells_it() -> None:
    record(
        [],
        [
            resolution(started_at=at(0), title="old", service="checkout", severity="low", status="failed"),
            resolution(started_at=at(60), title="new", status="resolved"),
        ],
    )
    incident = seen()
    assert (incident.title, incident.service, incident.severity) == ("new", "checkout", "low")
    assert incident.newest.status == "resolved"


def test_totals_count_each_attempt_once_by_how_it_ended() -> None:
    session = resolution(summary={"actions_attempted": 99})
    statuses = ["success", "success", "failed", "skipped", "cancelled", "pending", "in_progress", None]
    record([attempt(status=status, resolution_id=session["resolution_id"]) for status in statuses], [session])
    totals = seen().totals
    assert (totals.attempted, totals.succeeded, totals.failed, totals.skipped, totals.cancelled, totals.open) == (
        8,
        2,
        1,
        1,
        1,
        3,
    )
    assert totals.lost_contact == 0
