"""The live feed in one web process: one listener, and one query for all followers that stand at the same cursor.

A follower (consumer.py) keeps its own cursor and asks for what comes next; nothing is pushed at it or queued for it.
So a slow one costs no memory: when it asks again, it gets one larger frame.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Final, TypeVar

from channels.db import DatabaseSyncToAsync

from access.errors import DATABASE_LOST
from resolutions.feed import messages
from resolutions.feed.entries import prune
from resolutions.feed.listener import POLL_SECONDS, follow_head
from resolutions.feed.queries import Frame, Reset, changes_after

logger = logging.getLogger(__name__)

RECENT_FRAMES: Final = 64
RECENT_BYTES: Final = 8 * 1024 * 1024
# Longer than the listener takes to poll: a cursor that is still above the head then is above the head.
HEAD_LAGS_SECONDS: Final = 1.5 * POLL_SECONDS
PRUNE_SECONDS: Final = 3600.0

Answer = TypeVar("Answer")


class SharedFrame:
    """A frame, its text encoded once for all who want all of it, and its number in the order of reading."""

    def __init__(self, frame: Frame, number: int) -> None:
        self.frame = frame
        self.number = number
        self.size = frame.size

    @cached_property
    def text(self) -> str:
        return messages.encode(messages.changes_message(self.frame))


class Hub:
    """Made and closed inside one running event loop; all methods belong to that loop."""

    def __init__(self) -> None:
        # One thread: queries run one after the other, so numbers are in the order of what the frames saw.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-feed")
        self._head: int | None = None
        self._moved = asyncio.Event()
        self._recent: OrderedDict[int, SharedFrame] = OrderedDict()
        self._recent_bytes = 0
        self._reads: dict[int, asyncio.Task[SharedFrame | Reset]] = {}
        # Queries begun, for whom it may concern: followers do not make it grow, cursors do.
        self.reads = 0
        self._tasks = [asyncio.create_task(follow_head(self._head_is)), asyncio.create_task(self._prune_hourly())]

    async def close(self) -> None:
        tasks = [*self._tasks, *self._reads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def recent(self) -> tuple[int, int]:
        """The frames kept, and their bytes."""
        return len(self._recent), self._recent_bytes

    async def head(self) -> int:
        """The newest revision known here; waits until the listener has told the first."""
        while self._head is None:
            await self._moved.wait()
        return self._head

    async def next_frame(self, cursor: int, *, later_than: int = -1) -> SharedFrame | Reset:
        """What comes after the cursor; waits until something does.

        later_than is the number of the frame the follower had before: a recent frame that was read earlier would show
        it a row in an older state than it has, so it is read anew. Raises what the database raises.
        """
        while True:
            await self._wait_for_news(cursor)
            found = self._recent_frame(cursor, later_than) or await self._read_shared(cursor)
            if isinstance(found, Reset):
                return found
            # A read that was shared may have begun before this follower's last one.
            if found.frame.cursor != cursor and found.number > later_than:
                return found

    async def _wait_for_news(self, cursor: int) -> None:
        """Until the head has passed the cursor, or has stayed below it for so long that only the database can tell.

        A cursor above the head known here is not wrong yet: a client may have it from its own write a moment ago.
        """
        while await self.head() == cursor:
            await self._moved.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAD_LAGS_SECONDS):
                while await self.head() <= cursor:
                    await self._moved.wait()

    def _recent_frame(self, cursor: int, later_than: int) -> SharedFrame | None:
        """A frame at hand, if it leads as far as one read now would: a follower that lags is not fed in small bites."""
        known = self._recent.get(cursor)
        if known is None or known.number <= later_than:
            return None
        is_full = known.frame.cursor < known.frame.head
        return known if is_full or known.frame.cursor >= (self._head or 0) else None

    async def in_thread(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run work that asks the database in the hub's thread."""
        run = DatabaseSyncToAsync(work, thread_sensitive=False, executor=self._thread)
        answer: Answer = await run(*arguments)
        return answer

    async def _read_shared(self, cursor: int) -> SharedFrame | Reset:
        task = self._reads.get(cursor)
        if task is None:
            task = self._reads[cursor] = asyncio.create_task(self._read(cursor))
            task.add_done_callback(lambda done: self._read_ended(cursor, done))
        # Shielded: a follower that leaves does not take the query from the others.
        return await asyncio.shield(task)

    async def _read(self, cursor: int) -> SharedFrame | Reset:
        number = self.reads
        self.reads += 1
        found = await self.in_thread(changes_after, cursor)
        if isinstance(found, Reset):
            return found
        shared = SharedFrame(found, number)
        if found.cursor != cursor:
            self._keep(shared)
        return shared

    def _read_ended(self, cursor: int, task: "asyncio.Task[SharedFrame | Reset]") -> None:
        del self._reads[cursor]
        if not task.cancelled():
            # Looked at here, or asyncio complains of an error that came after the last follower had left.
            task.exception()

    def _keep(self, shared: SharedFrame) -> None:
        if replaced := self._recent.pop(shared.frame.after, None):
            self._recent_bytes -= replaced.size
        self._recent[shared.frame.after] = shared
        self._recent_bytes += shared.size
        while len(self._recent) > RECENT_FRAMES or self._recent_bytes > RECENT_BYTES:
            self._recent_bytes -= self._recent.popitem(last=False)[1].size

    def _head_is(self, head: int) -> None:
        if head == self._head:
            return
        self._head = head
        self._moved.set()
        self._moved = asyncio.Event()

    async def _prune_hourly(self) -> None:
        while True:
            try:
                await self.in_thread(prune)
            except DATABASE_LOST as error:
                logger.warning("The live feed was not pruned: %s", error)
            except Exception:
                # Nobody awaits this task: without this, a fault of one hour would end the pruning of this process.
                logger.exception("The live feed was not pruned")
            await asyncio.sleep(PRUNE_SECONDS)


_hub: Hub | None = None


def open_hub() -> Hub:
    """The hub of this process, started when there is none. Call it inside the event loop."""
    global _hub
    if _hub is None:
        _hub = Hub()
    return _hub


async def close_hub() -> None:
    """Stop the hub, if it was started: for the end of the ASGI lifespan."""
    global _hub
    if _hub is not None:
        hub, _hub = _hub, None
        await hub.close()
