"""How an action ends is on record, and the caller gets the same."""

import asyncio
import threading
import time
from typing import Any, assert_type

import pytest

from actionlog_client.attempt import ActionAttempt, current_attempt
from actionlog_client.service import (
    ActionCancelled,
    ActionFailed,
    ActionService,
    ActionSkipped,
    Retry,
    progress,
)
from actionlog_client.service.progress import SECONDS_BETWEEN
from actionlog_client.service.tests.handlers import Execute, kinds, statuses
from actionlog_client.testing import InMemoryActionLogger

QUICK = Retry(attempts=2, first_pause=0.001)


@kinds
def test_a_handler_gets_typed_parameters_and_what_it_returns_is_the_result(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, kind: Any
) -> None:
    def restart(service: str, timeout: int = 30, *, force: bool = False) -> dict[str, Any]:
        return {"service": service, "timeout": timeout, "force": force}

    service.register("restart", kind(restart), critical=True)
    result = execute("restart", {"service": "web", "force": "true"}, "inc_001", target="host-1", reason="it hangs")
    assert result.success
    assert result.result == {"service": "web", "timeout": 30, "force": True}
    assert result.parameters == {"service": "web", "force": "true"}
    assert result.duration_seconds is not None
    (told,) = log.attempts
    assert told["attempt_id"] == result.attempt_id
    assert (told["status"], told["incident_id"], told["target"], told["critical"]) == (
        "success",
        "inc_001",
        "host-1",
        True,
    )
    assert told["parameters"] == {"service": "web", "force": "true"}
    assert told["result"] == result.result
    assert [(step["step"], step["status"]) for step in told["logs"]] == [
        ("validation", "completed"),
        ("execution", "started"),
    ]
    assert told["logs"][0]["details"] == {"coerced": {"force": True}, "defaults": {"timeout": 30}}


@kinds
def test_an_exception_is_a_failure_with_type_message_and_the_handlers_traceback(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, kind: Any
) -> None:
    def restart() -> None:
        raise ConnectionRefusedError("port 5432 is closed")

    service.register("restart", kind(restart))
    result = execute("restart", incident_id="inc_001")
    assert (result.status, result.error_type, result.error_message) == (
        "failed",
        "ConnectionRefusedError",
        "port 5432 is closed",
    )
    assert isinstance(result.cause, ConnectionRefusedError)
    (told,) = log.attempts
    assert told["error_details"]["exception"] == "ConnectionRefusedError"
    trace = told["error_details"]["traceback"]
    assert "in restart" in trace
    assert "execution.py" not in trace
    assert "running.py" not in trace
    with pytest.raises(ActionFailed, match="port 5432"):
        result.raise_for_status()


@pytest.mark.parametrize(
    ("told", "message", "error_type"),
    [
        ({"success": False}, "The handler reported that it did not succeed.", "reported_failure"),
        ({"success": False, "error": "no disk"}, "no disk", "reported_failure"),
        ({"success": False, "message": "no", "error_type": "disk_full"}, "no", "disk_full"),
    ],
)
def test_a_handler_can_report_its_failure_by_what_it_returns(
    service: ActionService, log: InMemoryActionLogger, told: Any, message: str, error_type: str
) -> None:
    service.register("report", lambda: told)
    result = service.execute("report")
    assert (result.status, result.error_message, result.error_type) == ("failed", message, error_type)
    assert result.result == told
    assert log.attempts[0]["error_details"] == told


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (ActionFailed("no", {"disk": 1}), "failed", "ActionFailed"),
        (ActionFailed("no", error_type="disk_full"), "failed", "disk_full"),
        (ActionSkipped("no"), "skipped", "refused"),
        (ActionCancelled("no"), "cancelled", None),
        (TimeoutError("no"), "failed", "timeout"),
    ],
)
def test_a_handler_can_end_as_it_means_to(
    service: ActionService, log: InMemoryActionLogger, error: Exception, status: str, error_type: str | None
) -> None:
    def end() -> None:
        raise error

    service.register("end", end)
    result = service.execute("end")
    assert (result.status, result.error_type, result.error_message) == (status, error_type, "no")
    assert statuses(log) == [status]


def test_an_outcome_that_the_handler_told_itself_stays(service: ActionService, log: InMemoryActionLogger) -> None:
    @service.register("own")
    def own(attempt: ActionAttempt) -> str:
        assert current_attempt() is attempt
        attempt.log_step("look", "completed")
        attempt.mark_failure("worse than it looks")
        return "fine"

    result = service.execute("own")
    assert (result.status, result.error_message, result.result) == ("failed", "worse than it looks", "fine")
    assert "look" in [step["step"] for step in log.steps()]


def test_a_plain_handler_without_timeout_runs_in_the_callers_thread_and_never_in_the_loops(
    service: ActionService,
) -> None:
    service.register("where", lambda: threading.get_ident())
    assert service.execute("where").result == threading.get_ident()
    assert asyncio.run(service.execute_async("where")).result != threading.get_ident()


async def test_the_loop_goes_on_while_a_plain_handler_or_check_blocks(service: ActionService) -> None:
    ticks = 0

    def block() -> None:
        """Until the loop has gone on for a while, which it cannot if it waits for this."""
        seen, deadline = ticks, time.monotonic() + 60
        while ticks < seen + 10:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    service.register("block", block, checks=[block])
    ticking = asyncio.create_task(tick())
    assert (await service.execute_async("block")).success
    ticking.cancel()


def test_attempts_belong_to_the_resolution_they_were_asked_for_in(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    service.register("fail", lambda: {"success": False}, retries=QUICK)
    with log.resolution("inc_007", incident_type="saturation") as resolution:
        execute("fail")
    assert {(told["incident_id"], told["resolution_id"]) for told in log.attempts} == {
        ("inc_007", resolution.resolution_id)
    }
    assert log.resolutions[0]["summary"]["actions_failed"] == 3


def test_progress_is_told_but_not_faster_than_it_can_be_read(service: ActionService, log: InMemoryActionLogger) -> None:
    @service.register("copy")
    def copy() -> tuple[list[bool], float]:
        odd: Any = "odd"
        began = time.monotonic()
        told = [progress(n / 1000, f"file {n}") for n in range(1001)]
        return [*told, progress(1), progress(odd), progress(float("nan"))], time.monotonic() - began

    told, took = service.execute("copy").result
    assert (told[0], told[1000], told[1001:]) == (True, True, [False, False, False])
    steps = [step for step in log.steps() if step["step"] == "progress"]
    assert len(steps) == sum(told) <= 2 + took / SECONDS_BETWEEN
    assert steps[0]["details"] == {"fraction": 0.0, "message": "file 0"}
    assert steps[-1]["details"] == {"fraction": 1.0, "message": "file 1000"}
    assert progress(0.5) is False


def test_a_decorated_handler_stays_the_function_it_was(service: ActionService, log: InMemoryActionLogger) -> None:
    @service.register("double")
    def double(n: int) -> int:
        return 2 * n

    assert_type(double(4), int)
    assert double(4) == 8
    assert log.attempts == []
    assert service.action_types == ["double"]
    with pytest.raises(ValueError, match="registered already"):
        service.register("double", double)


def test_many_threads_may_execute_at_once(service: ActionService, log: InMemoryActionLogger) -> None:
    service.register("work", lambda n: n, timeout=30)
    results: list[int] = []

    def work(start: int) -> None:
        results.extend(service.execute("work", {"n": n}).result for n in range(start, start + 25))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(200))
    assert statuses(log) == ["success"] * 200
