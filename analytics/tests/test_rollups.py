"""The rollups follow the record, whatever happens to it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.histogram import bin_of
from analytics.models import ResolutionMetric
from analytics.rollups import MICROSECONDS, STATUS_COUNTS, apply_changes, contribution, deltas_of
from analytics.tests.recording import (
    START,
    an_id,
    attempt,
    differences,
    ended,
    record_resolution,
    record_rows,
    resolution,
    stored_counts,
    told_more,
)
from attempts.rows import AttemptChange, AttemptRow


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, "in_progress"),
        ({"status": "pending"}, "pending"),
        ({"abandoned_at": START}, "abandoned"),
        ({"status": "pending", "abandoned_at": START}, "abandoned"),
        ({"status": "failed", "abandoned_at": START}, "failed"),
        ({"status": "cancelled"}, "cancelled"),
    ],
)
def test_an_attempt_counts_for_one_status(facts: dict[str, Any], status: str) -> None:
    assert contribution(attempt(**facts))[1] == {status: 1}


def test_what_was_not_told_counts_as_the_empty_text() -> None:
    key, _ = contribution(attempt(action_type="", engine="e"))
    assert key[1:] == ("attempt", "", "", "e", "", "")


@pytest.mark.parametrize("status", ["success", "failed"])
def test_the_duration_of_what_ended_is_kept(status: str) -> None:
    assert contribution(ended(2.5, status=status))[1] == {status: 1, bin_of(2.5): 1, MICROSECONDS: 2_500_000}
    assert contribution(ended(2.5, status=status, execution_time_seconds=9.0))[1][bin_of(9)] == 1


@pytest.mark.parametrize(
    "facts", [{"status": "skipped"}, {"status": None}, {"completed_at": None}, {"completed_at": START - timedelta(1)}]
)
def test_other_durations_are_not_kept(facts: dict[str, Any]) -> None:
    _, counts = contribution(ended(**facts))
    assert [slot for slot in counts if isinstance(slot, int) or slot == MICROSECONDS] == []


@pytest.mark.parametrize("status", ["resolved", "failed", "escalated"])
def test_a_resolution_counts_for_its_outcome_and_duration(status: str) -> None:
    key, counts = contribution(resolution(status=status, completed_at=START + timedelta(minutes=1)))
    assert (key.subject, key.action_type) == ("resolution", "")
    assert counts == {status: 1, bin_of(60): 1, MICROSECONDS: 60_000_000}


@pytest.mark.parametrize("verdict", ["worked", "no_effect", "made_worse"])
def test_the_latest_verdict_counts_beside_what_was_claimed(verdict: str) -> None:
    assert contribution(attempt(status="skipped", verdict=verdict, verdict_at=START))[1] == {"skipped": 1, verdict: 1}
    assert contribution(attempt(status="skipped", verdict="unknown", verdict_at=START))[1] == {"skipped": 1}


@pytest.mark.parametrize(("later", "counted"), [(-1, "reopened"), (0, "reopened"), (1, "worked")])
def test_a_reopened_resolution_counts_as_that_unless_a_verdict_was_given_since(later: int, counted: str) -> None:
    row = resolution(
        status="resolved",
        reopened_by=an_id(1),
        reopened_at=START,
        verdict="worked",
        verdict_at=START + timedelta(seconds=later),
    )
    assert contribution(row)[1] == {"resolved": 1, counted: 1}


def test_a_change_that_counts_for_nothing_new_is_not_written() -> None:
    row = ended()
    assert deltas_of([AttemptChange(row, told_more(row, reason="because"), [])]) == {}


@pytest.mark.django_db
def test_an_attempt_moves_from_status_to_status_and_bucket_to_bucket() -> None:
    first = attempt(status="pending", started_at=None, environment="prod")
    record_rows([first])
    assert stored_counts(bucket_start=START, environment="prod") == {"pending": 1}
    second = told_more(first, status="success", completed_at=START - timedelta(hours=2))
    record_rows([second], [first])
    assert stored_counts(bucket_start=START) == {}
    assert stored_counts(bucket_start=START - timedelta(hours=2)) == {"success": 1}
    assert differences() == []


@pytest.mark.django_db
def test_resolutions_are_counted_apart_from_attempts() -> None:
    opened = resolution()
    record_resolution(opened)
    record_rows([attempt()])
    record_resolution(resolution(resolution_id=opened.resolution_id, status="resolved"), opened)
    assert stored_counts(subject="resolution") == {"resolved": 1}
    assert stored_counts(subject="attempt") == {"in_progress": 1}


@pytest.mark.django_db
def test_one_batch_costs_one_row_for_each_combination() -> None:
    record_rows([ended(seconds) for seconds in range(100)] + [ended(engine="other")])
    assert ResolutionMetric.objects.count() == 2
    assert stored_counts() == {"success": 101}


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["a\x1fb\n\"\\'", "é\u2028😀", "x" * 255, "%s"])
def test_dimensions_are_any_text(text: str) -> None:
    record_rows([attempt(action_type=text, environment=text, incident_type=text, engine=text)])
    assert stored_counts(action_type=text, environment=text, incident_type=text, engine=text) == {"in_progress": 1}
    assert differences() == []


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"status": "skipped"}, {"completed_at": START + timedelta(hours=1)}])
@pytest.mark.parametrize("stored", [True, False])
def test_a_count_that_would_become_negative_is_refused(other: dict[str, Any], stored: bool) -> None:
    if stored:
        apply_changes([AttemptChange(None, ended(7), [])])
    missed = ended(60)
    with pytest.raises(IntegrityError, match="negative"), transaction.atomic():
        apply_changes([AttemptChange(missed, told_more(missed, **other), [])])


moments = st.none() | st.integers(-200, 200).map(lambda minutes: START + timedelta(minutes=minutes))
late_facts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["pending", "in_progress", "success", "failed", "skipped", "cancelled"]),
        "started_at": moments,
        "completed_at": moments,
        "first_step_at": moments,
        "abandoned_at": moments,
        "execution_time_seconds": st.sampled_from([0.0, 0.3, 1e23]),
        "environment": st.sampled_from(["prod", "test"]),
        "engine": st.sampled_from(["a", "b"]),
    },
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.integers(0, 5), late_facts, min_size=1), min_size=1, max_size=8))
def test_rollups_equal_a_recount_after_any_sequence_of_changes(batches: list[dict[int, dict[str, Any]]]) -> None:
    known: dict[int, AttemptRow] = {}
    with transaction.atomic():
        for batch in batches:
            before = [known.get(number) for number in batch]
            for number, facts in batch.items():
                row = known.get(number) or attempt(attempt_id=an_id(number), started_at=None)
                known[number] = told_more(row, **facts)
            record_rows([known[number] for number in batch], before)
        assert differences() == []
        assert stored_counts() == Counter(
            slot for row in known.values() for slot in contribution(row)[1] if slot in STATUS_COUNTS
        )
        transaction.set_rollback(True)
