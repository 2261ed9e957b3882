"""What PostgreSQL refuses in the tables of what is derived."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps

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
PATTERN: dict[str, Any] = {"pattern_id": uuid.UUID(int=2), "template": "t", "state": "new", "created_at": NOW}
FINGERPRINT: dict[str, Any] = {"fingerprint": uuid.UUID(int=2), "pattern_id": KNOWN}

REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("resolution_metrics_pkey", "resolution_metrics", METRIC, {"id": 1_000_000}),
    ("resolution_metrics_key", "resolution_metrics", METRIC, {"dimensions_digest": KNOWN}),
    ("resolution_metrics_subject_known", "resolution_metrics", METRIC, {"subject": "step"}),
    *(("resolution_metrics_counts_not_negative", "resolution_metrics", METRIC, {name: -1}) for name in COUNTS),
    ("resolution_metrics_durations_not_negative", "resolution_metrics", METRIC, {"durations": [1, -1]}),
    ("metric_recounts_pkey", "metric_recounts", RECOUNT, {"bucket_start": NOW}),
    ("failure_patterns_pkey", "failure_patterns", PATTERN, {"pattern_id": KNOWN}),
    ("failure_patterns_state_known", "failure_patterns", PATTERN, {"state": "open"}),
    ("failure_fingerprints_pkey", "failure_fingerprints", FINGERPRINT, {"fingerprint": KNOWN}),
    (
        "failure_fingerprints_pattern_id_d61d81ba_fk_failure_p",
        "failure_fingerprints",
        FINGERPRINT,
        {"pattern_id": uuid.UUID(int=9)},
    ),
    *((name, "resolution_metrics", METRIC, {name: None}) for name in METRIC),
    *((name, "failure_fingerprints", FINGERPRINT, {name: None}) for name in FINGERPRINT),
]


@pytest.fixture
def stored(db: None) -> None:
    insert("resolution_metrics", {**METRIC, "id": 1_000_000, "dimensions_digest": KNOWN})
    insert("metric_recounts", {**RECOUNT, "bucket_start": NOW})
    insert("failure_patterns", {**PATTERN, "pattern_id": KNOWN})
    insert("failure_fingerprints", {**FINGERPRINT, "fingerprint": KNOWN})


@pytest.mark.parametrize(("constraint", "table", "valid", "wrong"), REFUSED)
def test_postgresql_refuses(
    stored: None, constraint: str, table: str, valid: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert refused_by(table, {**valid, **wrong}) == constraint
    assert refused_by(table, valid) is None


@pytest.mark.parametrize("state", ["new", "acknowledged", "fixed", "ignored", "regressed"])
def test_postgresql_takes_every_known_state(stored: None, state: str) -> None:
    assert refused_by("failure_patterns", {**PATTERN, "state": state}) is None


def test_every_constraint_has_a_row_that_it_refuses(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("analytics").get_models() if model._meta.managed]
    assert constraints_of(tables) <= {constraint for constraint, *_ in REFUSED}
