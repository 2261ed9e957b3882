"""Which differences between sent and read are noticed, and which are allowed."""

from decimal import Decimal
from typing import Any

import pytest

from benchmarks.verification import attempt_differences, resolution_differences

MARK = "[redacted:0123456789abcdef]"


def found(sent: Any, read: Any) -> list[str]:
    return list(attempt_differences({"result": sent, "logs": []}, {"result": read, "logs": []}))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a\0b", "a\ufffdb"),
        ({"k\0": 1}, {"k\ufffd": 1}),
        ("hunter2", MARK),
        ({"a": 1}, MARK),
        ("curl -u me:pw https://x y", f"curl -u {MARK} https://x y"),
        ("a=1 b=2", f"a={MARK} b={MARK}"),
        (Decimal("1e23"), 10**23),
        (Decimal("2.50"), Decimal("2.5")),
        (Decimal("-0.0"), 0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_what_the_design_says_is_stored_otherwise_is_no_difference(sent: Any, read: Any) -> None:
    assert found(sent, read) == []


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a", "b"),
        ("a", None),
        ("1", 1),
        (1, True),
        (0, False),
        (Decimal("0.1"), Decimal("0.10000000000000001")),
        ({"a": 1}, {}),
        ({}, {"a": 1}),
        ([1, 2], [2, 1]),
        ([1], [1, 2]),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}),
        ("start secret end", f"start {MARK} fin"),
        ("a b", f"a b{MARK}c"),
        ("ab", f"ab{MARK}b"),
        ("text", "[redacted:not-a-mark]"),
    ],
)
def test_any_other_is_noticed(sent: Any, read: Any) -> None:
    assert found(sent, read)


def test_times_are_compared_as_moments() -> None:
    sent = {"started_at": "2026-03-01T10:00:00Z", "logs": [{"sequence": 0, "timestamp": "2026-03-01T10:00:01.500000Z"}]}
    same = {"started_at": "2026-03-01T12:00:00+02:00", "logs": [{"sequence": 0, "timestamp": "2026-03-01T10:00:01.5Z"}]}
    assert list(attempt_differences(sent, same)) == []
    assert len(list(attempt_differences(sent, {"started_at": None, "logs": [{"sequence": 0}]}))) == 2


def test_missing_and_surplus_steps_are_noticed() -> None:
    sent = {"logs": [{"sequence": 0, "step": "a"}]}
    assert list(attempt_differences(sent, {"logs": []}))
    assert list(attempt_differences(sent, {"logs": [{"sequence": 0, "step": "a"}, {"sequence": 1}]}))


def test_a_fact_nobody_told_is_noticed_but_a_default_is_not() -> None:
    shown = {"logs": [], "parameters": {}, "critical": False, "result": None, "execution_time_seconds": 1.5}
    assert list(attempt_differences({"logs": []}, shown)) == []
    assert list(attempt_differences({"logs": []}, shown | {"error_message": "x"})) == [
        "error_message: sent None, read 'x'"
    ]


def test_a_resolution_that_was_never_closed_is_in_progress() -> None:
    assert list(resolution_differences({"incident_id": "i"}, {"incident_id": "i", "status": "in_progress"})) == []
    assert list(resolution_differences({"incident_id": "i"}, {"incident_id": "i", "status": "resolved"}))
