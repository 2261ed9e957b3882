"""ActionService: whatever happens to an action, it is on record with its reason, and the caller gets the same."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any, assert_type

import pytest

from actionlog_client.attempt import ActionAttempt, current_attempt
from actionlog_client.journal.entries import JournalFull
from actionlog_client.service import (
    ActionCancelled,
    ActionFailed,
    ActionResult,
    ActionService,
    ActionSkipped,
    CancellationToken,
    Retry,
    Secret,
    progress,
)
from actionlog_client.testing import InMemoryActionLogger

Execute = Callable[..., ActionResult]
QUICK = Retry(attempts=2, first_pause=0.001)


@pytest.fixture
def log() -> InMemoryActionLogger:
    return InMemoryActionLogger()


@pytest.fixture
def service(log: InMemoryActionLogger) -> ActionService:
    return ActionService(log)


@pytest.fixture(params=["blocking", "in a loop", "blocking inside a loop"])
def execute(request: pytest.FixtureRequest, service: ActionService) -> Execute:
    """service.execute, and its async twin, as a caller with or without a loop has them."""

    def in_a_loop(*arguments: Any, **named: Any) -> ActionResult:
        return asyncio.run(service.execute_async(*arguments, **named))

    def inside_a_loop(*arguments: Any, **named: Any) -> ActionResult:
        async def call() -> ActionResult:
            return service.execute(*arguments, **named)

        return asyncio.run(call())

    ways: dict[str, Execute] = {
        "blocking": service.execute,
        "in a loop": in_a_loop,
        "blocking inside a loop": inside_a_loop,
    }
    return ways[request.param]


def as_plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def as_async(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @wraps(function)
    async def handler(*arguments: Any, **named: Any) -> Any:
        await asyncio.sleep(0)
        return function(*arguments, **named)

    return handler


kinds = pytest.mark.parametrize("kind", [as_plain, as_async])


def statuses(log: InMemoryActionLogger) -> list[str]:
    return [attempt["status"] for attempt in log.attempts]


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
    assert "actionlog_client/service" not in trace
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


def test_secrets_reach_the_handler_and_nothing_else(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []

    @service.register("rotate")
    def rotate(
        password: str,
        code: Annotated[str, Secret],
        dsn: str,
        options: dict[str, Any],
        attempt: ActionAttempt,
        seed: Annotated[str, Secret] = "default-seed",
    ) -> None:
        seen.extend([password, code, dsn, options["api_key"], seed])
        attempt.log_step("try", "failed", {"said": f"wrong {password} for {dsn}", "seed": seed})
        raise RuntimeError(f"{password}, {code}, {options['api_key']}, {seed} and pass%40word and {dsn} do not fit")

    secrets = ["hunter22", "c0de77", "pass@word", "k-123456", "default-seed"]
    told = {
        "password": "hunter22",
        "code": "c0de77",
        "dsn": "postgresql://app:pass%40word@db/orders",
        "options": {"api_key": "k-123456"},
    }
    result = execute("rotate", told, "inc_001", reason="the old one is hunter22")
    assert seen == ["hunter22", "c0de77", told["dsn"], "k-123456", "default-seed"]
    said = json.dumps(log.attempts) + repr(result) + caplog.text
    assert [secret for secret in [*secrets, "pass%40word"] if secret in said] == []
    (attempt,) = log.attempts
    assert attempt["parameters"]["code"].startswith("[redacted:")
    assert attempt["parameters"]["password"] in attempt["error_message"]


def test_a_secret_too_short_to_be_looked_for_is_still_not_told_as_parameter(
    service: ActionService, log: InMemoryActionLogger
) -> None:
    service.register("unlock", _unlock)
    assert service.execute("unlock", {"pin": 1234}).result is True
    assert log.attempts[0]["parameters"]["pin"].startswith("[redacted:")


def _unlock(pin: Annotated[int, Secret]) -> bool:
    return pin == 1234


@kinds
def test_what_takes_too_long_has_failed_and_its_late_end_changes_nothing(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, kind: Any
) -> None:
    ended = threading.Event()

    def hang(token: CancellationToken) -> str:
        # Longer than an async handler would be waited for too.
        for _ in range(200):
            if token.wait(0.01):
                break
        time.sleep(0.05)
        ended.set()
        return "late"

    async def hang_async() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    service.register("hang", hang if kind is as_plain else hang_async, timeout=0.05, retries=QUICK)
    began = time.monotonic()
    result = execute("hang", retries=0)
    assert time.monotonic() - began < 5
    assert (result.status, result.error_type) == ("failed", "timeout")
    assert result.error_message == "It did not end within 0.05 seconds."
    assert ended.wait(5)
    deadline = time.monotonic() + 5
    while kind is as_plain and len(log.steps()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert statuses(log) == ["failed"]
    if kind is as_plain:
        assert log.steps()[-1]["status"] == "ended after its outcome was told"
        assert log.steps()[-1]["details"] == {"result": "late"}


def test_a_plain_handler_that_may_still_be_running_is_not_tried_again(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    release = threading.Event()
    service.register("hang", lambda: release.wait(10), timeout=0.02, retries=QUICK)
    try:
        assert execute("hang").error_type == "timeout"
        assert len(log.attempts) == 1
    finally:
        release.set()


def test_an_async_handler_that_does_not_heed_its_end_is_left_behind(
    service: ActionService, log: InMemoryActionLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actionlog_client.service import running

    monkeypatch.setattr(running, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(running, "LOOP_SECONDS", 0.1)
    stop = threading.Event()

    @service.register("stubborn", timeout=0.05)
    async def stubborn() -> None:
        while not stop.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    began = time.monotonic()
    try:
        assert service.execute("stubborn").error_type == "timeout"
        assert time.monotonic() - began < 2
    finally:
        stop.set()


def test_a_failure_is_tried_again_as_a_new_attempt_of_the_same_action(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    tries = []

    @service.register("flaky", retries=QUICK)
    def flaky(n: int, key: Annotated[str, Secret]) -> int:
        tries.append(n)
        if len(tries) < 3:
            raise ConnectionError(f"not yet with {key}")
        return len(tries)

    result = execute("flaky", {"n": "7", "key": "hunter22"}, "inc_001", action_id="a-1", reason="why not")
    assert (result.status, result.result, tries) == ("success", 3, [7, 7, 7])
    assert statuses(log) == ["failed", "failed", "success"]
    ids = [attempt["attempt_id"] for attempt in log.attempts]
    assert result.attempt_ids == tuple(ids)
    assert [attempt.get("retry_of") for attempt in log.attempts] == [None, *ids[:2]]
    assert {attempt["action_id"] for attempt in log.attempts} == {"a-1"}
    assert {attempt["reason"] for attempt in log.attempts} == {"why not"}
    assert len({json.dumps(attempt["parameters"]) for attempt in log.attempts}) == 1
    assert "hunter22" not in json.dumps(log.attempts)


@pytest.mark.parametrize(
    ("retry_on", "attempts"),
    [
        (None, 3),
        ((ConnectionError,), 1),
        ((ValueError,), 3),
        (lambda result: result.error_type == "ValueError", 3),
        (lambda result: False, 1),
    ],
)
def test_only_what_the_policy_names_is_tried_again(
    service: ActionService, log: InMemoryActionLogger, retry_on: Any, attempts: int
) -> None:
    def fail() -> None:
        raise ValueError("no")

    service.register("fail", fail, retries=Retry(attempts=2, on=retry_on, first_pause=0))
    assert service.execute("fail").status == "failed"
    assert len(log.attempts) == attempts


@pytest.mark.parametrize("error", [ActionSkipped("no"), ActionCancelled("no")])
def test_what_was_refused_or_cancelled_is_not_tried_again(
    service: ActionService, log: InMemoryActionLogger, error: Exception
) -> None:
    def end() -> None:
        raise error

    service.register("end", end, retries=QUICK)
    service.execute("end")
    assert len(log.attempts) == 1


def test_pauses_grow_up_to_the_longest() -> None:
    retry = Retry(attempts=5, first_pause=1, factor=3, longest_pause=5, jitter=0)
    assert [retry.pause_before(number) for number in (1, 2, 3, 4)] == [1, 3, 5, 5]
    pauses = {Retry(first_pause=1, jitter=0.5).pause_before(1) for _ in range(50)}
    assert all(0.5 <= pause <= 1 for pause in pauses)
    assert len(pauses) > 1


def test_a_plain_handler_hears_of_its_cancellation_and_its_outcome_is_the_true_one(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    token = CancellationToken()
    running = threading.Event()

    def stops(token: CancellationToken) -> None:
        running.set()
        token.wait(10)
        token.raise_if_cancelled()

    def goes_on() -> str:
        token.cancel("too late")
        return "done all the same"

    def cancel() -> None:
        running.wait(10)
        token.cancel("the operator said so")

    service.register("stops", stops)
    service.register("goes_on", goes_on)
    thread = threading.Thread(target=cancel)
    thread.start()
    result = execute("stops", token=token)
    thread.join()
    assert (result.status, result.error_message) == ("cancelled", "the operator said so")
    token = CancellationToken()
    assert execute("goes_on", token=token).result == "done all the same"
    assert statuses(log) == ["cancelled", "success"]


def test_an_async_handler_is_cancelled_by_the_token(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    token = CancellationToken()
    cleaned = []

    @service.register("wait")
    async def wait() -> None:
        threading.Timer(0.02, partial(token.cancel, "enough")).start()
        try:
            await asyncio.sleep(30)
        finally:
            cleaned.append(True)

    result = execute("wait", token=token)
    assert (result.status, result.error_message, cleaned) == ("cancelled", "enough", [True])


def test_what_is_cancelled_before_it_began_does_not_run(service: ActionService, execute: Execute) -> None:
    token = CancellationToken()
    token.cancel("enough")
    service.register("restart", lambda: pytest.fail("it ran"), retries=QUICK)
    result = execute("restart", token=token)
    assert (result.status, result.error_message) == ("cancelled", "Cancelled before it began: enough")


def test_a_pause_before_a_retry_ends_when_cancelled(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    token = CancellationToken()

    def fail() -> None:
        threading.Timer(0.02, token.cancel).start()
        raise ValueError("no")

    service.register("fail", fail, retries=Retry(attempts=3, first_pause=60, longest_pause=60))
    began = time.monotonic()
    assert execute("fail", token=token).status == "failed"
    assert time.monotonic() - began < 10
    assert len(log.attempts) == 1


@kinds
async def test_when_the_calling_task_is_cancelled_so_is_the_attempt_and_it_is_raised_on(
    service: ActionService, log: InMemoryActionLogger, kind: Any
) -> None:
    running, told = threading.Event(), threading.Event()

    def plain(token: CancellationToken) -> None:
        running.set()
        token.wait(10)
        told.set()

    async def waits() -> None:
        running.set()
        try:
            await asyncio.sleep(30)
        finally:
            told.set()

    service.register("wait", plain if kind is as_plain else waits)
    task = asyncio.create_task(service.execute_async("wait"))
    while not running.is_set():
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert statuses(log) == ["cancelled"]
    assert await asyncio.to_thread(told.wait, 5)


@pytest.mark.parametrize("timeout", [None, 5])
def test_an_interrupt_is_raised_on_and_the_attempt_cancelled(
    service: ActionService, log: InMemoryActionLogger, timeout: float | None
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    service.register("interrupted", interrupted, timeout=timeout)
    with pytest.raises(KeyboardInterrupt):
        service.execute("interrupted")
    assert statuses(log) == ["cancelled"]


def test_an_action_that_cannot_be_logged_is_not_run(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    service.register("restart", lambda: pytest.fail("it ran"))
    log.full = True
    with pytest.raises(JournalFull):
        execute("restart")
    assert log.attempts == []


def test_a_plain_handler_without_timeout_runs_in_the_callers_thread_and_never_in_the_loops(
    service: ActionService,
) -> None:
    service.register("where", lambda: threading.get_ident())
    assert service.execute("where").result == threading.get_ident()
    assert asyncio.run(service.execute_async("where")).result != threading.get_ident()


async def test_the_loop_goes_on_while_a_plain_handler_or_check_blocks(service: ActionService) -> None:
    service.register("block", lambda: time.sleep(0.2), checks=[lambda: time.sleep(0.2)])
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert (await service.execute_async("block")).success
    ticking.cancel()
    assert ticks > 10


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
    def copy() -> list[bool]:
        odd: Any = "odd"
        return [progress(n / 1000, f"file {n}") for n in range(1001)] + [progress(odd), progress(float("nan"))]

    told = service.execute("copy").result
    assert (told[0], told[1000], told[1001:]) == (True, True, [False, False])
    steps = [step for step in log.steps() if step["step"] == "progress"]
    assert len(steps) == sum(told) < 20
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
