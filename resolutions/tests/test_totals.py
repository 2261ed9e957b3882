from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from attempts.models import ActionAttempt
from resolutions.queries import incident_detail
from resolutions.tests.recorded import attempt, record, resolution
from resolutions.totals import Totals, count_attempts, totals_of

pytestmark = pytest.mark.django_db


def test_counting_in_the_database_and_from_the_attempts_agree(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    told = resolution()
    statuses = ["success", "failed", "skipped", "cancelled", "pending", "in_progress", None, "in_progress"]
    record([attempt(status=status, resolution_id=told["resolution_id"]) for status in statuses], [told])
    # One that names no session, and one whose session was never told: both are in the implicit one.
    silent = attempt(status="in_progress")
    record([silent, attempt(status="success", resolution_id=resolution()["resolution_id"])])
    ActionAttempt.objects.filter(pk=silent["attempt_id"]).update(abandoned_at=datetime.now(UTC))
    incident = incident_detail("INC-1")
    assert incident is not None
    sessions = incident.resolution_attempts
    with django_assert_num_queries(1):
        counted = count_attempts(sessions)
    assert counted == [totals_of(session.action_attempts or []) for session in sessions]
    assert Totals(attempted=2, succeeded=1, lost_contact=1) in counted


def test_no_sessions_ask_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert count_attempts([]) == []


def test_a_session_without_attempts_counts_none() -> None:
    record([], [resolution()])
    incident = incident_detail("INC-1")
    assert incident is not None
    assert count_attempts(incident.resolution_attempts) == [Totals()]
