"""Timeouts, cancellation and interrupts: what a handler does then, and what is told of it."""

import asyncio
import threading
import time
from functools import partial
from typing import Any

import pytest

from actionlog_client.service import (
    ActionService,
    CancellationToken,
    Retry,
)
from actionlog_client.service.tests.handlers import Execute, as_plain, kinds, statuses
from actionlog_client.testing import InMemoryActionLogger

QUICK = Retry(attempts=2, first_pause=0.001)
# What is waited for surely comes, on whatever machine.
WAIT_SECONDS = 60.0


@kinds
def test_what_takes_too_long_has_failed_and_its_late_end_changes_nothing(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, kind: Any
) -> None:
    ended = threading.Event()

    def hang(token: CancellationToken) -> str:
        # It hears of its end, and goes on until that was told.
        token.wait(WAIT_SECONDS)
        deadline = time.monotonic() + WAIT_SECONDS
        while statuses(log) != ["failed"] and time.monotonic() < deadline:
            time.sleep(0.01)
        ended.set()
        return "late"

    async def hang_async() -> None:
        try:
            await asyncio.sleep(WAIT_SECONDS)
        finally:
            ended.set()

    service.register("hang", hang if kind is as_plain else hang_async, timeout=0.05, retries=QUICK)
    began = time.monotonic()
    result = execute("hang", retries=0)
    assert time.monotonic() - began < WAIT_SECONDS / 2
    assert (result.status, result.error_type) == ("failed", "timeout")
    assert result.error_message == "It did not end within 0.05 seconds."
    assert ended.wait(WAIT_SECONDS)
    deadline = time.monotonic() + WAIT_SECONDS
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
    service.register("hang", lambda: release.wait(WAIT_SECONDS), timeout=0.02, retries=QUICK)
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
        assert time.monotonic() - began < WAIT_SECONDS
    finally:
        stop.set()


def test_a_plain_handler_hears_of_its_cancellation_and_its_outcome_is_the_true_one(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    token = CancellationToken()
    running = threading.Event()

    def stops(token: CancellationToken) -> None:
        running.set()
        token.wait(WAIT_SECONDS)
        token.raise_if_cancelled()

    def goes_on() -> str:
        token.cancel("too late")
        return "done all the same"

    def cancel() -> None:
        running.wait(WAIT_SECONDS)
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
            await asyncio.sleep(WAIT_SECONDS)
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


@kinds
async def test_when_the_calling_task_is_cancelled_so_is_the_attempt_and_it_is_raised_on(
    service: ActionService, log: InMemoryActionLogger, kind: Any
) -> None:
    running, told = threading.Event(), threading.Event()

    def plain(token: CancellationToken) -> None:
        running.set()
        token.wait(WAIT_SECONDS)
        told.set()

    async def waits() -> None:
        running.set()
        try:
            await asyncio.sleep(WAIT_SECONDS)
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
    assert await asyncio.to_thread(told.wait, WAIT_SECONDS)


@pytest.mark.parametrize("timeout", [None, 60])
def test_an_interrupt_is_raised_on_and_the_attempt_cancelled(
    service: ActionService, log: InMemoryActionLogger, timeout: float | None
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    service.register("interrupted", interrupted, timeout=timeout)
    with pytest.raises(KeyboardInterrupt):
        service.execute("interrupted")
    assert statuses(log) == ["cancelled"]
