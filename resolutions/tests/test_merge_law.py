"""The merge law, proved on PostgreSQL through ingest: any split, order and repetition ends in the same record."""

import uuid
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attempts.canonical import canonical_json
from attempts.models import ActionAttempt, ActionLog, Refusal
from attempts.records import NOT_TOLD
from attempts.rows import AttemptRow
from attempts.storage import ATTEMPTS, STEPS, execute
from attempts.tests.documents import FACTS, Json, told_in_parts
from resolutions.ingest import ingest_json
from resolutions.recording import RESOLUTIONS
from resolutions.records import CHANGEABLE

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
on_postgresql = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def form(value: Any) -> Any:
    """A row's value in the form in which two of them are compared."""
    if isinstance(value, str | int | float | uuid.UUID | datetime | None):
        return value
    return None if value is NOT_TOLD or bytes(value) == b"null" else canonical_json(bytes(value))


def stored(attempt_id: uuid.UUID) -> tuple[Json, list[Json]]:
    """The facts and derived columns of an attempt and of its steps, ids apart."""
    (row,) = ATTEMPTS.lock([attempt_id])
    facts = {
        name: form(getattr(row, name))
        for name in AttemptRow.__struct_fields__
        if name not in ("attempt_id", "last_heard_at")
    }
    rows = execute(
        "SELECT row_to_json(l)::text FROM action_logs l WHERE attempt_id = %s ORDER BY sequence", [attempt_id]
    )
    steps = [STEPS.load(text) for (text,) in rows.fetchall()]
    return facts, [
        {name: form(getattr(step, name)) for name in ("sequence", "step", "status", "timestamp", "details")}
        for step in steps
    ]


def send(*batches: list[Json]) -> list[str]:
    outcomes = []
    for batch in batches:
        answer = ingest_json({"action_attempts": batch}, now=NOW)
        outcomes += [result["outcome"] for result in answer["results"]]
    return outcomes


@on_postgresql
@given(told=told_in_parts(), cuts=st.sets(st.integers(1, 7)))
def test_any_split_order_and_repetition_ends_in_the_same_rows(told: tuple[Json, list[Json]], cuts: set[int]) -> None:
    truth, documents = told
    whole_id, split_id = uuid.uuid4(), uuid.uuid4()
    assert send([{"attempt_id": str(whole_id), **truth}]) == ["created"]
    named = [{"attempt_id": str(split_id), **document} for document in documents]
    edges = [0, *sorted(cut for cut in cuts if cut < len(named)), len(named)]
    batches = [named[start:end] for start, end in pairwise(edges)]

    outcomes = send(*batches)

    assert outcomes[0] == "created"
    assert set(outcomes[1:]) <= {"updated", "unchanged"}
    assert stored(split_id) == stored(whole_id)
    assert set(send(named)) == {"unchanged"}
    assert stored(split_id) == stored(whole_id)
    assert not Refusal.objects.filter(document_id__in=[str(whole_id), str(split_id)]).exists()


@on_postgresql
@given(told=told_in_parts(), name=st.sampled_from(sorted(FACTS)), data=st.data())
def test_another_value_for_a_known_fact_is_refused_and_changes_nothing(
    told: tuple[Json, list[Json]], name: str, data: st.DataObject
) -> None:
    truth, _ = told
    attempt_id = uuid.uuid4()
    known = {"attempt_id": str(attempt_id), **truth}
    send([known])
    before = stored(attempt_id)
    other = data.draw(FACTS[name])
    changed = {**known, name: other, "logs": [{"sequence": 9, "step": "must not appear"}]}

    (outcome,) = send([changed])

    if name in truth and outcome == "conflict":
        assert stored(attempt_id) == before
        assert Refusal.objects.get(document_id=str(attempt_id)).field == name
    else:
        assert outcome == "updated"
        after, steps = stored(attempt_id)
        assert {key: value for key, value in after.items() if before[0][key] != value}.keys() <= {
            name,
            "first_step_at",
            "fingerprint",
        }
        assert steps[-1]["step"] == "must not appear"


RESOLUTION_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "severity": st.sampled_from(["critical", "high", "medium", "low", "info"]),
    "title": st.sampled_from(["a", "b", "c"]),
    "service": st.sampled_from(["x", "y"]),
    "summary": st.sampled_from([{"n": 1}, {"n": 1.0}, {"n": 2}, {}]),
    "root_cause": st.sampled_from(["disk", "network"]),
    "confidence": st.sampled_from([0.1, 0.25, 1]),
    "updated_at": st.sampled_from([f"2026-03-01T0{hour}:00:00Z" for hour in range(4)]),
}
assert set(RESOLUTION_VALUES) == {*CHANGEABLE, "updated_at"}


@on_postgresql
@given(
    documents=st.lists(st.fixed_dictionaries({}, optional=RESOLUTION_VALUES), min_size=1, max_size=5), data=st.data()
)
def test_changeable_fields_of_a_resolution_end_the_same_in_any_order(
    documents: list[Json], data: st.DataObject
) -> None:
    ends = []
    for order in (documents, [*data.draw(st.permutations(documents)), data.draw(st.sampled_from(documents))]):
        resolution_id = uuid.uuid4()
        for document in order:
            named = {"resolution_id": str(resolution_id), "incident_id": "inc", **document}
            (result,) = ingest_json({"resolution_attempts": [named]}, now=NOW)["results"]
            assert result["outcome"] in ("created", "updated", "unchanged")
        (row,) = RESOLUTIONS.lock([resolution_id])
        ends.append({name: form(getattr(row, name)) for name in [*RESOLUTION_VALUES, "versions"]})
    assert ends[0] == ends[1]


