"""Decorated functions: each call is an attempt."""

import asyncio
from typing import Any

import pytest

from actionlog_client import current_attempt
from actionlog_client.testing import InMemoryActionLogger


@pytest.fixture
def action_logger() -> InMemoryActionLogger:
    return InMemoryActionLogger()


def test_arguments_are_the_parameters_and_what_is_returned_the_result(action_logger: InMemoryActionLogger) -> None:
    @action_logger.action("clear_cache", incident_id="inc", target="web")
    def clear_cache(name: str, *more: str, limit: int = 10, **rest: Any) -> dict[str, int]:
        """Clears it."""
        attempt = current_attempt()
        assert attempt is not None
        attempt.log_step("clear", "done", {"name": name})
        return {"cleared": limit}

    assert clear_cache("sessions", "users", force=True) == {"cleared": 10}
    assert (clear_cache.__name__, clear_cache.__doc__) == ("clear_cache", "Clears it.")
    told = action_logger.attempt("clear_cache")
    assert told["parameters"] == {"name": "sessions", "more": ["users"], "limit": 10, "rest": {"force": True}}
    assert (told["result"], told["status"], told["target"]) == ({"cleared": 10}, "success", "web")
    assert [step["step"] for step in told["logs"]] == ["clear"]
    assert current_attempt() is None


async def test_coroutines_are_recorded_each_for_itself(action_logger: InMemoryActionLogger) -> None:
    @action_logger.action("fetch")
    async def fetch(incident_id: str, delay: float) -> float:
        await asyncio.sleep(delay)
        attempt = current_attempt()
        assert attempt is not None
        attempt.log_step("fetched", "done", {"delay": delay})
        if delay > 0.015:
            raise ConnectionError("too slow")
        return delay

    found = await asyncio.gather(fetch("i-1", 0.02), fetch("i-2", 0.01), fetch("i-3", 0.0), return_exceptions=True)
    assert isinstance(found[0], ConnectionError)
    assert list(found[1:]) == [0.01, 0.0]
    told = {attempt["incident_id"]: attempt for attempt in action_logger.attempts}
    assert {name: attempt["status"] for name, attempt in told.items()} == {
        "i-1": "failed",
        "i-2": "success",
        "i-3": "success",
    }
    assert told["i-2"]["logs"][0]["details"] == {"delay": 0.01}


def test_an_exception_is_recorded_and_raised_on(action_logger: InMemoryActionLogger) -> None:
    @action_logger.action("restart", incident_id="inc")
    def restart() -> None:
        raise LookupError("no such pool")

    with pytest.raises(LookupError, match="no such pool"):
        restart()
    assert action_logger.attempt("restart")["error_type"] == "LookupError"


def test_a_call_that_the_function_refuses_is_recorded_as_it_came(action_logger: InMemoryActionLogger) -> None:
    @action_logger.action("restart", incident_id="inc")
    def restart(pool: str) -> None: ...

    with pytest.raises(TypeError):
        restart(1, 2, much=3)  # type: ignore[call-arg, arg-type]
    told = action_logger.attempt("restart")
    assert told["parameters"] == {"arguments": [1, 2], "much": 3}
    assert told["status"] == "failed"


def test_an_outcome_that_the_function_tells_itself_stays(action_logger: InMemoryActionLogger) -> None:
    @action_logger.action("restart", incident_id="inc")
    def restart() -> str:
        attempt = current_attempt()
        assert attempt is not None
        attempt.mark_skipped("is running already")
        return "nothing to do"

    assert restart() == "nothing to do"
    assert action_logger.attempt("restart")["status"] == "skipped"


def test_methods_are_recorded_without_their_object(action_logger: InMemoryActionLogger) -> None:
    class Pool:
        @action_logger.action("drain", incident_id="inc")
        def drain(self, seconds: int) -> int:
            return seconds

    assert Pool().drain(3) == 3
    assert action_logger.attempt("drain")["parameters"] == {"seconds": 3}


def test_a_generator_is_refused_where_it_is_decorated(action_logger: InMemoryActionLogger) -> None:
    def items() -> Any:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        action_logger.action("restart")(items)
