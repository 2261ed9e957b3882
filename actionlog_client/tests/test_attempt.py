"""Attempts: what each call of an engine puts on record, and that none raises because of what it is given."""

import asyncio
import dataclasses
import decimal
import gc
import math
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actionlog_client import JournalFull, current_attempt
from actionlog_client.testing import FrozenClock, InMemoryActionLogger


@pytest.fixture
def action_logger() -> InMemoryActionLogger:
    return InMemoryActionLogger()


def test_the_calls_of_existing_engines_have_their_meaning() -> None:
    clock = FrozenClock()
    action_logger = InMemoryActionLogger(clock=clock)
    attempt = action_logger.start_action_attempt(
        action_id="restart_db_001",
        action_type="restart_database_connection",
        parameters={"database": "postgresql", "timeout": 30},
        incident_id="inc_001",
    )
    attempt.log_step("validation", "in_progress", {"checking": "connection_pool"})
    clock.advance(0.022)
    attempt.mark_success({"connection_pool_size": 10, "response_time": "22ms"})
    action_logger.complete_action_attempt(attempt)
    told = action_logger.attempt("restart_db_001")
    assert told["status"] == "success"
    assert told["result"] == {"connection_pool_size": 10, "response_time": "22ms"}
    assert told["execution_time_seconds"] == 0.022
    assert told["parameters"] == {"database": "postgresql", "timeout": 30}
    assert [(step["sequence"], step["step"], step["status"], step["details"]) for step in told["logs"]] == [
        (0, "validation", "in_progress", {"checking": "connection_pool"})
    ]
    assert action_logger.get_action_statistics(days_back=7)["success_rate"] == 1.0
    (found,) = action_logger.get_action_attempts_by_incident("inc_001")
    assert (found["action_type"], found["status"]) == ("restart_database_connection", "success")


def test_a_failure_keeps_its_message_and_details(action_logger: InMemoryActionLogger) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    attempt.mark_failure("Connection refused", {"error_code": "ECONNREFUSED"})
    told = action_logger.attempt("a")
    assert (told["status"], told["error_message"], told["error_details"]) == (
        "failed",
        "Connection refused",
        {"error_code": "ECONNREFUSED"},
    )


def test_an_exception_in_the_block_is_the_failure_and_is_raised_on(action_logger: InMemoryActionLogger) -> None:
    with pytest.raises(ZeroDivisionError), action_logger.start_action_attempt("a", "divide", {}, "inc"):
        _ = 1 / 0
    told = action_logger.attempt("a")
    assert (told["status"], told["error_type"], told["error_message"]) == (
        "failed",
        "ZeroDivisionError",
        "division by zero",
    )
    assert "_ = 1 / 0" in told["error_details"]["traceback"]


def test_a_timeout_is_called_by_its_one_name(action_logger: InMemoryActionLogger) -> None:
    with pytest.raises(TimeoutError), action_logger.start_action_attempt("a", "wait", {}, "inc"):
        raise TimeoutError("after 30 s")
    assert action_logger.attempt("a")["error_type"] == "timeout"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_what_is_no_failure_of_the_action_is_its_cancellation(
    action_logger: InMemoryActionLogger, error: BaseException
) -> None:
    with pytest.raises(type(error)), action_logger.start_action_attempt("a", "wait", {}, "inc"):
        raise error
    told = action_logger.attempt("a")
    assert told["status"] == "cancelled"
    assert type(error).__name__ in told["error_message"]


async def test_an_async_block_is_recorded_and_its_cancellation_too(action_logger: InMemoryActionLogger) -> None:
    async def act() -> None:
        async with action_logger.start_action_attempt("a", "wait", {}, "inc") as attempt:
            assert current_attempt() is attempt
            await asyncio.sleep(60)

    task = asyncio.create_task(act())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert action_logger.attempt("a")["status"] == "cancelled"
    async with action_logger.start_action_attempt("b", "wait", {}, "inc"):
        pass
    assert action_logger.attempt("b")["status"] == "success"
    assert current_attempt() is None


