"""Attempts and steps read back as they were told, with the defaults of reading and no query a row."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from attempts.models import ActionAttempt
from attempts.queries import STATUS_CONDITIONS, attempt_detail, attempt_details, read_attempts, steps_of
from attempts.tests.stored import NOON, set_json, store_attempt, store_attempts, store_steps

pytestmark = pytest.mark.django_db

Asserts = Callable[[int], Any]


def test_what_was_not_told_has_the_defaults_of_reading() -> None:
    attempt_id = store_attempt(started_at=None).pk
    answer = msgspec.to_builtins(attempt_detail(attempt_id), enc_hook=lambda raw: msgspec.json.decode(raw))
    assert answer["status"] == "in_progress"
    assert answer["critical"] is False
    assert msgspec.json.decode(msgspec.json.encode(attempt_detail(attempt_id)))["parameters"] == {}
    assert answer["effective_started_at"] == "2026-03-01T12:00:01Z"
    assert {name for name, value in answer.items() if value is None} >= {"result", "extra", "engine", "started_at"}
    assert answer["logs"] == []


def test_a_duration_is_as_told_else_from_start_to_completion_else_unknown() -> None:
    minute = timedelta(minutes=1)
    told, computed, contradictory, running = store_attempts(
        {"execution_time_seconds": 7.5, "completed_at": NOON + minute},
        {"completed_at": NOON + minute},
        {"completed_at": NOON - minute},
        {},
    )
    durations = [attempt_detail(attempt.pk) for attempt in (told, computed, contradictory, running)]
    assert [detail and detail.execution_time_seconds for detail in durations] == [7.5, 60.0, None, None]


@pytest.mark.parametrize("column", ["parameters", "result", "error_details", "extra"])
def test_free_form_values_keep_every_digit(column: str) -> None:
    text = '{"big": 123456789012345678901234567890.12345678901234567890, "tail": 1.500, "unicode": "ü\\u2028"}'
    attempt_id = store_attempt().pk
    set_json(attempt_id, column, text)
    answer = msgspec.json.encode(attempt_detail(attempt_id))
    assert b"123456789012345678901234567890.12345678901234567890" in answer
    assert b"1.500" in answer
    assert msgspec.json.decode(answer)[column] == msgspec.json.decode(text)


def test_a_value_that_is_false_or_empty_is_not_taken_for_one_not_told() -> None:
    attempt_id = store_attempt().pk
    for value in ("false", "0", '""', "[]", "{}"):
        set_json(attempt_id, "result", value)
        detail = attempt_detail(attempt_id)
        assert detail is not None
        assert bytes(detail.result).decode() == value


def test_steps_come_by_sequence_with_any_details() -> None:
    attempt_id = store_attempt().pk
    store_steps(attempt_id, "text", {"a": [1, None]}, 3.5, None, False)
    detail = attempt_detail(attempt_id)
    assert detail is not None
    logs = msgspec.json.decode(msgspec.json.encode(detail.logs))
    assert [step["details"] for step in logs] == ["text", {"a": [1, None]}, 3.5, None, False]
    assert [step["sequence"] for step in logs] == [0, 1, 2, 3, 4]
    assert set(logs[0]) == {"sequence", "step", "status", "timestamp", "details"}


def test_an_unknown_attempt_is_none() -> None:
    assert attempt_detail(uuid.uuid4()) is None


def test_many_by_ids_come_in_time_order_without_the_unknown() -> None:
    late, early = store_attempts({"started_at": NOON + timedelta(hours=1)}, {"started_at": NOON})
    assert [detail.attempt_id for detail in attempt_details([late.pk, uuid.uuid4(), early.pk])] == [early.pk, late.pk]
    assert b"logs" not in msgspec.json.encode(attempt_details([late.pk]))


@pytest.mark.parametrize("rows", [1, 30])
def test_the_number_of_queries_does_not_grow_with_the_rows(rows: int, django_assert_num_queries: Asserts) -> None:
    ids = [attempt.pk for attempt in store_attempts(*[{} for _ in range(rows)])]
    for attempt_id in ids:
        store_steps(attempt_id, 1, 2)
    with django_assert_num_queries(1):
        assert len(attempt_details(ids)) == rows
    with django_assert_num_queries(2):
        assert all(len(detail.logs or []) == 2 for detail in attempt_details(ids, with_steps=True))
    with django_assert_num_queries(1):
        assert len(steps_of(ids)) == rows
    with django_assert_num_queries(0):
        assert attempt_details([]) == []
        assert steps_of([]) == {}


def test_every_attempt_has_exactly_one_of_the_statuses_asked_for() -> None:
    told = [None, "pending", "in_progress", "success", "failed", "skipped", "cancelled"]
    store_attempts(*[{"status": status, "abandoned_at": at} for status in told for at in (None, NOON)])
    found = {
        name: [
            (detail.status, detail.is_abandoned) for detail in read_attempts(ActionAttempt.objects.filter(condition))
        ]
        for name, condition in STATUS_CONDITIONS.items()
    }
    assert sum(len(rows) for rows in found.values()) == 2 * len(told)
    assert found["in_progress"] == [("in_progress", False)] * 2
    assert sorted(found["abandoned"]) == [("in_progress", True)] * 2 + [("pending", True)]
    assert found["failed"] == [("failed", False)] * 2
