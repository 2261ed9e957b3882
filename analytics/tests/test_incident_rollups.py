"""Incidents in the rollups: counted once, while they are closed, by how they ended."""

import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.buckets import bucket_of
from analytics.histogram import bin_of
from analytics.models import MetricRecount, ResolutionMetric
from analytics.rebuild import recount
from analytics.rollups import MICROSECONDS, Counts, incident_contribution
from analytics.tests.recording import START, an_id, differences, resolution, stored_counts
from resolutions.abandonment import mark_abandoned
from resolutions.ingest import ingest_json
from resolutions.models import ResolutionAttempt
from resolutions.rows import ResolutionRow

MINUTE = timedelta(minutes=1)


def session(start: float, end: float | None = None, status: str | None = None, **facts: Any) -> ResolutionRow:
    """A resolution attempt from one minute after START to another."""
    told: dict[str, Any] = {"started_at": START + start * MINUTE, "status": status}
    if end is not None:
        told["completed_at"] = START + end * MINUTE
    return resolution(**(told | facts))


def counted(*sessions: ResolutionRow) -> Counts | None:
    found = incident_contribution(sessions)
    return None if found is None else found[1]


def resolved_after(minutes: float) -> Counts:
    return {bin_of(minutes * 60): 1, MICROSECONDS: round(minutes * 60_000_000)}


def test_an_incident_that_one_attempt_resolved_is_automated() -> None:
    assert counted(session(0, 10, "resolved")) == {"resolved": 1, **resolved_after(10)}


def test_the_last_outcome_decides_and_the_time_runs_from_the_first_start_to_the_last_that_resolved_it() -> None:
    first, second = session(0, 10, "resolved"), session(20, 50, "resolved")
    assert counted(second, first) == {"resolved": 1, **resolved_after(50)}
    assert counted(first, session(20, 50, "failed")) == {"failed": 1, **resolved_after(10)}
    assert counted(session(0, 10, "failed"), second) == {"resolved": 1, **resolved_after(50)}
    assert counted(session(0, 10, "failed")) == {"failed": 1}


def test_once_escalated_it_is_not_automated_whatever_came_then() -> None:
    escalated = session(0, 10, "escalated")
    assert counted(escalated) == {"escalated": 1}
    assert counted(escalated, session(20, 50, "resolved")) == {"escalated": 1, **resolved_after(50)}
    assert counted(session(20, 50, "failed"), escalated) == {"escalated": 1}


@pytest.mark.parametrize("status", [None, "in_progress"])
def test_an_open_attempt_keeps_it_open_and_one_that_lost_contact_does_not(status: str | None) -> None:
    resolved = session(0, 10, "resolved")
    assert counted(resolved, session(20, None, status)) is None
    assert counted(resolved, session(20, None, status, abandoned_at=START)) == {"resolved": 1, **resolved_after(10)}
    assert counted(session(20, None, status, abandoned_at=START)) is None
    assert counted() is None


def test_a_time_that_was_not_told_or_contradicts_another_is_unknown() -> None:
    assert counted(session(0, None, "resolved")) == {"resolved": 1}
    assert counted(session(0, 10, "resolved", started_at=None)) == {"resolved": 1}
    assert counted(session(30, 10, "resolved")) == {"resolved": 1}


def test_it_counts_in_the_bucket_and_under_the_dimensions_of_the_last_that_ended() -> None:
    told = {"incident_type": "outage", "engine": "e", "engine_version": "2", "environment": "prod"}
    found = incident_contribution([session(0, 200, "failed", **told), session(100, 120, "resolved", engine="f")])
    assert found is not None
    assert found[0] == (bucket_of(START + 200 * MINUTE), "incident", "", "outage", "e", "2", "prod")


def document(number: int, incident: str = "INC-1", **facts: Any) -> dict[str, Any]:
    return {"resolution_id": str(an_id(number)), "incident_id": incident, **facts}


def send(*documents: dict[str, Any]) -> None:
    answer = ingest_json({"resolution_attempts": list(documents)}, now=START)
    assert {result["outcome"] for result in answer["results"]} <= {"created", "updated", "unchanged"}


def at(minutes: float) -> str:
    return (START + minutes * MINUTE).isoformat()


