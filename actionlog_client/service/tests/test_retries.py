"""A failure is tried again as a new attempt, as its policy says."""

import json
import threading
import time
from typing import Annotated, Any

import pytest

from actionlog_client.service import (
    ActionCancelled,
    ActionService,
    ActionSkipped,
    CancellationToken,
    Retry,
    Secret,
)
from actionlog_client.service.tests.handlers import Execute, statuses
from actionlog_client.testing import InMemoryActionLogger

QUICK = Retry(attempts=2, first_pause=0.001)


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
    assert time.monotonic() - began < 50
    assert len(log.attempts) == 1


def test_an_engine_may_try_something_again_by_itself(
    service: ActionService, log: InMemoryActionLogger, execute: Execute
) -> None:
    service.register("careful", lambda force=False: {"success": force})
    first = execute("careful", {}, "inc_001", action_id="a-1")
    execute("careful", {"force": True}, "inc_001", action_id="a-1", retry_of=first.attempt_id)
    assert statuses(log) == ["failed", "success"]
    assert log.attempts[1]["retry_of"] == log.attempts[0]["attempt_id"]