def test_the_first_outcome_stays_and_the_second_is_on_record(action_logger: InMemoryActionLogger) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    attempt.mark_success({"n": 1})
    attempt.mark_failure("no, it did not")
    told = action_logger.attempt("a")
    assert (told["status"], told["result"]) == ("success", {"n": 1})
    assert "error_message" not in told
    (step,) = told["logs"]
    assert step["details"]["status"] == "failed"
    assert step["details"]["error_message"] == "no, it did not"


def test_completion_without_an_outcome_invents_none(
    action_logger: InMemoryActionLogger, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    action_logger.complete_action_attempt(attempt)
    action_logger.complete_action_attempt(attempt)
    told = action_logger.attempt("a")
    assert told["status"] == "in_progress"
    assert "completed_at" in told
    assert len([record for record in caplog.records if "without an outcome" in record.getMessage()]) == 1
    attempt.mark_success()
    assert action_logger.attempt("a")["status"] == "success"


def test_a_plan_begins_when_it_is_run() -> None:
    clock = FrozenClock()
    action_logger = InMemoryActionLogger(clock=clock)
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc", status="pending")
    assert "started_at" not in action_logger.attempt("a")
    clock.advance(10)
    with attempt:
        clock.advance(2)
    told = action_logger.attempt("a")
    assert told["status"] == "success"
    assert told["execution_time_seconds"] == 2
    assert told["started_at"] == "2026-01-01T00:00:10Z"
    unrun = action_logger.start_action_attempt("b", "restart", {}, "inc", status="pending")
    unrun.mark_skipped("too little confidence", error_type="low_confidence")
    told = action_logger.attempt("b")
    assert (told["status"], told["error_message"]) == ("skipped", "too little confidence")
    assert "execution_time_seconds" not in told


def test_a_clock_that_is_set_back_turns_nothing_around() -> None:
    class SetBack(FrozenClock):
        moved = timedelta()

        def now(self) -> datetime:
            return super().now() - self.moved

    clock = SetBack()
    action_logger = InMemoryActionLogger(clock=clock)
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    clock.advance(1)
    clock.moved = timedelta(hours=1)
    attempt.log_step("after the clock was set back")
    clock.advance(1)
    attempt.mark_success()
    told = action_logger.attempt("a")
    times = [told["started_at"], told["logs"][0]["timestamp"], told["completed_at"]]
    assert times == sorted(times)
    assert told["execution_time_seconds"] == 2
    later = action_logger.start_action_attempt("b", "restart", {}, "inc")
    assert later.started_at is not None
    assert later.started_at < datetime(2026, 1, 1, tzinfo=UTC)


class Unrepresentable:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


@dataclasses.dataclass
class Pool:
    size: int
    names: set[str]


def cycle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


NASTY = [
    datetime(2026, 1, 1),  # noqa: DTZ001
    decimal.Decimal("1e400"),
    b"\xff\x00",
    {1, "a", None},
    Pool(3, {"b", "a"}),
    cycle(),
    Unrepresentable(),
    "\ud800 lone",
    "nul \0",
    math.nan,
    -math.inf,
    2**80,
    object(),
    {"\ud800": {1: Unrepresentable()}},
    iter(int, 1),
    Exception(Unrepresentable()),
    type,
    ...,
    "x" * 5_000_000,
]


@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: type(value).__name__)
def test_no_payload_makes_a_call_raise(action_logger: InMemoryActionLogger, nasty: Any) -> None:
    attempt = action_logger.start_action_attempt(
        nasty,
        nasty,
        nasty,
        nasty,
        target=nasty,
        reason=nasty,
        confidence=nasty,
        critical=nasty,
        expected_seconds=nasty,
        retry_of=nasty,
        trace_id=nasty,
        approved_by=nasty,
        environment=nasty,
        incident_type=nasty,
    )
    attempt.log_step(nasty, nasty, nasty)
    attempt.mark_failure(nasty, nasty, error_type=nasty)
    with action_logger.resolution(nasty, severity=nasty, confidence=nasty, title=nasty, recommended_actions=nasty):
        action_logger.start_action_attempt("b", "restart", {"nasty": nasty}).mark_success(nasty)
    told = action_logger.attempts
    assert [attempt["status"] for attempt in told] == ["failed", "success"]
    assert action_logger.resolutions[0]["status"] == "resolved"


