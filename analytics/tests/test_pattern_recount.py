"""The recount of failure patterns finds every kind of damage, repairs it, and touches nothing else."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from analytics.models import (
    FailureCount,
    FailureFingerprint,
    FailureIncident,
    FailurePattern,
    FailurePatternKey,
    MetricRecount,
    PatternChange,
)
from analytics.patterns import queries
from analytics.patterns.totals import recount_totals
from analytics.rebuild import recount
from analytics.tests.rebuilding import rebuild_metrics
from analytics.tests.recording import START, an_id, attempt, differences, ended, failed, record_rows, told_more
from attempts.models import ActionAttempt
from attempts.storage import ATTEMPTS
from resolutions.ingest import ingest_json

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def contents() -> list[list[dict[str, Any]]]:
    """All that is kept of failures, without what operators decide and without what chance decides."""
    tables = [
        FailurePattern.objects.order_by("action_type", "template").values(
            "action_type", "template", "occurrences", "incidents", "first_seen", "last_seen"
        ),
        FailureFingerprint.objects.order_by("fingerprint").values(
            "fingerprint", "key_id", "masked", "error_type", "occurrences", "first_seen", "last_seen", "recount_due"
        ),
        FailureCount.objects.order_by("fingerprint_id", "bucket_start").values(),
        FailureIncident.objects.order_by("fingerprint_id", "incident_id").values(),
        ActionAttempt.objects.order_by("attempt_id").values("attempt_id", "fingerprint", "fingerprint_version"),
    ]
    return [[dict(row) for row in table] for table in tables]


@pytest.fixture
def _recorded() -> None:
    for hours in range(4):
        record_rows(
            [
                failed(f"port {number} closed", incident_id=f"INC-{number}", started_at=START + hours * HOUR)
                for number in range(3)
            ]
        )
    record_rows([failed("port a=1 closed", incident_id="INC-1"), failed("disk full", error_type="E"), failed()])
    record_rows([ended(), attempt()])


DAMAGES = {
    "a count by time": "UPDATE failure_counts SET occurrences = occurrences + 1",
    "counts by time lost": "DELETE FROM failure_counts",
    "a count off the grid": "UPDATE failure_counts SET bucket_start = bucket_start + interval '1 minute'",
    "a count where nothing failed": "INSERT INTO failure_counts (fingerprint, bucket_start, occurrences)"
    " SELECT md5('a')::uuid, min(bucket_start), 1 FROM failure_counts",
    "an incident": "UPDATE failure_incidents SET occurrences = occurrences + 1",
    "incidents lost": "DELETE FROM failure_incidents",
    "an incident that has none": "UPDATE failure_incidents SET incident_id = 'other' WHERE incident_id = 'INC-2'",
    "an incident of nobody": "INSERT INTO failure_incidents (fingerprint, incident_id, occurrences)"
    " VALUES (md5('a')::uuid, 'INC-1', 1)",
    "the total of a fingerprint": "UPDATE failure_fingerprints SET occurrences = occurrences + 1",
    "when a fingerprint was seen": "UPDATE failure_fingerprints SET first_seen = first_seen - interval '1 second'",
    "the total of a pattern": "UPDATE failure_patterns SET occurrences = occurrences + 1",
    "the incidents of a pattern": "UPDATE failure_patterns SET incidents = 1, occurrences = occurrences",
    "when a pattern was seen": "UPDATE failure_patterns SET last_seen = last_seen + interval '1 second'",
    "fingerprints lost": "DELETE FROM failure_fingerprints",
    "all lost": "TRUNCATE failure_patterns, failure_pattern_keys, failure_fingerprints, failure_counts,"
    " failure_incidents, pattern_changes",
    "a fingerprint of another failure": "UPDATE action_attempts SET fingerprint = md5('a')::uuid"
    " WHERE error_message = 'disk full'",
    "a fingerprint missing": "UPDATE action_attempts SET fingerprint = NULL, fingerprint_version = NULL",
}


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found_and_repaired(damage: str) -> None:
    assert rebuild_metrics("--check")[0] == 0
    before = contents()
    run(damage)
    damaged = contents()
    assert damaged != before
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert "rows differ" in printed
    assert contents() == damaged
    assert rebuild_metrics()[0] == 0
    assert rebuild_metrics("--check")[0] == 0
    assert contents() == before


@pytest.mark.usefixtures("_recorded")
def test_a_repair_leaves_patterns_that_agree_alone() -> None:
    def versions() -> dict[Any, Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT template, xmin::text, ctid::text FROM failure_patterns WHERE template <> 'disk full'"
            )
            return {template: (xmin, ctid) for template, xmin, ctid in cursor.fetchall()}

    before = versions()
    run("UPDATE failure_patterns SET occurrences = 9 WHERE template = 'disk full'")
    rebuild_metrics()
    assert versions() == before
    assert FailurePattern.objects.get(template="disk full").occurrences == 1


@pytest.mark.usefixtures("_recorded")
def test_which_pattern_owns_a_fingerprint_is_the_operators_decision() -> None:
    """As after a merge: a recount counts for the owner, whoever that is."""
    target, source = FailurePattern.objects.get(template="disk full"), FailurePattern.objects.get(template="")
    FailureFingerprint.objects.filter(pattern=source).update(pattern=target)
    FailurePatternKey.objects.filter(pattern=source).update(pattern=target)
    rebuild_metrics()
    target.refresh_from_db()
    source.refresh_from_db()
    assert (target.occurrences, source.occurrences) == (2, 0)
    run("DELETE FROM failure_fingerprints WHERE masked = ''")
    rebuild_metrics()
    assert FailureFingerprint.objects.get(masked="").pattern == target
    assert differences() == []


def test_what_the_receiver_missed_is_due_until_the_repair_mends_it() -> None:
    record_rows([failed("disk full"), failed("port 1 closed", started_at=START + HOUR)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE failure_incidents RENAME TO elsewhere")
        record_rows([failed("disk full"), failed("no room")])
        cursor.execute("ALTER TABLE elsewhere RENAME TO failure_incidents")
    assert ActionAttempt.objects.count() == 4
    assert [row.bucket_start for row in MetricRecount.objects.all()] == [START]
    assert not queries.is_exact()
    status, printed = rebuild_metrics("--check")
    assert status == 1
    assert "1 buckets and 0 fingerprints were to be recounted" in printed
    assert "disk full" not in printed  # messages may hold what only those may read who may read the record
    assert rebuild_metrics()[0] == 0
    assert dict(FailurePattern.objects.values_list("template", "occurrences")) == {
        "disk full": 2,
        "port <number> closed": 1,
        "no room": 1,
    }
    assert queries.is_exact()
    assert differences() == []


def test_a_failure_whose_fingerprint_cannot_be_made_is_recorded_and_counted_by_the_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(*_: Any) -> None:
        raise RecursionError("a fault of the masking rules")

    monkeypatch.setattr("attempts.recording.fingerprint", faulty)
    document = {"attempt_id": str(an_id(1)), "action_id": "a", "action_type": "t", "incident_id": "i"}
    answer = ingest_json({"action_attempts": [{**document, "status": "failed", "error_message": "disk full"}]})
    assert answer["results"][0]["outcome"] == "created"
    assert ActionAttempt.objects.get().fingerprint is None
    assert not queries.is_exact()
    monkeypatch.undo()
    assert rebuild_metrics("--check")[0] == 1
    assert rebuild_metrics()[0] == 0
    assert FailurePattern.objects.get().template == "disk full"
    assert queries.is_exact()


@pytest.mark.usefixtures("_recorded")
def test_a_repair_that_was_interrupted_before_the_totals_is_not_exact_and_is_gone_on_with() -> None:
    before = contents()
    run("DELETE FROM failure_counts WHERE bucket_start = (SELECT min(bucket_start) FROM failure_counts)")
    run("UPDATE failure_patterns SET occurrences = occurrences + 1")
    for _ in recount(repair=True):
        pass
    assert not queries.is_exact()
    pattern = FailurePattern.objects.get(template="disk full")
    assert not queries.is_exact(pattern)
    assert recount_totals(repair=False).due > 0
    assert rebuild_metrics("--check")[0] == 1
    rebuild_metrics()
    assert queries.is_exact(pattern)
    assert contents() == before


def test_history_that_has_no_patterns_gets_them_by_the_repair() -> None:
    rows = [failed(f"port {number} closed", started_at=START + number * HOUR) for number in range(5)]
    rows.append(failed("disk full"))
    rows.append(failed("x" * 50_000 + "\nError: no room\n" + "y" * 50_000))
    ATTEMPTS.insert(rows)
    assert rebuild_metrics("--check")[0] == 1
    rebuild_metrics()
    assert dict(FailurePattern.objects.values_list("template", "occurrences")) == {
        "port <number> closed": 5,
        "disk full": 1,
        FailurePattern.objects.exclude(template__contains="closed").exclude(template="disk full").get().template: 1,
    }
    assert differences() == []


def test_history_of_older_masking_rules_keeps_its_fingerprints() -> None:
    """regroup_failures gives it those of today, and shows first what that changes."""
    old = told_more(failed("disk full"))
    old.fingerprint, old.fingerprint_version = an_id(7), 1
    ATTEMPTS.insert([old])
    rebuild_metrics()
    kept = FailureFingerprint.objects.get()
    assert (kept.fingerprint, kept.version, kept.occurrences) == (an_id(7), 1, 1)
    assert ActionAttempt.objects.get().fingerprint == an_id(7)
    assert differences() == []
    record_rows([failed("disk full")])
    assert FailurePattern.objects.get().occurrences == 2


def test_a_regression_that_was_missed_is_noted_by_the_repair() -> None:
    record_rows([failed("disk full")])
    FailurePattern.objects.update(state="fixed", fixed_at=START)
    ATTEMPTS.insert([failed("disk full", started_at=START + HOUR)])
    rebuild_metrics()
    assert FailurePattern.objects.get().state == "regressed"
    assert PatternChange.objects.get().changed_by == "actionlog"


def test_the_migration_says_that_the_failures_before_it_are_not_exact() -> None:
    failures = [failed(started_at=START + timedelta(minutes=minutes)) for minutes in (0, 14, 15, -1)]
    ATTEMPTS.insert([*failures, ended(started_at=START + HOUR)])
    run(import_module("analytics.migrations.0006_failure_patterns").NOTE_FAILURES)
    due = MetricRecount.objects.order_by("bucket_start").values_list("bucket_start", flat=True)
    assert list(due) == [START - HOUR / 4, START, START + HOUR / 4]
    assert not queries.is_exact()
    rebuild_metrics()
    assert queries.is_exact()
    assert FailurePattern.objects.get().occurrences == 4
