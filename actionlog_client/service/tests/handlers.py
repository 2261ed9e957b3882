"""What the tests of the service share: handlers of both kinds, and how attempts ended."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from actionlog_client.service import (
    ActionResult,
)
from actionlog_client.testing import InMemoryActionLogger

Execute = Callable[..., ActionResult]


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
