"""Policy.until: a plan of alternatives ends when the incident is over."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actionlog_client.decision import DecisionEngine, Policy, Situation
from actionlog_client.decision.tests.plans import INCIDENT, Run, reasons, told
from actionlog_client.service import CancellationToken, Retry
from actionlog_client.testing import InMemoryActionLogger

Until = Callable[[Situation], Any]


class Monitor:
    """Answers in turn, and keeps what it was told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.situations: list[Situation] = []

    def __call__(self, situation: Situation) -> Any:
        self.situations.append(situation)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture(params=["plain", "async"])
def spoken(request: pytest.FixtureRequest) -> Callable[[Monitor], Until]:
    """The monitor as a plain function, and as an async one."""

    async def ask(monitor: Monitor, situation: Situation) -> Any:
        await asyncio.sleep(0)
        return monitor(situation)

    return lambda monitor: monitor if request.param == "plain" else lambda situation: ask(monitor, situation)


def test_what_is_left_when_the_incident_is_over_is_not_run_and_what_failed_does_not_count(
    log: InMemoryActionLogger, run: Run, spoken: Callable[[Monitor], Until]
) -> None:
    monitor = Monitor(False, False, (True, "the pool answers."))
    summary = run(INCIDENT, ["bad", "good", "flaky", "refused"], policy=Policy(until=spoken(monitor)))
    assert told(log) == [("bad", "failed"), ("good", "success"), ("flaky", "skipped"), ("refused", "skipped")]
    assert reasons(log)[2:] == ["Not run: the incident is over: the pool answers."] * 2
    assert {attempt["error_type"] for attempt in log.attempts[2:]} == {"not_needed"}
    expected = {
        "status": "resolved",
        "overall_success": True,
        "overall_success_means": "incident_over",
        "actions_attempted": 2,
        "actions_successful": 1,
        "actions_failed": 1,
        "actions_skipped": 2,
        "stopped_because": "the incident is over: the pool answers",
    }
    assert {name: summary[name] for name in expected} == expected
    assert log.resolutions[0]["status"] == "resolved"
    assert log.resolutions[0]["summary"]["overall_success_means"] == "incident_over"


def test_it_is_asked_before_the_first_action_and_after_each_that_ran(log: InMemoryActionLogger, run: Run) -> None:
    monitor = Monitor(False, False, False, False)
    run(INCIDENT, ["bad", "refused", "good", {"parameters": 1}, "bad"], policy=Policy(until=monitor))
    seen = [[result.status for result in situation.results] for situation in monitor.situations]
    assert seen == [
        [],
        ["failed"],
        ["failed", "skipped", "success"],
        ["failed", "skipped", "success", "skipped", "failed"],
    ]
    lasts = [situation.last and situation.last.action_id for situation in monitor.situations]
    assert lasts == [None, "bad_1", "good", "bad_5"]
    assert {situation.resolution_id for situation in monitor.situations} == {log.resolutions[0]["resolution_id"]}
    assert monitor.situations[0].incident is INCIDENT


def test_where_the_incident_is_over_before_anything_ran_nothing_is_run(log: InMemoryActionLogger, run: Run) -> None:
    summary = run(INCIDENT, ["good"], policy=Policy(until=Monitor(True)))
    assert told(log) == [("good", "skipped")]
    assert (summary["status"], summary["actions_attempted"], summary["overall_success"]) == ("resolved", 0, True)


def test_an_incident_that_is_not_over_in_the_end_is_escalated_with_what_was_said_last(
    log: InMemoryActionLogger, run: Run
) -> None:
    policy = Policy(until=Monitor(False, (False, "it hangs"), (False, "the pool is full")))
    summary = run(INCIDENT, ["good", "bad"], policy=policy)
    assert [status for _, status in told(log)] == ["success", "failed"]
    assert (summary["status"], summary["overall_success"]) == ("escalated", False)
    assert summary["escalation_reason"] == "The incident is not over: the pool is full."


def test_a_failed_action_is_not_tried_again_once_the_incident_is_over(log: InMemoryActionLogger, run: Run) -> None:
    retries = Retry(attempts=2, first_pause=0)
    summary = run(INCIDENT, ["bad", "good"], policy=Policy(until=Monitor(False, False, True), retries=retries))
    assert told(log) == [("bad", "failed"), ("good", "skipped"), ("bad", "failed")]
    assert summary["status"] == "resolved"


