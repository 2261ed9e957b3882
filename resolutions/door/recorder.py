"""One queue, one thread, one connection: requests that wait share a transaction. Recording itself is in ingest.py."""

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connections

from attempts.submissions import Submission
from resolutions.ingest import ingest

logger = logging.getLogger(__name__)

# How many documents may wait; one request more is answered 503. Two full requests, so that a large one may wait.
CAPACITY: Final = 20_000
# A transaction takes no further request once it has so many documents: a commit is shared, but nobody waits long.
GROUP: Final = 1_000
CONNECT_TIMEOUT_SECONDS: Final = 3
ALIAS: Final = "default"


class Busy(Exception):
    """More is waiting than this process should hold."""


class Lost(Exception):
    """The database could not do its part. Nothing of this request may be relied on; it may be sent again."""


class Recorder:
    """Records submissions in the order they come. All methods are for the event loop's thread."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting = 0
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    async def record(self, submissions: Sequence[Submission[Any]]) -> int:
        """Wait until these are recorded; each is told its outcome. Returns the cursor that covers them.

        Raises Busy when too much waits already, and Lost.
        """
        if self._waiting and self._waiting + len(submissions) > self._capacity:
            raise Busy
        work = _Work(submissions, self._loop.create_future())
        self._waiting += len(submissions)
        self._queue.put(work)
        return await work.done

    async def close(self) -> None:
        """Record what waits, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        _use_a_connection_of_its_own()
        while (work := self._queue.get()) is not None:
            group, last = self._gather(work)
            outcome = _record(group)
            self._loop.call_soon_threadsafe(self._answer, group, outcome)
            if last:
                break
        connections[ALIAS].close()

    def _gather(self, first: "_Work") -> "tuple[list[_Work], bool]":
        """What waits by now, up to a group; and whether the queue was closed."""
        group, size = [first], len(first.submissions)
        while size < GROUP:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                break
            if work is None:
                return group, True
            group.append(work)
            size += len(work.submissions)
        return group, False

    def _answer(self, group: "list[_Work]", outcome: int | Exception) -> None:
        for work in group:
            self._waiting -= len(work.submissions)
            if work.done.done():  # the client went away
                continue
            if isinstance(outcome, Exception):
                work.done.set_exception(outcome)
            else:
                work.done.set_result(outcome)


class _Work:
    __slots__ = ("done", "submissions")

    def __init__(self, submissions: Sequence[Submission[Any]], done: "asyncio.Future[int]") -> None:
        self.submissions = submissions
        self.done = done


def _record(group: "list[_Work]") -> int | Exception:
    submissions = [submission for work in group for submission in work.submissions]
    try:
        return ingest(submissions)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("recording failed, the senders are told to send again: %s", error)
        connections[ALIAS].close()
        return Lost(str(error))
    except Exception:
        logger.exception("recording failed")
        connections[ALIAS].close()
        return Lost("internal error")


def _use_a_connection_of_its_own() -> None:
    """A connection outside the pool: the pool would hide for seconds that the database is gone."""
    pooled = connections[ALIAS]
    settings = pooled.settings_dict
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "pool"}
    options["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    connections[ALIAS] = type(pooled)({**settings, "OPTIONS": options}, ALIAS)
