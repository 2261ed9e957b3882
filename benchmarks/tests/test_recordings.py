"""Which calls a recording turns into. No server."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.recordings import Call, RecordingError, Session, read_lines
from benchmarks.tests.recorded import ODD_ACTIONS, ODD_SESSIONS, ORDINARY, overlapping, write


def sessions(path: Path) -> list[Session]:
    return [line.session() for line in read_lines(path)]


def only(tmp_path: Path, told: dict[str, Any]) -> Session:
    [session] = sessions(write(tmp_path / "one.jsonl", [told]))
    return session


def of_action(tmp_path: Path, **told: Any) -> dict[str, Any]:
    session = only(tmp_path, {"incident_id": "i", "actions": [{"action_id": "a", "action_type": "x", **told}]})
    return session.attempts[0]


def kind(call: Call) -> str:
    told = json.loads(call.body)
    if "resolution-attempts" in call.path:
        return "close" if call.path.endswith("/complete/") else "open"
    if call.path.endswith("/logs/"):
        return f"step {told['logs'][0]['step']}"
    return "complete" if call.path.endswith("/complete/") else f"start {told['action_id']}"


def test_a_session_is_opened_told_and_closed_in_order(tmp_path: Path) -> None:
    calls = only(tmp_path, ORDINARY).calls
    assert [kind(call) for call in calls] == [
        "open",
        "start a001",
        "step execute",
        "step done",
        "complete",
        "start a002",
        "complete",
        "close",
    ]


def test_actions_that_overlapped_overlap_again(tmp_path: Path) -> None:
    calls = only(tmp_path, overlapping()).calls
    assert [kind(call) for call in calls] == [
        "open",
        "start long",
        "step long",
        "start short",
        "step short",
        "step short",
        "complete",
        "step long",
        "complete",
        "close",
    ]


def test_an_attempt_starts_in_progress_and_is_told_its_outcome_last(tmp_path: Path) -> None:
    calls = only(tmp_path, ORDINARY).calls
    start, completion = json.loads(calls[1].body), json.loads(calls[4].body)
    assert start["status"] == "in_progress"
    assert start["incident_type"] == "high_latency"
    assert completion == {
        "status": "success",
        "completed_at": "2026-03-01T10:00:02Z",
        "result": "NAME READY\npod-1 1/1",
    }


def test_every_action_begins_before_anything_else_is_told_of_it(tmp_path: Path) -> None:
    for session in sessions(write(tmp_path / "odd.jsonl", ODD_SESSIONS)):
        begun: set[str | None] = {None}
        for call in session.calls:
            if call.starts:
                begun.add(call.attempt_id)
            assert call.attempt_id in begun
        assert len(begun) == len(session.attempts) + 1


def test_ids_are_the_same_each_time_and_in_each_file_but_differ_where_the_recording_repeats_itself(
    tmp_path: Path,
) -> None:
    told = [ORDINARY, ORDINARY, *ODD_SESSIONS]
    plain = sessions(write(tmp_path / "plain.jsonl", told))
    zipped = sessions(write(tmp_path / "zipped.jsonl.gz", told))
    longer = sessions(write(tmp_path / "longer.jsonl", [overlapping(), *told]))
    assert plain == zipped == longer[1:]
    ids = [session.resolution["resolution_id"] for session in plain]
    ids += [attempt["attempt_id"] for session in plain for attempt in session.attempts]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("success", "status"), [(True, "resolved"), (False, "failed"), (None, None), ("yes", None), (1, None)]
)
def test_success_is_the_outcome_only_when_it_is_true_or_false(tmp_path: Path, success: Any, status: str | None) -> None:
    session = only(tmp_path, {"incident_id": "i", "success": success})
    assert session.resolution.get("status") == status
    kept = session.resolution.get("extra")
    assert kept == ({"success": success} if success in ("yes", 1) and not isinstance(success, bool) else None)


def test_unknown_keys_go_into_extra_beside_the_recordings_own(tmp_path: Path) -> None:
    attempt = of_action(tmp_path, cost=2, extra={"cost": 1, "a": "b"})
    assert attempt["extra"] == {"cost": 1, "a": "b", "_cost": 2}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("parameters", "text"),
        ("parameters", [1]),
        ("error_message", {"code": 7}),
        ("started_at", "yesterday"),
        ("started_at", "0001-01-01T00:00:00Z"),
        ("completed_at", 1700000000),
        ("confidence", 85),
        ("ai_confidence", "high"),
        ("critical", "yes"),
        ("status", "no_data"),
        ("incident_type", "t" * 256),
        ("logs", "text"),
    ],
)
def test_a_value_its_field_cannot_hold_goes_into_extra(tmp_path: Path, key: str, value: Any) -> None:
    assert of_action(tmp_path, **{key: value})["extra"] == {key: value}


@pytest.mark.parametrize(
    ("entry", "step"),
    [
        ("text", {"details": "text"}),
        (None, {}),
        ({}, {}),
        ({"details": None}, {}),
        ({"details": False}, {"details": False}),
        ({"step": "s", "details": {"a": 1}, "tool": "t"}, {"step": "s", "details": {"a": 1, "tool": "t"}}),
        ({"step": "s", "details": "d", "tool": "t"}, {"step": "s", "details": {"details": "d", "tool": "t"}}),
        ({"step": 5, "timestamp": "soon"}, {"details": {"step": 5, "timestamp": "soon"}}),
    ],
)
def test_a_step_keeps_everything_in_its_details(tmp_path: Path, entry: Any, step: dict[str, Any]) -> None:
    assert of_action(tmp_path, logs=[entry])["logs"] == [{"sequence": 0, **step}]


def test_names_and_ids_that_cannot_be_identities_are_made_up_and_kept_in_extra(tmp_path: Path) -> None:
    session = only(tmp_path, {"incident_id": "", "actions": [{"action_id": "i" * 300}, {"action_id": "nul\0"}, {}]})
    assert session.resolution["incident_id"].startswith("unnamed-")
    assert [attempt["action_id"] for attempt in session.attempts] == ["action-001", "nul\ufffd", "action-003"]
    assert session.attempts[0]["extra"] == {"action_id": "i" * 300}
    assert session.attempts[1]["extra"] == {"action_id": "nul\0"}


def test_every_body_is_json_that_other_parsers_take(tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    told = {"incident_id": "i", "actions": [*ODD_ACTIONS, {"action_id": "nan", "parameters": {"x": float("nan")}}]}
    for call in only(tmp_path, told).calls:
        json.loads(call.body.decode("utf-8", "strict"), parse_constant=refuse)


@pytest.mark.parametrize("line", [b"not json", b"[1]", b'{"a": ', b'"\xff"', b"[" * 100_000])
def test_a_line_that_is_no_session_is_told_by_file_and_number(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b'{"incident_id": "good"}\n\n' + line + b"\n")
    first, second = read_lines(path)
    assert first.session().resolution["incident_id"] == "good"
    with pytest.raises(RecordingError, match=r"broken\.jsonl, line 3: not"):
        second.session()