def attempt(**facts: Any) -> Json:
    return {
        "attempt_id": str(uuid.uuid4()),
        "action_id": "restart_001",
        "action_type": "restart",
        "incident_id": "inc_001",
        **facts,
    }


def test_a_default_never_collides_with_a_late_fact() -> None:
    start = attempt()
    send([start])
    late = {
        **start,
        "status": "pending",
        "parameters": {"a": 1},
        "critical": True,
        "started_at": "2026-02-01T00:00:00Z",
        "completed_at": "2026-02-01T00:00:10Z",
    }
    assert send([late], [{**start, "execution_time_seconds": 3}]) == ["updated", "updated"]


def test_an_explicit_null_tells_nothing() -> None:
    known = attempt(target="db-1", result={"a": 1}, status="success")
    nulls = dict.fromkeys(("target", "result", "status", "logs", "extra", "started_at"))
    assert send([known], [{**known, **nulls}]) == ["created", "unchanged"]


@pytest.mark.parametrize(
    ("earlier", "later", "outcome"),
    [
        ("pending", "in_progress", "updated"),
        ("in_progress", "failed", "updated"),
        ("success", "in_progress", "unchanged"),
        ("success", "failed", "conflict"),
        ("skipped", "cancelled", "conflict"),
        ("failed", "failed", "unchanged"),
    ],
)
def test_status_moves_forward_only(earlier: str, later: str, outcome: str) -> None:
    known = attempt(status=earlier)
    assert send([known], [{**known, "status": later}])[1] == outcome


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1e23", "100000000000000000000000.0", True),
        ("1.10", "1.1", True),
        ("1", "true", False),
        ("0", "-0.0", True),
        ("0.1", "0.1000000000000000055511151231257827", False),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
        ('"\\u00e9"', '"é"', True),
        ("[1,2]", "[2,1]", False),
    ],
)
def test_values_are_the_same_when_their_canonical_forms_are(one: str, other: str, same: bool) -> None:
    attempt_id = str(uuid.uuid4())
    body = '{"action_attempts":[{"attempt_id":"%s","action_id":"a","action_type":"","incident_id":"i","result":%s}]}'
    ingest_json((body % (attempt_id, one)).encode())
    (result,) = ingest_json((body % (attempt_id, other)).encode())["results"]
    assert result["outcome"] == ("unchanged" if same else "conflict")


def test_times_are_the_same_when_their_instants_are() -> None:
    known = attempt(started_at="2026-03-01T12:00:00Z")
    assert send([known], [{**known, "started_at": "2026-03-01T17:45:00.000000+05:45"}]) == ["created", "unchanged"]


def test_extra_merges_by_key_and_steps_by_sequence() -> None:
    known = attempt(extra={"a": 1}, logs=[{"sequence": 1, "step": "one"}])
    more = {**known, "extra": {"b": 2}, "logs": [{"sequence": 0, "step": "zero"}, {"sequence": 1, "status": "done"}]}
    assert send([known], [more]) == ["created", "updated"]
    stored_attempt = ActionAttempt.objects.get(attempt_id=known["attempt_id"])
    assert stored_attempt.extra == {"a": 1, "b": 2}
    steps = ActionLog.objects.filter(attempt=stored_attempt).order_by("sequence")
    assert [(step.step, step.status) for step in steps] == [("zero", None), ("one", "done")]
    assert send([{**known, "extra": {"a": 2}}], [{**known, "logs": [{"sequence": 1, "step": "other"}]}]) == [
        "conflict",
        "conflict",
    ]


def test_steps_of_an_old_file_are_numbered_by_their_position() -> None:
    old = attempt(status="success", started_at="2024-01-01T00:00:00Z", logs=[{"step": "validate"}, {"step": "execute"}])
    assert send([old], [old]) == ["created", "unchanged"]
    assert list(ActionLog.objects.values_list("sequence", "step")) == [(0, "validate"), (1, "execute")]


def test_unknown_fields_that_are_null_are_not_told() -> None:
    start = attempt(outcome_code=None, extra={"note": None})
    send([start])
    assert send([{**attempt(), "attempt_id": start["attempt_id"], "outcome_code": 7, "extra": {"note": "x"}}]) == [
        "updated"
    ]
    assert ActionAttempt.objects.get().extra == {"outcome_code": 7, "note": "x"}


def test_unknown_fields_of_steps_are_kept_by_the_sequence_of_their_step() -> None:
    start = attempt()
    one = {**start, "logs": [{"sequence": 0, "level": "info"}]}
    other = {**start, "logs": [{"sequence": 1, "level": "warn"}]}
    assert send([one], [other], [one]) == ["created", "updated", "unchanged"]
    assert ActionAttempt.objects.get().extra == {"logs[0].level": "info", "logs[1].level": "warn"}


def test_any_offset_is_the_same_instant() -> None:
    known = attempt(started_at="2026-01-01T00:00:00+23:00")
    assert send([known], [{**known, "started_at": "2025-12-31T01:00:00Z"}]) == ["created", "unchanged"]


def test_what_was_read_can_be_sent_again() -> None:
    known = attempt(target="https://tok3n@h", reason="Bearer abc123", parameters={"token": "x", "url": "redis://:p@h"})
    send([known])
    read = ActionAttempt.objects.get()
    again = {**known, "target": read.target, "reason": read.reason, "parameters": read.parameters}
    assert send([again]) == ["unchanged"]


def test_several_documents_of_one_attempt_fold_in_their_order() -> None:
    start = attempt()
    outcomes = send(
        [start, {**start, "status": "failed"}, {**start, "status": "success"}, {**start, "error_message": "boom"}]
    )
    assert outcomes == ["created", "updated", "conflict", "updated"]
    row = ActionAttempt.objects.get()
    assert (row.status, row.error_message) == ("failed", "boom")
    assert row.fingerprint is not None
