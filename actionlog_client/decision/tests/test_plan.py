"""DecisionEngine: the plan is on record before it runs; what came of it is the summary."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from actionlog_client.decision import DecisionEngine, Policy
from actionlog_client.decision.tests.plans import INCIDENT, Run, told
from actionlog_client.journal.entries import JournalFull, Weight
from actionlog_client.service import CancellationToken
from actionlog_client.testing import InMemoryActionLogger


def test_the_plan_is_on_record_before_its_first_action_runs(log: InMemoryActionLogger, engine: DecisionEngine) -> None:
    seen: list[tuple[str, str]] = []
    engine.service.register("look", lambda: seen.extend(told(log)))
    engine.execute_automated_actions(INCIDENT, ["look", "good"])
    assert seen == [("look", "in_progress"), ("good", "pending")]


def test_what_the_engine_knows_is_told_with_the_resolution_and_each_attempt(
    log: InMemoryActionLogger, run: Run
) -> None:
    action = {
        "action_type": "good",
        "parameters": {"n": "3"},
        "action_id": "a-1",
        "reason": "it hangs",
        "confidence": 0.7,
        "target": "db-1",
        "critical": True,
        "expected_seconds": 5,
    }
    summary = run(INCIDENT | {"environment": "demo"}, [action, "unlock"], confidence=0.9)
    (resolution,) = log.resolutions
    first, second = log.attempts
    for name, value in (INCIDENT | {"environment": "demo", "confidence": 0.9}).items():
        assert resolution[name] == value
    for name, value in (action | {"environment": "demo", "incident_type": "saturation", "result": 3}).items():
        assert first[name] == value
    assert second["confidence"] == 0.9
    assert {attempt["resolution_id"] for attempt in log.attempts} == {resolution["resolution_id"]}
    assert resolution["recommended_actions"][0] == action
    assert summary["resolution_id"] == resolution["resolution_id"]
    assert summary["incident_id"] == "inc_001"


def test_incident_and_actions_may_be_names_or_objects(log: InMemoryActionLogger, run: Run) -> None:
    @dataclass
    class Incident:
        incident_id: str
        severity: str

    @dataclass
    class Action:
        action_type: str
        parameters: dict[str, Any]

    run("inc_001", ["good"])
    run(Incident("inc_002", "low"), [Action("good", {"n": 2})])
    assert [resolution["incident_id"] for resolution in log.resolutions] == ["inc_001", "inc_002"]
    assert log.resolutions[1]["severity"] == "low"
    assert log.attempts[1]["result"] == 2


def test_a_plan_that_succeeds_is_resolved_and_its_summary_is_stored_and_returned(
    log: InMemoryActionLogger, run: Run
) -> None:
    summary = run(INCIDENT, ["good", "flaky", "good"], confidence=0.8)
    assert told(log)[:3] == [("good_1", "success"), ("flaky", "failed"), ("good_3", "success")]
    expected = {
        "actions_attempted": 5,
        "actions_successful": 3,
        "actions_failed": 2,
        "actions_skipped": 0,
        "actions_cancelled": 0,
        "overall_success": True,
        "confidence": 0.8,
        "actions_planned": 3,
        "status": "resolved",
    }
    assert {name: summary[name] for name in expected} == expected
    assert [entry["action_id"] for entry in summary["timeline"]] == ["good_1", "flaky", "flaky", "flaky", "good_3"]
    (resolution,) = log.resolutions
    assert resolution["status"] == "resolved"
    assert {name: summary[name] for name in resolution["summary"]} == resolution["summary"]


def test_after_a_failure_the_rest_is_not_run(log: InMemoryActionLogger, run: Run) -> None:
    summary = run(INCIDENT, ["good", "bad", "flaky", "refused"])
    assert told(log) == [("good", "success"), ("bad", "failed"), ("flaky", "skipped"), ("refused", "skipped")]
    for attempt in log.attempts[2:]:
        assert attempt["error_message"] == "Not run: bad failed before."
        assert attempt["error_type"] == "not_run"
    assert (summary["status"], summary["overall_success"]) == ("failed", False)
    assert summary["stopped_because"] == "bad failed before"


def test_a_policy_may_go_on_after_a_failure_but_not_after_a_critical_one(log: InMemoryActionLogger, run: Run) -> None:
    policy = Policy(stop_on_failure=False)
    assert run(INCIDENT, ["bad", "good"], policy=policy)["status"] == "failed"
    run(INCIDENT, [{"action_type": "bad", "critical": True}, "good"], policy=policy)
    assert told(log) == [("bad", "failed"), ("good", "success"), ("bad", "failed"), ("good", "skipped")]


def test_an_action_that_is_refused_stops_the_plan_and_escalates_it(log: InMemoryActionLogger, run: Run) -> None:
    summary = run(INCIDENT, ["good", "refused", "good"])
    assert told(log) == [("good_1", "success"), ("refused", "skipped"), ("good_3", "skipped")]
    assert log.attempts[2]["error_message"] == "Not run: refused was not run before."
    assert summary["status"] == "escalated"


def test_what_the_engine_is_not_sure_enough_of_is_skipped_and_the_resolution_escalated(
    log: InMemoryActionLogger, run: Run
) -> None:
    actions = [{"action_type": "good", "confidence": 0.59}, {"action_type": "flaky", "confidence": 0.6}]
    summary = run(INCIDENT, actions, confidence=0.9, policy=Policy(least_confidence=0.6))
    assert [status for _, status in told(log)] == ["skipped", "failed", "failed", "success"]
    assert log.attempts[0]["error_message"] == "The confidence 0.59 is below 0.6."
    assert log.attempts[0]["error_type"] == "low_confidence"
    assert summary["status"] == "escalated"
    assert summary["escalation_reason"] == "good: The confidence 0.59 is below 0.6."


def test_the_decisions_confidence_is_that_of_its_actions_and_none_is_too_little(
    log: InMemoryActionLogger, run: Run
) -> None:
    policy = Policy(least_confidence=0.6)
    run(INCIDENT, ["good"], confidence=0.7, policy=policy)
    run(INCIDENT, ["good"], confidence=0.5, policy=policy)
    run(INCIDENT, ["good"], policy=policy)
    assert [status for _, status in told(log)] == ["success", "skipped", "skipped"]
    assert log.attempts[2]["error_message"] == "No confidence was told, and the policy asks for 0.6."


def test_a_policy_bounds_all_attempts_with_their_retries(log: InMemoryActionLogger, run: Run) -> None:
    summary = run(INCIDENT, ["good", "flaky", "good"], policy=Policy(most_attempts=3, stop_on_failure=False))
    assert [status for _, status in told(log)] == ["success", "failed", "skipped", "failed"]
    assert log.attempt("good_3")["error_message"] == "Not run: the policy allows 3 attempts."
    assert summary["actions_attempted"] == 3


def test_a_policys_retries_take_the_place_of_those_registered(log: InMemoryActionLogger, run: Run) -> None:
    run(INCIDENT, ["flaky"], policy=Policy(retries=0))
    assert told(log) == [("flaky", "failed")]


def test_unknown_actions_and_recommendations_that_are_none_are_on_record(log: InMemoryActionLogger, run: Run) -> None:
    actions = ["nowhere", {"parameters": {"n": 1}}, 7, {"action_type": "good", "parameters": [1]}]
    summary = run(INCIDENT, actions, policy=Policy(stop_on_failure=False))
    assert [attempt["error_type"] for attempt in log.attempts] == [
        "unknown_action",
        "invalid_parameters",
        "invalid_parameters",
        "invalid_parameters",
    ]
    assert log.attempts[1]["error_message"] == "The recommendation names no action_type."
    assert log.attempts[1]["parameters"] == {"recommended": {"parameters": {"n": 1}}}
    assert summary["status"] == "escalated"


def test_an_empty_plan_is_escalated(log: InMemoryActionLogger, run: Run) -> None:
    summary = run(INCIDENT, [])
    assert (summary["status"], summary["escalation_reason"]) == ("escalated", "No action was recommended.")


def test_an_interrupt_leaves_nothing_pending(log: InMemoryActionLogger, engine: DecisionEngine) -> None:
    with pytest.raises(KeyboardInterrupt):
        engine.execute_automated_actions(INCIDENT, ["good", "interrupt", "good"])
    assert [status for _, status in told(log)] == ["success", "cancelled", "skipped"]
    assert log.attempts[2]["error_message"] == "Not run: the engine was stopped by KeyboardInterrupt."
    assert log.resolutions[0]["status"] == "failed"


async def test_a_cancelled_task_leaves_nothing_pending(log: InMemoryActionLogger, engine: DecisionEngine) -> None:
    running = asyncio.Event()

    @engine.service.register("wait")
    async def wait() -> None:
        running.set()
        await asyncio.sleep(30)

    task = asyncio.create_task(engine.execute_automated_actions_async(INCIDENT, ["wait", "good"]))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told(log) == [("wait", "cancelled"), ("good", "skipped")]
    assert log.resolutions[0]["status"] == "failed"


def test_a_token_stops_the_rest_of_the_plan(log: InMemoryActionLogger, engine: DecisionEngine, run: Run) -> None:
    token = CancellationToken()
    engine.service.register("stop", lambda: token.cancel("an operator took over"))
    summary = run(INCIDENT, ["stop", "good"], token=token)
    assert told(log) == [("stop", "success"), ("good", "skipped")]
    assert log.attempts[1]["error_message"] == "Not run: the plan was cancelled: an operator took over."
    assert summary["status"] == "escalated"


def test_a_plan_that_cannot_be_logged_is_not_run_and_leaves_nothing_pending(
    log: InMemoryActionLogger, engine: DecisionEngine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = log.append
    starts = 0

    def append_until_full(*told: Any, weight: Weight, **more: Any) -> int:
        nonlocal starts
        starts += weight is Weight.START
        if starts > 2 and weight is Weight.START:  # the resolution, the first action, and then no more
            raise JournalFull("no room")
        return append(*told, weight=weight, **more)

    monkeypatch.setattr(log, "append", append_until_full)
    with pytest.raises(JournalFull):
        run(INCIDENT, ["good", "bad"])
    assert told(log) == [("good", "skipped")]
    assert log.resolutions[0]["status"] == "failed"


def test_secrets_are_in_no_part_of_what_is_told(log: InMemoryActionLogger, run: Run) -> None:
    action = {"action_type": "unlock", "parameters": {"pin": 987654}, "reason": "987654 was found", "target": "987654"}
    summary = run(INCIDENT, [action, {"action_type": "good", "parameters": {"n": 1, "m": "x"}}])
    assert [status for _, status in told(log)] == ["success", "skipped"]
    assert "987654" not in json.dumps([log.attempts, log.resolutions, summary])


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"most_attempts": 0}, "most_attempts"), ({"least_confidence": 1.5}, "least_confidence")],
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Policy(**wrong)
