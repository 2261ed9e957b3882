"""A service over a logger in memory, and the three ways of executing its actions."""

import asyncio
from typing import Any

import pytest

from actionlog_client.service import (
    ActionResult,
    ActionService,
)
from actionlog_client.service.tests.handlers import Execute
from actionlog_client.testing import InMemoryActionLogger


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
