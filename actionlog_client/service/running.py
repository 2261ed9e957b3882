"""How a handler is run: here, in a thread, or in an event loop; bounded in time, and told when to stop.

Two runtimes offer the same three calls as coroutines. Those of Blocking never suspend: drive() runs such a coroutine
to its end without an event loop. So execution.py is written once, for callers with a loop and without.
"""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.outcomes import ActionCancelled, HandlerTimeout

Value = TypeVar("Value")
# Told how a handler ended that nobody waits for any more.
Late = Callable[[Any, BaseException | None], None]

# An async handler that is cancelled has so long to clean up before it is left behind.
GRACE_SECONDS: Final = 1.0
# What an event loop may take to begin and to end.
LOOP_SECONDS: Final = 2.0


class Runtime(Protocol):
    """All calls raise what the function raises."""

    async def handle(
        self,
        function: Callable[[], Any],
        *,
        is_async: bool,
        seconds: float | None,
        token: CancellationToken,
        late: Late,
    ) -> Any:
        """Wait for at most so many seconds. Raises HandlerTimeout then, and ActionCancelled for an async
        handler that the token stopped."""

    async def check(self, function: Callable[[], Any], *, is_async: bool) -> Any: ...

    async def pause(self, seconds: float, token: CancellationToken) -> bool:
        """Ends early when the token is cancelled. Whether it is."""


class Blocking:
    """For callers that may wait: a plain handler without a timeout runs in the caller's own thread."""

    async def handle(
        self,
        function: Callable[[], Any],
        *,
        is_async: bool,
        seconds: float | None,
        token: CancellationToken,
        late: Late,
    ) -> Any:
        if seconds is None:
            if is_async:
                return in_loop(lambda: _handle_async(function, seconds=None, token=token, late=late))
            return _awaited(function())
        patience = seconds
        if is_async:
            # The loop's thread ends it in time; one that will not end even then is left behind with its loop.
            patience += GRACE_SECONDS + LOOP_SECONDS
            call = ThreadCall(
                lambda: asyncio.run(_handle_async(function, seconds=seconds, token=token, late=late)), _ignore
            )
        else:
            call = ThreadCall(lambda: _awaited(function()), late)
        try:
            if call.ended.wait(patience) or not call.abandon():
                return call.result()
        except BaseException:  # KeyboardInterrupt, while waiting
            token.cancel("the caller was interrupted")
            call.abandon()
            raise
        token.cancel("timeout")
        raise HandlerTimeout(seconds, is_running=True)

    async def check(self, function: Callable[[], Any], *, is_async: bool) -> Any:
        return _awaited(function())

    async def pause(self, seconds: float, token: CancellationToken) -> bool:
        return token.wait(seconds)


class InLoop:
    """For callers in an event loop, which is never blocked: plain handlers and checks run in threads."""

    async def handle(
        self,
        function: Callable[[], Any],
        *,
        is_async: bool,
        seconds: float | None,
        token: CancellationToken,
        late: Late,
    ) -> Any:
        if is_async:
            return await _handle_async(function, seconds=seconds, token=token, late=late)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(ended.set)

        call = ThreadCall(lambda: _awaited(function()), late, tell)
        try:
            async with asyncio.timeout(seconds) as scope:
                await ended.wait()
        except TimeoutError:
            if not scope.expired():
                raise
        except BaseException:  # the calling task was cancelled
            token.cancel("the calling task was cancelled")
            call.abandon()
            raise
        if call.ended.is_set() or not call.abandon():
            return call.result()
        token.cancel("timeout")
        raise HandlerTimeout(seconds or 0, is_running=True)

    async def check(self, function: Callable[[], Any], *, is_async: bool) -> Any:
        if is_async:
            return await function()
        return await asyncio.to_thread(lambda: _awaited(function()))

    async def pause(self, seconds: float, token: CancellationToken) -> bool:
        loop = asyncio.get_running_loop()
        cancelled = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(cancelled.set)

        undo = token.on_cancel(tell)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(cancelled.wait(), seconds)
        finally:
            undo()
        return token.is_cancelled


class ThreadCall:
    """A function in a daemon thread of its own, in a copy of the caller's context: one that hangs holds up nobody."""

    def __init__(self, function: Callable[[], Any], late: Late, tell: Callable[[], None] = lambda: None) -> None:
        self.ended: Final = threading.Event()
        self._function = function
        self._late = late
        self._tell = tell
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._value: Any = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), name="actionlog-handler", daemon=True).start()

    def abandon(self) -> bool:
        """Nobody waits any more. False when it has ended meanwhile."""
        with self._lock:
            self._is_abandoned = not self.ended.is_set()
            return self._is_abandoned

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:
            self._error = error
        with self._lock:
            self.ended.set()
            is_abandoned = self._is_abandoned
        if is_abandoned:
            self._late(self._value, self._error)
        self._tell()


def _ignore(value: Any, error: BaseException | None) -> None:
    """Told elsewhere."""


def drive(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: Value = stop.value
        return value
    coroutine.close()
    raise RuntimeError("a coroutine of the blocking runtime suspended")


def in_loop(make: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
    """Run a coroutine in an event loop of its own; in a thread of its own if this thread runs a loop already."""
    if not _runs_loop():
        return asyncio.run(make())
    call = ThreadCall(lambda: asyncio.run(make()), _ignore)
    call.ended.wait()
    value: Value = call.result()
    return value


def _runs_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _handle_async(
    function: Callable[[], Any], *, seconds: float | None, token: CancellationToken, late: Late
) -> Any:
    loop = asyncio.get_running_loop()
    task = loop.create_task(_await(function()))

    def stop() -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)

    undo = token.on_cancel(stop)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        token.cancel("the calling task was cancelled")
        await _end(task, late)
        raise
    finally:
        undo()
    if not task.done():
        token.cancel("timeout")
        await _end(task, late)
        raise HandlerTimeout(seconds or 0, is_running=not task.done())
    if task.cancelled():
        raise ActionCancelled(token.reason or "the handler was cancelled")
    return task.result()


async def _end(task: "asyncio.Task[Any]", late: Late) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE_SECONDS)
    if task.done():
        # Looked at, so that asyncio does not report it as never retrieved.
        _ = task.cancelled() or task.exception()
    else:
        task.add_done_callback(lambda task: _tell_late(task, late))


def _tell_late(task: "asyncio.Task[Any]", late: Late) -> None:
    if task.cancelled():
        late(None, asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        late(None, error)
    else:
        late(task.result(), None)


async def _await(value: Awaitable[Value]) -> Value:
    return await value


def _awaited(value: Any) -> Any:
    """A plain function may return something to be awaited, as a lambda around an async one does."""
    return in_loop(lambda: _await(value)) if inspect.isawaitable(value) else value
