"""What may not run does not, and is on record with the reason."""

from typing import Any

import pytest

from actionlog_client.journal.entries import JournalFull
from actionlog_client.service import (
    ActionService,
    ActionSkipped,
    Retry,
)
from actionlog_client.service.tests.handlers import Execute
from actionlog_client.testing import InMemoryActionLogger


def test_what_cannot_run_is_skipped_with_its_reason_and_no_failure(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    ran = []

    @service.register("restart", checks=[lambda service: None if service == "web" else f"{service} is not ours"])
    def restart(service: str) -> None:
        ran.append(service)

    results = [
        execute("restart", {"service": "db"}, "inc_001"),
        execute("restart", {"colour": 1}, "inc_001"),
        execute("reboot", {"host": "a"}, "inc_001"),
    ]
    assert ran == []
    assert [(result.status, result.error_type) for result in results] == [
        ("skipped", "refused"),
        ("skipped", "invalid_parameters"),
        ("skipped", "unknown_action"),
    ]
    messages = [attempt["error_message"] for attempt in log.attempts]
    assert messages[0] == "db is not ours"
    assert "colour: unknown parameter" in messages[1]
    assert "service: missing" in messages[1]
    assert messages[2] == "There is no action 'reboot'. Registered are: restart."
    assert all("started_at" not in attempt for attempt in log.attempts)
    assert log.get_action_statistics()["success_rate"] is None
    for result in results:
        assert result.duration_seconds is None
        with pytest.raises(ActionSkipped):
            result.raise_for_status()


def test_checks_take_what_they_name_and_their_words_are_the_reason(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    seen: dict[str, Any] = {}

    def looks(host: str, action_type: str, incident_id: str, parameters: dict[str, Any], attempt: Any) -> bool:
        seen.update(host=host, action_type=action_type, incident_id=incident_id, parameters=parameters)
        return True

    async def says_no(host: str) -> bool:
        return host != "primary"

    def breaks(**everything: Any) -> None:
        if everything["host"] == "broken":
            raise RuntimeError("cannot be reached")

    service.register("restart", lambda host, n=1: host, checks=[looks, says_no, breaks])
    assert execute("restart", {"host": "replica"}, "inc_001").success
    assert seen == {
        "host": "replica",
        "action_type": "restart",
        "incident_id": "inc_001",
        "parameters": {"host": "replica", "n": 1},
    }
    assert execute("restart", {"host": "primary"}).error_message == "The check says_no refused."
    assert execute("restart", {"host": "broken"}).error_message == "The check breaks refused: cannot be reached"
    steps = [(step["step"], step["status"]) for step in log.attempts[1]["logs"]]
    assert steps == [("validation", "completed"), ("check looks", "completed"), ("check says_no", "refused")]


def test_checks_of_the_service_come_before_every_action(log: InMemoryActionLogger) -> None:
    service = ActionService(log, checks=[lambda action_type: None if action_type != "drop" else "never on a Friday"])
    service.register("drop", lambda: 1)
    service.register("look", lambda: 1)
    assert [service.execute(name).status for name in ("drop", "look")] == ["skipped", "success"]


def test_a_check_that_asks_for_what_the_action_does_not_have_is_refused_at_once(service: ActionService) -> None:
    with pytest.raises(TypeError, match="asks for colour"):
        service.register("restart", lambda service: service, checks=[lambda colour: True])


def test_an_action_that_cannot_be_logged_is_not_run(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    service.register("restart", lambda: pytest.fail("it ran"))
    log.full = True
    with pytest.raises(JournalFull):
        execute("restart")
    assert log.attempts == []


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": -1}, {"retries": -1}, {"retries": Retry(), "retry_on": (ValueError,)}],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_on_record(
    service: ActionService, log: InMemoryActionLogger, options: Any
) -> None:
    with pytest.raises(ValueError, match=r"timeout|retries|retry_on"):
        service.register("restart", lambda: 1, **options)
    service.register("restart", lambda: 1)
    if "retry_on" not in options:
        with pytest.raises(ValueError, match=r"timeout|retries"):
            service.execute("restart", **options)
    assert log.attempts == []


def test_a_fact_that_is_none_is_refused_before_anything_is_on_record(
    service: ActionService, log: InMemoryActionLogger
) -> None:
    for fact in ("colour", "retry_of"):  # of one attempt, not of an action
        told: dict[str, Any] = {fact: "x"}
        with pytest.raises(TypeError, match=fact):
            service.register("restart", lambda: 1, **told)
    service.register("restart", lambda: 1)
    for fact in ("colour", "attempt_id"):
        facts: dict[str, Any] = {fact: "x"}
        with pytest.raises(TypeError, match=fact):
            service.execute("restart", **facts)
    assert log.attempts == []
