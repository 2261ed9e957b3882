"""What PostgreSQL refuses in the tables of this app, and that it computes what Python computes."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from attempts.tests.refused_inserts import constraints_of, insert, refused_by
from attempts.tests.test_constraints import TIMES
from resolutions.models import ResolutionAttempt
from resolutions.rows import ResolutionRow

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KNOWN = uuid.UUID(int=1)

RESOLUTION: dict[str, Any] = {
    "resolution_id": uuid.UUID(int=2),
    "incident_id": "i",
    "received_at": NOW,
    "last_heard_at": NOW,
}
FEED: dict[str, Any] = {"revision": 2_000_000, "attempt_ids": [], "resolution_ids": [], "created_at": NOW}
FILE: dict[str, Any] = {
    "digest": uuid.UUID(int=2),
    "path": "/logs/a.json",
    "size": 0,
    "mtime_ns": 0,
    "ctime_ns": 0,
    "outcome": "imported",
    "imported_at": NOW,
}
VERDICT: dict[str, Any] = {
    "verdict_id": uuid.UUID(int=2),
    "resolution_id": KNOWN,
    "verdict": "worked",
    "source": "human",
    "given_at": NOW,
    "given_by": "operator",
    "note": "",
    "received_at": NOW,
}

REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("resolution_attempts_pkey", "resolution_attempts", RESOLUTION, {"resolution_id": KNOWN}),
    ("resolution_attempts_status_known", "resolution_attempts", RESOLUTION, {"status": "success"}),
    ("resolution_attempts_severity_known", "resolution_attempts", RESOLUTION, {"severity": "urgent"}),
    ("resolution_attempts_confidence_is_a_fraction", "resolution_attempts", RESOLUTION, {"confidence": 1.01}),
    ("resolution_attempts_confidence_is_a_fraction", "resolution_attempts", RESOLUTION, {"confidence": -0.01}),
    ("resolution_attempts_incident_not_empty", "resolution_attempts", RESOLUTION, {"incident_id": ""}),
    ("resolution_attempts_verdict_known", "resolution_attempts", RESOLUTION, {"verdict": "worked"}),
    ("resolution_attempts_verdict_known", "resolution_attempts", RESOLUTION, {"verdict_at": NOW}),
    ("resolution_attempts_verdict_known", "resolution_attempts", RESOLUTION, {"verdict": "fine", "verdict_at": NOW}),
    ("resolution_attempts_reopened_by_and_when", "resolution_attempts", RESOLUTION, {"reopened_at": NOW}),
    ("resolution_attempts_reopened_by_and_when", "resolution_attempts", RESOLUTION, {"reopened_by": KNOWN}),
    ("verdicts_pkey", "verdicts", VERDICT, {"verdict_id": KNOWN}),
    ("verdicts_verdict_known", "verdicts", VERDICT, {"verdict": "fine"}),
    ("verdicts_source_known", "verdicts", VERDICT, {"source": "engine"}),
    (
        "verdicts_resolution_id_c7f74dab_fk_resolutio",
        "verdicts",
        VERDICT,
        {"resolution_id": uuid.UUID(int=9)},
    ),
    (
        "verdicts_attempt_id_9cbe58f7_fk_action_attempts_attempt_id",
        "verdicts",
        VERDICT,
        {"resolution_id": None, "attempt_id": uuid.UUID(int=9)},
    ),
    ("verdicts_on_one_thing", "verdicts", VERDICT, {"resolution_id": None}),
    *((name, "verdicts", VERDICT, {name: None}) for name in VERDICT if name != "resolution_id"),
    ("feed_pkey", "feed", FEED, {"revision": 1_000_000}),
    ("imported_files_pkey", "imported_files", FILE, {"digest": KNOWN}),
    ("imported_files_outcome_known", "imported_files", FILE, {"outcome": "created"}),
    ("imported_files_reason_if_bad", "imported_files", FILE, {"outcome": "bad"}),
    ("imported_files_reason_if_bad", "imported_files", FILE, {"reason": "no JSON"}),
    ("imported_files_size_not_negative", "imported_files", FILE, {"size": -1}),
    *((name, "imported_files", FILE, {name: None}) for name in FILE),
    *((name, "resolution_attempts", RESOLUTION, {name: None}) for name in RESOLUTION),
    *((name, "feed", FEED, {name: None}) for name in ("attempt_ids", "resolution_ids", "created_at")),
]


@pytest.fixture
def stored(db: None) -> None:
    insert("resolution_attempts", {**RESOLUTION, "resolution_id": KNOWN})
    insert("feed", {**FEED, "revision": 1_000_000})
    insert("verdicts", {**VERDICT, "verdict_id": KNOWN})
    insert("imported_files", {**FILE, "digest": KNOWN})


@pytest.mark.parametrize(("constraint", "table", "valid", "wrong"), REFUSED)
def test_postgresql_refuses(
    stored: None, constraint: str, table: str, valid: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert refused_by(table, {**valid, **wrong}) == constraint
    assert refused_by(table, valid) is None


@pytest.mark.parametrize("status", [None, "in_progress", "resolved", "failed", "escalated"])
@pytest.mark.parametrize("severity", [None, "critical", "high", "medium", "low", "info"])
def test_postgresql_takes_every_known_status_and_severity(
    stored: None, status: str | None, severity: str | None
) -> None:
    assert refused_by("resolution_attempts", {**RESOLUTION, "status": status, "severity": severity}) is None


def test_every_constraint_has_a_row_that_it_refuses(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("resolutions").get_models() if model._meta.managed]
    assert constraints_of(tables) <= {constraint for constraint, *_ in REFUSED}


class EffectiveStart(TestCase):
    """The generated column is the twin of the property."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "resolution_id": st.uuids(),
                    "received_at": TIMES,
                    "started_at": st.none() | TIMES,
                    "completed_at": st.none() | TIMES,
                }
            ),
            min_size=1,
            max_size=8,
            unique_by=lambda facts: facts["resolution_id"],
        )
    )
    def test_the_start_computed_by_postgresql_is_the_one_computed_by_python(self, told: list[dict[str, Any]]) -> None:
        ResolutionAttempt.objects.bulk_create(
            ResolutionAttempt(incident_id="i", last_heard_at=facts["received_at"], **facts) for facts in told
        )
        computed = dict(ResolutionAttempt.objects.values_list("resolution_id", "effective_started_at"))
        assert computed == {facts["resolution_id"]: ResolutionRow(**facts).effective_started_at for facts in told}