@pytest.mark.django_db
def test_the_rollups_follow_an_incident_as_it_closes_opens_and_closes_again() -> None:
    send(document(1, started_at=at(0)))
    assert stored_counts(subject="incident") == {}
    send(document(1, status="resolved", completed_at=at(10)))
    assert stored_counts(subject="incident") == {"resolved": 1}
    send(document(2, started_at=at(60)))
    assert stored_counts(subject="incident") == {}
    mark_abandoned(silent_for=MINUTE, now=START + timedelta(hours=5))
    assert stored_counts(subject="incident", bucket_start=START) == {"resolved": 1}
    send(document(2, status="escalated", completed_at=at(70)))
    assert stored_counts(subject="incident", bucket_start=START + 60 * MINUTE) == {"escalated": 1}
    assert stored_counts(subject="incident") == {"escalated": 1}
    assert stored_counts(subject="resolution") == {"resolved": 1, "escalated": 1}
    assert differences() == []


@pytest.mark.django_db
def test_what_was_reopened_counts_against_its_verified_rate_and_is_not_claimed_otherwise() -> None:
    send(document(1, started_at=at(0), completed_at=at(10), status="resolved"))
    send(document(2, started_at=at(60)))
    row = ResolutionMetric.objects.get(subject="resolution", bucket_start=START)
    assert (row.resolved, row.reopened, row.worked) == (1, 1, 0)
    assert differences() == []


@pytest.mark.django_db
def test_a_recount_finds_and_repairs_what_became_of_incidents() -> None:
    send(document(1, started_at=at(0), completed_at=at(500), status="resolved"))
    send(document(2, "INC-2", started_at=at(0), completed_at=at(10), status="failed"))
    ResolutionMetric.objects.filter(subject="incident").delete()
    ResolutionMetric.objects.filter(subject="resolution", resolved=1).update(failed=5)
    assert len(differences()) == 3
    for _ in recount(repair=True):
        pass
    assert differences() == []
    assert stored_counts(subject="incident") == {"resolved": 1, "failed": 1}


@pytest.mark.django_db
def test_when_they_cannot_be_counted_the_record_stands_and_a_recount_is_due() -> None:
    send(document(1, started_at=at(0), completed_at=at(10), status="resolved"))
    ResolutionMetric.objects.filter(subject="incident").delete()  # the next change would make it negative
    send(document(2, started_at=at(60), completed_at=at(80), status="failed"))
    assert ResolutionAttempt.objects.count() == 2
    assert set(MetricRecount.objects.values_list("bucket_start", flat=True)) == {START, START + 75 * MINUTE}
    for _ in recount(repair=True):
        pass
    assert differences() == []
    assert stored_counts(subject="incident") == {"failed": 1}


facts = st.fixed_dictionaries(
    {},
    optional={
        "started_at": st.integers(0, 300).map(at),
        "completed_at": st.integers(0, 300).map(at),
        "status": st.sampled_from(["in_progress", "resolved", "failed", "escalated"]),
        "environment": st.sampled_from(["prod", "test"]),
    },
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(0, 6), facts), min_size=1, max_size=5), min_size=1, max_size=6))
def test_rollups_equal_a_recount_after_any_documents(batches: list[list[tuple[int, dict[str, Any]]]]) -> None:
    ResolutionAttempt.objects.all().delete()
    ResolutionMetric.objects.all().delete()
    for batch in batches:
        # What contradicts is refused, which is part of what may come.
        ingest_json(
            {"resolution_attempts": [document(number + 1, f"INC-{number % 2}", **told) for number, told in batch]},
            now=START,
        )
    assert differences() == []
    assert not MetricRecount.objects.exists()
    by_incident: dict[str, list[ResolutionRow]] = {}
    for row in ResolutionAttempt.objects.all():
        by_incident.setdefault(row.incident_id, []).append(as_row(row))
    assert sum(stored_counts(subject="incident").values()) == sum(map(is_closed, by_incident.values()))


def as_row(stored: ResolutionAttempt) -> ResolutionRow:
    names = ("resolution_id", "incident_id", "status", "started_at", "completed_at", "received_at", "abandoned_at")
    return ResolutionRow(**{name: getattr(stored, name) for name in names})


def is_closed(sessions: Collection[ResolutionRow]) -> bool:
    ended = [row.status in ("resolved", "failed", "escalated") for row in sessions]
    return bool(ended) and all(ended)


@pytest.mark.django_db(transaction=True)
def test_two_recorders_of_one_incident_at_once_leave_it_counted_once() -> None:
    def recorder(numbers: range) -> None:
        try:
            for number in numbers:
                send(document(number, started_at=at(number)))
                send(document(number, status="resolved", completed_at=at(number + 1)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=recorder, args=(range(start, start + 15),)) for start in (1, 101)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ResolutionAttempt.objects.count() == 30
    assert stored_counts(subject="incident") == {"resolved": 1}
    assert not MetricRecount.objects.exists()
    assert differences() == []
