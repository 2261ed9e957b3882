"""An engine whose actions come to all kinds of ends, and the two ways of carrying out a plan."""

import asyncio
from typing import Annotated, Any

import pytest

from actionlog_client.decision import DecisionEngine
from actionlog_client.decision.tests.plans import Run, Summary
from actionlog_client.service import ActionService, Retry, Secret
from actionlog_client.testing import InMemoryActionLogger


@pytest.fixture
def log() -> InMemoryActionLogger:
    return InMemoryActionLogger()


@pytest.fixture
def engine(log: InMemoryActionLogger) -> DecisionEngine:
    service = ActionService(log)
    tries: list[str] = []

    @service.register("good")
    def good(n: int = 1) -> int:
        return n

    @service.register("bad")
    async def bad() -> None:
        raise RuntimeError("it broke")

    @service.register("flaky", retries=Retry(attempts=2, first_pause=0))
    def flaky() -> None:
        tries.append("once more")
        if len(tries) < 3:
            raise RuntimeError("not yet")

    @service.register("refused", checks=[lambda: "not today"])
    def refused() -> None: ...

    @service.register("interrupt")
    def interrupt() -> None:
        raise KeyboardInterrupt

    @service.register("unlock")
    def unlock(pin: Annotated[int, Secret]) -> None: ...

    return DecisionEngine(service)


@pytest.fixture(params=["blocking", "in a loop"])
def run(request: pytest.FixtureRequest, engine: DecisionEngine) -> Run:
    def in_a_loop(*arguments: Any, **named: Any) -> Summary:
        return asyncio.run(engine.execute_automated_actions_async(*arguments, **named))

    return engine.execute_automated_actions if request.param == "blocking" else in_a_loop
