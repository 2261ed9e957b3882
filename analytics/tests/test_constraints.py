"""What PostgreSQL refuses in the tables of what is derived."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps

from analytics.models import PatternChange
from attempts.tests.refused_inserts import constraints_of, insert, refused_by

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KNOWN = uuid.UUID(int=1)

COUNTS = (
    "pending",
    "in_progress",
    "abandoned",
    "success",
    "failed",
    "skipped",
    "cancelled",
    "resolved",
    "escalated",
    "worked",
    "no_effect",
    "made_worse",
    "reopened",
    "duration_microseconds",
)
METRIC: dict[str, Any] = {
    "id": 2_000_000,
    "bucket_start": NOW,
    "subject": "attempt",
    "action_type": "",
    "incident_type": "",
    "engine": "",
    "engine_version": "",
    "environment": "",
    "dimensions_digest": uuid.UUID(int=2),
    "durations": [],
    **dict.fromkeys(COUNTS, 0),
}
RECOUNT: dict[str, Any] = {"bucket_start": datetime(2026, 5, 2, tzinfo=UTC), "reason": "", "noted_at": NOW}
SUMMARY: dict[str, Any] = {
    "id": 2_000_000,
    "subject": "attempt",
    "grain": "hour",
    "period_start": datetime(2026, 5, 2, tzinfo=UTC),
    "grouping": "everything",
    "content": "[]",
    "sealed_at": NOW,
}
PATTERN: dict[str, Any] = {
    "pattern_id": uuid.UUID(int=2),
    "action_type": "",
    "template": "t",
    "created_at": NOW,
    "state": "new",
    "state_changed_at": None,
    "state_changed_by": "",
    "fixed_at": None,
    "merged_into_id": None,
    "occurrences": 2,
    "incidents": 1,
    "first_seen": NOW,
    "last_seen": NOW,
}
NO_FAILURES: dict[str, Any] = {"occurrences": 0, "incidents": 0, "first_seen": None, "last_seen": None}
KEY: dict[str, Any] = {"pattern_key": uuid.UUID(int=2), "pattern_id": KNOWN, "version": 2}
FINGERPRINT: dict[str, Any] = {
    "fingerprint": uuid.UUID(int=2),
    "version": 2,
    "action_type": "",
    "error_type": "",
    "masked": "",
    "pattern_key": KNOWN,
    "pattern_id": KNOWN,
    "occurrences": 2,
    "first_seen": NOW,
    "last_seen": NOW,
    "recount_due": False,
}
COUNT: dict[str, Any] = {"fingerprint": uuid.UUID(int=2), "bucket_start": NOW, "occurrences": 1}
INCIDENT: dict[str, Any] = {"fingerprint": uuid.UUID(int=2), "incident_id": "INC-1", "occurrences": 1}
REGROUPING: dict[str, Any] = {"version": 2, "decided_at": NOW, "finished_at": NOW}
CHANGE: dict[str, Any] = {
    "id": 2_000_000,
    "pattern_id": KNOWN,
    "change": "fixed",
    "from_state": "new",
    "to_state": "fixed",
    "other_pattern_id": None,
    "fingerprints": 0,
    "details": None,
    "changed_at": NOW,
    "changed_by": "operator",
    "note": "",
}
UNKNOWN = uuid.UUID(int=9)

REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("resolution_metrics_pkey", "resolution_metrics", METRIC, {"id": 1_000_000}),
    ("resolution_metrics_key", "resolution_metrics", METRIC, {"dimensions_digest": KNOWN}),
    ("resolution_metrics_subject_known", "resolution_metrics", METRIC, {"subject": "step"}),
    *(("resolution_metrics_counts_not_negative", "resolution_metrics", METRIC, {name: -1}) for name in COUNTS),
    ("resolution_metrics_durations_not_negative", "resolution_metrics", METRIC, {"durations": [1, -1]}),
    ("metric_recounts_pkey", "metric_recounts", RECOUNT, {"bucket_start": NOW}),
    ("metric_summaries_pkey", "metric_summaries", SUMMARY, {"id": 1_000_000}),
    ("metric_summaries_key", "metric_summaries", SUMMARY, {"period_start": NOW}),
    ("metric_summaries_subject_known", "metric_summaries", SUMMARY, {"subject": "step"}),
    ("metric_summaries_grain_known", "metric_summaries", SUMMARY, {"grain": "week"}),
    ("failure_patterns_pkey", "failure_patterns", PATTERN, {"pattern_id": KNOWN}),
    ("failure_patterns_state_known", "failure_patterns", PATTERN, {"state": "open"}),
    *(
        ("failure_patterns_fixed_has_a_time", "failure_patterns", PATTERN, {"state": state})
        for state in ("fixed", "regressed")
    ),
    *(
        ("failure_patterns_totals_agree", "failure_patterns", PATTERN, wrong)
        for wrong in (
            {"occurrences": 0},
            {"occurrences": -1},
            {"incidents": 0},
            {"incidents": 3},
            {"first_seen": None},
            {"last_seen": None},
            {"first_seen": NOW.replace(year=2027)},
        )
    ),
    (
        "failure_patterns_merged_owns_nothing",
        "failure_patterns",
        {**PATTERN, "merged_into_id": KNOWN, **NO_FAILURES},
        {name: PATTERN[name] for name in NO_FAILURES},
    ),
    (
        "failure_patterns_merged_owns_nothing",
        "failure_patterns",
        {**PATTERN, "merged_into_id": KNOWN, **NO_FAILURES},
        {"merged_into_id": PATTERN["pattern_id"]},
    ),
    (
        "failure_patterns_merged_into_id_b01e133f_fk_failure_p",
        "failure_patterns",
        {**PATTERN, **NO_FAILURES},
        {"merged_into_id": UNKNOWN},
    ),
    ("failure_pattern_keys_pkey", "failure_pattern_keys", KEY, {"pattern_key": KNOWN}),
    ("failure_pattern_keys_pattern_id_a1ace780_fk_failure_p", "failure_pattern_keys", KEY, {"pattern_id": UNKNOWN}),
    ("failure_fingerprints_pkey", "failure_fingerprints", FINGERPRINT, {"fingerprint": KNOWN}),
    *(
        ("failure_fingerprints_totals_agree", "failure_fingerprints", FINGERPRINT, wrong)
        for wrong in (
            {"occurrences": 0},
            {"occurrences": -1},
            {"first_seen": None},
            {"last_seen": None},
            {"first_seen": NOW.replace(year=2027)},
        )
    ),
    (
        "failure_fingerprints_pattern_id_d61d81ba_fk_failure_p",
        "failure_fingerprints",
        FINGERPRINT,
        {"pattern_id": UNKNOWN},
    ),
    (
        "failure_fingerprints_pattern_key_0fcdba2e_fk_failure_p",
        "failure_fingerprints",
        FINGERPRINT,
        {"pattern_key": UNKNOWN},
    ),
    ("failure_counts_pkey", "failure_counts", COUNT, {"fingerprint": KNOWN}),
    *(("failure_counts_some", "failure_counts", COUNT, {"occurrences": count}) for count in (0, -1)),
    ("failure_incidents_pkey", "failure_incidents", INCIDENT, {"fingerprint": KNOWN}),
    *(("failure_incidents_some", "failure_incidents", INCIDENT, {"occurrences": count}) for count in (0, -1)),
    ("pattern_regroupings_pkey", "pattern_regroupings", REGROUPING, {"version": 1}),
    (
        "pattern_regroupings_decided_first",
        "pattern_regroupings",
        REGROUPING,
        {"finished_at": datetime(2026, 4, 1, tzinfo=UTC)},
    ),
    ("pattern_changes_pkey", "pattern_changes", CHANGE, {"id": 1_000_000}),
    ("pattern_changes_change_known", "pattern_changes", CHANGE, {"change": "forgotten"}),
    ("pattern_changes_states_known", "pattern_changes", CHANGE, {"from_state": "open"}),
    ("pattern_changes_states_known", "pattern_changes", CHANGE, {"to_state": "open"}),
    ("pattern_changes_fingerprints_not_negative", "pattern_changes", CHANGE, {"fingerprints": -1}),
    ("pattern_changes_pattern_id_819bf698_fk_failure_p", "pattern_changes", CHANGE, {"pattern_id": UNKNOWN}),
    (
        "pattern_changes_other_pattern_id_41ea9e17_fk_failure_p",
        "pattern_changes",
        CHANGE,
        {"other_pattern_id": UNKNOWN},
    ),
    *((name, "resolution_metrics", METRIC, {name: None}) for name in METRIC),
    *(
        (name, "failure_fingerprints", FINGERPRINT, {name: None})
        for name in FINGERPRINT
        if name not in ("first_seen", "last_seen")
    ),
    *(
        (name, table, row, {name: None})
        for table, row in (("failure_pattern_keys", KEY), ("failure_counts", COUNT), ("failure_incidents", INCIDENT))
        for name in row
    ),
    *((name, "metric_summaries", SUMMARY, {name: None}) for name in SUMMARY),
]


@pytest.fixture
def stored(db: None) -> None:
    insert("resolution_metrics", {**METRIC, "id": 1_000_000, "dimensions_digest": KNOWN})
    insert("metric_recounts", {**RECOUNT, "bucket_start": NOW})
    insert("metric_summaries", {**SUMMARY, "id": 1_000_000, "period_start": NOW})
    insert("failure_patterns", {**PATTERN, "pattern_id": KNOWN})
    insert("failure_pattern_keys", {**KEY, "pattern_key": KNOWN})
    insert("failure_fingerprints", {**FINGERPRINT, "fingerprint": KNOWN})
    insert("failure_counts", {**COUNT, "fingerprint": KNOWN})
    insert("failure_incidents", {**INCIDENT, "fingerprint": KNOWN})
    insert("pattern_regroupings", {**REGROUPING, "version": 1})
    insert("pattern_changes", {**CHANGE, "id": 1_000_000})


@pytest.mark.parametrize(("constraint", "table", "valid", "wrong"), REFUSED)
def test_postgresql_refuses(
    stored: None, constraint: str, table: str, valid: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert refused_by(table, {**valid, **wrong}) == constraint
    assert refused_by(table, valid) is None


@pytest.mark.parametrize("state", ["new", "acknowledged", "fixed", "ignored", "regressed"])
def test_postgresql_takes_every_known_state(stored: None, state: str) -> None:
    assert refused_by("failure_patterns", {**PATTERN, "state": state, "fixed_at": NOW}) is None


@pytest.mark.parametrize("change", PatternChange.Change.values)
def test_postgresql_takes_every_known_change(stored: None, change: str) -> None:
    assert refused_by("pattern_changes", {**CHANGE, "change": change}) is None


def test_every_constraint_has_a_row_that_it_refuses(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("analytics").get_models() if model._meta.managed]
    assert constraints_of(tables) <= {constraint for constraint, *_ in REFUSED}
