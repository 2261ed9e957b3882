"""The server works out the same from the attempts as the engine told in its summary."""

import uuid
from typing import Any

import msgspec
import pytest

from actionlog_client.decision import Policy
from actionlog_client.decision.tests.plans import INCIDENT, Run
from actionlog_client.testing import InMemoryActionLogger
from resolutions.queries import resolution_detail
from resolutions.tests.recorded import record


@pytest.mark.django_db
@pytest.mark.parametrize(
    "plan",
    [
        ["good", "flaky", "good"],
        ["good", "bad", "good"],
        ["refused", "good"],
        ["nowhere"],
        [],
        [{"action_type": "good", "action_id": "same"}, {"action_type": "bad", "action_id": "same"}],
    ],
)
def test_the_server_counts_as_the_engine_does(log: InMemoryActionLogger, run: Run, plan: list[Any]) -> None:
    summary = run(INCIDENT, plan)
    record(log.attempts, log.resolutions)
    detail = msgspec.to_builtins(resolution_detail(uuid.UUID(summary["resolution_id"])), enc_hook=bytes)
    assert detail["status"] == summary["status"]
    assert detail["summary_differences"] == []
    assert detail["computed_summary"] == {name: summary[name] for name in detail["computed_summary"]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("plan", "over"),
    [
        (["bad", "good", "good"], [False, False, True]),
        (["good", "good"], [False, False, False]),
        (["good"], [True]),
        (["flaky", {"action_type": "good", "retry_of": 0}], [False, False, False, True]),
        ([], [False]),
    ],
)
def test_an_engine_that_asks_whether_the_incident_is_over_and_the_server_do_not_disagree(
    log: InMemoryActionLogger, run: Run, plan: list[Any], over: list[bool]
) -> None:
    answers = iter(over)
    summary = run(INCIDENT, plan, policy=Policy(until=lambda situation: next(answers)))
    assert list(answers) == []
    assert summary["overall_success"] is over[-1]
    record(log.attempts, log.resolutions)
    detail = msgspec.to_builtins(resolution_detail(uuid.UUID(summary["resolution_id"])), enc_hook=bytes)
    assert detail["status"] == summary["status"] == ("resolved" if over[-1] else "escalated")
    assert detail["summary_differences"] == []
    counts = {name: count for name, count in detail["computed_summary"].items() if name != "overall_success"}
    assert counts == {name: summary[name] for name in counts}
