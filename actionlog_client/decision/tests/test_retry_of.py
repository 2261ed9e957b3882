"""A recommendation may try an earlier one again: with other parameters, or after another has helped."""

import threading
import uuid
from typing import Any

import pytest

from actionlog_client.decision import DecisionEngine, Policy
from actionlog_client.decision.tests.plans import INCIDENT, Run, reasons, told
from actionlog_client.testing import InMemoryActionLogger

GOING_ON = Policy(stop_on_failure=False)


@pytest.fixture(autouse=True)
def restart(engine: DecisionEngine) -> None:
    engine.service.register("restart", lambda force=False: {"success": force})


@pytest.mark.parametrize("retry_of", [1, "a-1", "restart"])
def test_it_is_told_by_place_or_by_name_and_has_the_others_action_id(
    log: InMemoryActionLogger, run: Run, retry_of: Any
) -> None:
    plan = [
        "good",
        {"action_type": "restart", "action_id": "a-1"},
        {"action_type": "restart", "parameters": {"force": True}, "retry_of": retry_of},
    ]
    summary = run(INCIDENT, plan)
    assert told(log) == [("good", "success"), ("a-1", "failed"), ("a-1", "success")]
    assert log.attempts[2]["retry_of"] == log.attempts[1]["attempt_id"]
    assert (summary["status"], summary["overall_success"]) == ("resolved", True)
    assert log.resolutions[0]["recommended_actions"][2]["retry_of"] == 1


def test_it_is_linked_while_it_is_only_planned(log: InMemoryActionLogger, engine: DecisionEngine) -> None:
    seen: list[dict[str, Any]] = []
    engine.service.register("look", lambda: seen.extend(log.attempts))
    engine.execute_automated_actions(INCIDENT, ["look", {"action_type": "good", "retry_of": "look"}])
    assert [(attempt["status"], attempt.get("retry_of")) for attempt in seen] == [
        ("in_progress", None),
        ("pending", seen[0]["attempt_id"]),
    ]


def test_it_may_be_the_id_of_an_attempt_of_before(log: InMemoryActionLogger, run: Run) -> None:
    first = run(INCIDENT, ["restart"])["timeline"][0]["attempt_id"]
    again = {"action_type": "restart", "action_id": "again", "parameters": {"force": True}}
    run(INCIDENT, [again | {"retry_of": first}, again | {"retry_of": uuid.UUID(first)}])
    assert told(log)[1:] == [("again", "success")] * 2
    assert {attempt["retry_of"] for attempt in log.attempts[1:]} == {first}


def test_what_did_not_fail_is_not_tried_again(log: InMemoryActionLogger, run: Run) -> None:
    plan = ["good", {"action_type": "good", "retry_of": 0}, "refused", {"action_type": "refused", "retry_of": 2}]
    summary = run(INCIDENT, plan, policy=GOING_ON)
    assert [status for _, status in told(log)] == ["success", "skipped", "skipped", "skipped"]
    assert reasons(log)[1] == "Not run: good came to success, and needs no other try."
    assert reasons(log)[3] == "Not run: refused was not run, so it cannot be tried again."
    assert summary["overall_success"] is True
    assert run(INCIDENT, plan[:2])["status"] == "resolved"


def test_a_plan_that_stops_on_failure_still_runs_the_retries_of_what_failed_and_goes_on_if_one_helps(
    log: InMemoryActionLogger, run: Run
) -> None:
    forced = {"action_type": "restart", "parameters": {"force": True}, "retry_of": 0}
    run(INCIDENT, ["restart", "good", forced, "good"])
    assert told(log) == [("restart", "failed"), ("good_2", "skipped"), ("restart", "success"), ("good_4", "success")]
    log.clear()
    summary = run(INCIDENT, ["restart", {"action_type": "restart", "retry_of": 0}, forced | {"retry_of": 1}])
    assert told(log) == [("restart", "failed"), ("restart", "failed"), ("restart", "success")]
    assert log.attempts[2]["retry_of"] == log.attempts[1]["attempt_id"]
    assert summary["status"] == "resolved"


def test_one_that_may_still_be_running_is_not_tried_again(
    log: InMemoryActionLogger, engine: DecisionEngine, run: Run
) -> None:
    ending = threading.Event()
    engine.service.register("hang", lambda: ending.wait(10), timeout=0.01)
    try:
        run(INCIDENT, ["hang", {"action_type": "hang", "retry_of": 0}], policy=GOING_ON)
    finally:
        ending.set()
    assert [status for _, status in told(log)] == ["failed", "skipped"]
    assert reasons(log)[1] == "Not run: hang may still be running, and is not tried again beside that."


@pytest.mark.parametrize("retry_of", [1, -1, 7, True, "nothing", object(), [0]])
def test_one_that_names_nothing_earlier_is_on_record_as_such(
    log: InMemoryActionLogger, run: Run, retry_of: Any
) -> None:
    run(INCIDENT, ["good", {"action_type": "restart", "retry_of": retry_of}])
    assert [status for _, status in told(log)] == ["success", "skipped"]
    assert log.attempts[1]["error_type"] == "invalid_parameters"
    assert "action_id or action_type" in str(reasons(log)[1])