def test_what_it_raises_or_answers_in_vain_counts_as_not_over_and_is_told(
    log: InMemoryActionLogger, run: Run, spoken: Callable[[Monitor], Until]
) -> None:
    monitor = Monitor(ConnectionError("no monitor"), "still full", ConnectionError("gone with 987654"))
    action = {"action_type": "unlock", "parameters": {"pin": 987654}}
    summary = run(INCIDENT, [action, "good"], policy=Policy(until=spoken(monitor)))
    assert [status for _, status in told(log)] == ["success", "success"]
    assert (summary["status"], summary["overall_success"]) == ("escalated", False)
    assert summary["until_raised"]["times"] == 3
    assert summary["until_raised"]["last"]["type"] == "ConnectionError"
    assert summary["until_raised"]["last"]["message"].startswith("gone with ")
    assert "987654" not in json.dumps([log.resolutions, summary])


def test_a_text_alone_is_no_answer_since_it_might_mean_either(run: Run) -> None:
    summary = run(INCIDENT, [], policy=Policy(until=Monitor("still full")))
    assert "True or False" in summary["until_raised"]["last"]["message"]
    assert summary["overall_success"] is False


def test_after_a_failure_it_goes_on_unless_told_otherwise_or_the_action_was_critical(
    log: InMemoryActionLogger, run: Run
) -> None:
    run(INCIDENT, ["bad", "good"], policy=Policy(until=Monitor(False, False), stop_on_failure=True))
    run(INCIDENT, [{"action_type": "bad", "critical": True}, "good"], policy=Policy(until=Monitor(False, False)))
    assert told(log) == [("bad", "failed"), ("good", "skipped")] * 2
    assert {resolution["status"] for resolution in log.resolutions} == {"escalated"}


def test_an_action_that_solved_it_in_failing_critically_resolves_it(log: InMemoryActionLogger, run: Run) -> None:
    action = {"action_type": "bad", "critical": True}
    assert run(INCIDENT, [action, "good"], policy=Policy(until=Monitor(False, True)))["status"] == "resolved"
    assert reasons(log)[1] == "Not run: the incident is over."


def test_doubt_about_an_alternative_does_not_escalate_what_another_one_resolved(
    log: InMemoryActionLogger, run: Run
) -> None:
    doubtful = {"action_type": "good", "confidence": 0.1}
    over = run(
        INCIDENT, [doubtful, "bad"], confidence=0.9, policy=Policy(least_confidence=0.6, until=Monitor(False, True))
    )
    assert over["status"] == "resolved"
    going_on = run(INCIDENT, [doubtful], policy=Policy(least_confidence=0.6, until=Monitor(False)))
    assert going_on["escalation_reason"] == "good: The confidence 0.1 is below 0.6."


def test_a_cancelled_plan_is_resolved_if_the_incident_is_over_by_then(
    log: InMemoryActionLogger, engine: DecisionEngine, run: Run
) -> None:
    for over in (True, False):
        token = CancellationToken()
        engine.service.register(f"stop_{over}", lambda token=token: token.cancel("an operator took over"))
        summary = run(INCIDENT, [f"stop_{over}", "good"], token=token, policy=Policy(until=Monitor(False, over)))
        assert summary["status"] == ("resolved" if over else "escalated")
    assert reasons(log)[3] == "Not run: the plan was cancelled: an operator took over."


def test_an_interrupt_while_it_is_asked_leaves_nothing_pending(
    log: InMemoryActionLogger, engine: DecisionEngine
) -> None:
    with pytest.raises(KeyboardInterrupt):
        engine.execute_automated_actions(
            INCIDENT, ["good", "bad"], policy=Policy(until=Monitor(False, KeyboardInterrupt()))
        )
    assert told(log) == [("good", "success"), ("bad", "skipped")]
    assert log.resolutions[0]["status"] == "failed"


async def test_a_plain_one_does_not_hold_the_event_loop(engine: DecisionEngine) -> None:
    threads = []
    policy = Policy(until=lambda situation: threads.append(threading.current_thread()))
    await engine.execute_automated_actions_async(INCIDENT, ["good"], policy=policy)
    assert len(threads) == 2
    assert threading.main_thread() not in threads


def test_the_root_cause_is_that_of_what_helped_and_symptoms_are_kept(log: InMemoryActionLogger, run: Run) -> None:
    plan = [
        {"action_type": "bad", "root_cause": "a leak"},
        {"action_type": "flaky", "root_cause": "a lock"},
        {"action_type": "good", "root_cause": "a full disk"},
    ]
    incident = INCIDENT | {"symptoms": [{"used_bytes": 7}]}
    summary = run(incident, plan, policy=Policy(until=Monitor(*[False] * 5, True)))
    assert summary["status"] == "resolved"
    assert summary["root_cause"] == log.resolutions[0]["root_cause"] == "a lock; a full disk"
    assert log.resolutions[0]["summary"]["symptoms"] == [{"used_bytes": 7}]
    assert log.resolutions[0]["recommended_actions"][1]["root_cause"] == "a lock"
    assert run(incident, plan, policy=Policy(until=Monitor(*[False] * 4)))["root_cause"] is None


def test_one_that_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="until"):
        Policy(until=True)  # type: ignore[arg-type]
