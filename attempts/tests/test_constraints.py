"""What PostgreSQL refuses in the tables of the record, and that it computes what Python computes."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from attempts.models import ActionAttempt
from attempts.rows import AttemptRow
from attempts.tests.refused_inserts import constraints_of, insert, refused_by

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KNOWN = uuid.UUID(int=1)  # an attempt that every test finds stored

ATTEMPT: dict[str, Any] = {
    "attempt_id": uuid.UUID(int=2),
    "action_id": "a",
    "action_type": "",
    "incident_id": "i",
    "received_at": NOW,
    "last_heard_at": NOW,
}
STEP: dict[str, Any] = {"attempt_id": KNOWN, "sequence": 1}
REFUSAL: dict[str, Any] = {
    "digest": uuid.UUID(int=2),
    "kind": "action_attempt",
    "outcome": "conflict",
    "code": "conflict",
    "message": "m",
    "document": "{",
    "times": 1,
    "first_refused_at": NOW,
    "last_refused_at": NOW,
}
FINGERPRINT = {"fingerprint": uuid.UUID(int=3), "fingerprint_version": 1}

# (constraint, table, valid row, what makes it invalid)
REFUSED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("action_attempts_pkey", "action_attempts", ATTEMPT, {"attempt_id": KNOWN}),
    ("action_attempts_status_known", "action_attempts", ATTEMPT, {"status": "done"}),
    ("action_attempts_status_known", "action_attempts", ATTEMPT, {"status": ""}),
    ("action_attempts_confidence_is_a_fraction", "action_attempts", ATTEMPT, {"confidence": 1.01}),
    ("action_attempts_confidence_is_a_fraction", "action_attempts", ATTEMPT, {"confidence": -0.01}),
    ("action_attempts_confidence_is_a_fraction", "action_attempts", ATTEMPT, {"confidence": float("nan")}),
    ("action_attempts_execution_time_not_negative", "action_attempts", ATTEMPT, {"execution_time_seconds": -1}),
    ("action_attempts_expected_seconds_not_negative", "action_attempts", ATTEMPT, {"expected_seconds": -1}),
    ("action_attempts_identities_not_empty", "action_attempts", ATTEMPT, {"action_id": ""}),
    ("action_attempts_identities_not_empty", "action_attempts", ATTEMPT, {"incident_id": ""}),
    *(
        ("action_attempts_only_failures_have_a_fingerprint", "action_attempts", ATTEMPT, told)
        for told in (
            {"status": "success", **FINGERPRINT},
            {"status": None, **FINGERPRINT},
            {"status": "failed", **FINGERPRINT, "fingerprint_version": None},
            {"status": "failed", **FINGERPRINT, "fingerprint": None},
        )
    ),
    *(
        ("action_attempts_verdict_known", "action_attempts", ATTEMPT, told)
        for told in ({"verdict": "worked"}, {"verdict_at": NOW}, {"verdict": "fine", "verdict_at": NOW})
    ),
    ("action_logs_pkey", "action_logs", STEP, {"sequence": 0}),
    ("action_logs_sequence_not_negative", "action_logs", STEP, {"sequence": -1}),
    (
        "action_logs_attempt_id_30f69b2c_fk_action_attempts_attempt_id",
        "action_logs",
        STEP,
        {"attempt_id": uuid.UUID(int=9)},
    ),
    ("refusals_pkey", "refusals", REFUSAL, {"digest": KNOWN}),
    ("refusals_kind_known", "refusals", REFUSAL, {"kind": "step"}),
    ("refusals_outcome_known", "refusals", REFUSAL, {"outcome": "lost"}),
    *((name, "action_attempts", ATTEMPT, {name: None}) for name in ATTEMPT),
    *((name, "action_logs", STEP, {name: None}) for name in STEP),
]


@pytest.fixture
def stored(db: None) -> None:
    insert("action_attempts", {**ATTEMPT, "attempt_id": KNOWN})
    insert("action_logs", {**STEP, "sequence": 0})
    insert("refusals", {**REFUSAL, "digest": KNOWN})


@pytest.mark.parametrize(("constraint", "table", "valid", "wrong"), REFUSED)
def test_postgresql_refuses(
    stored: None, constraint: str, table: str, valid: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert refused_by(table, {**valid, **wrong}) == constraint
    assert refused_by(table, valid) is None


@pytest.mark.parametrize("status", [None, "pending", "in_progress", "success", "failed", "skipped", "cancelled"])
def test_postgresql_takes_every_known_status(stored: None, status: str | None) -> None:
    assert refused_by("action_attempts", {**ATTEMPT, "status": status}) is None


def test_every_constraint_has_a_row_that_it_refuses(db: None) -> None:
    tables = [model._meta.db_table for model in apps.get_app_config("attempts").get_models() if model._meta.managed]
    assert constraints_of(tables) <= {constraint for constraint, *_ in REFUSED}


TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


class EffectiveStart(TestCase):
    """The generated column is the twin of the property."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "attempt_id": st.uuids(),
                    "received_at": TIMES,
                    "started_at": st.none() | TIMES,
                    "first_step_at": st.none() | TIMES,
                    "completed_at": st.none() | TIMES,
                }
            ),
            min_size=1,
            max_size=8,
            unique_by=lambda facts: facts["attempt_id"],
        )
    )
    def test_the_start_computed_by_postgresql_is_the_one_computed_by_python(self, told: list[dict[str, Any]]) -> None:
        ActionAttempt.objects.bulk_create(
            ActionAttempt(action_id="a", action_type="t", incident_id="i", last_heard_at=facts["received_at"], **facts)
            for facts in told
        )
        computed = dict(ActionAttempt.objects.values_list("attempt_id", "effective_started_at"))
        assert computed == {facts["attempt_id"]: AttemptRow(**facts).effective_started_at for facts in told}