def test_what_was_converted_says_so(action_logger: InMemoryActionLogger) -> None:
    attempt = action_logger.start_action_attempt(
        "a", "restart", {"hosts": {"b", "a"}}, "inc", confidence=7, retry_of="nobody"
    )
    attempt.log_step("look", "done", {"ratio": math.nan})
    attempt.mark_success(b"\xff")
    told = action_logger.attempt("a")
    assert told["parameters"] == {"hosts": ["a", "b"]}
    assert told["logs"][0]["details"] == {"ratio": "NaN"}
    assert told["extra"]["unusable confidence"] == 7
    assert told["extra"]["unusable retry_of"] == "nobody"
    assert {"converted parameters.hosts", "converted logs[0].details.ratio", "converted result"} < told["extra"].keys()


def test_secrets_do_not_reach_the_journal(action_logger: InMemoryActionLogger) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {"password": "hunter2", "n": 1}, "inc")
    attempt.log_step("call", "done", {"url": "https://joe:hunter2@db/", "headers": {"Authorization": "Bearer hunter2"}})
    attempt.mark_failure("postgres://joe:hunter2@db/ refused")
    assert "hunter2" not in repr(action_logger.attempts)
    assert attempt.parameters == {"password": "hunter2", "n": 1}


def test_threads_share_an_attempt_and_every_step_has_a_number_of_its_own(action_logger: InMemoryActionLogger) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")

    def log() -> None:
        for number in range(200):
            attempt.log_step("step", "done", {"n": number})

    threads = [threading.Thread(target=log) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempt.mark_success()
    assert sorted(step["sequence"] for step in action_logger.attempt("a")["logs"]) == list(range(1000))


def test_an_action_that_cannot_be_logged_is_not_started(action_logger: InMemoryActionLogger) -> None:
    action_logger.full = True
    ran = []

    @action_logger.action("restart", incident_id="inc")
    def restart() -> None:
        ran.append(1)

    with pytest.raises(JournalFull):
        action_logger.start_action_attempt("a", "restart", {}, "inc")
    with pytest.raises(JournalFull):
        restart()
    with pytest.raises(JournalFull):
        action_logger.resolution("inc")
    assert not ran
    assert not action_logger.attempts


@pytest.mark.parametrize("details", [{"n": 1}, {"n": {1}}])
def test_a_step_tells_nothing_for_none(action_logger: InMemoryActionLogger, details: Any) -> None:
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    attempt.log_step(None, None, details)
    attempt.log_step("look", "done", None)
    first, second = action_logger.steps()
    assert first.keys() == {"sequence", "timestamp", "details"}
    assert second.keys() == {"sequence", "timestamp", "step", "status"}


def test_what_is_open_is_alive_until_it_ends_or_nobody_holds_it(action_logger: InMemoryActionLogger) -> None:
    attempts = [action_logger.start_action_attempt("a", "restart", {}, "inc") for _ in range(3)]
    resolution = action_logger.resolution("inc")
    alive = {attempt.heartbeat_body() for attempt in attempts} | {resolution.heartbeat_body()}
    assert {body for _, body in action_logger._still_open()} == alive
    attempts[0].mark_success()
    action_logger.complete_action_attempt(attempts[1])
    assert [kind for kind, _ in action_logger._still_open()].count("attempt") == 1
    del attempts
    gc.collect()
    assert action_logger._still_open() == [("resolution", resolution.heartbeat_body())]
    resolution.resolved()
    assert action_logger._still_open() == []
