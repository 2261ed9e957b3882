"""One queue, one thread, one connection: requests that wait share a transaction. Recording itself is in ingest.py."""

import asyncio
import logging
import queue
import select
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from django.db import DatabaseError, InterfaceError, connections

from attempts.submissions import Submission
from resolutions.ingest import ingest

logger = logging.getLogger(__name__)

# How many documents may wait; one request more is answered 503. Two full requests, so that a large one may wait.
CAPACITY: Final = 20_000
# And how many bytes, as they were sent: a sender that no longer waits leaves its documents in the queue.
CAPACITY_BYTES: Final = 128 * 1024 * 1024
# A transaction takes no further request once it has so many documents: a commit is shared, but nobody waits long.
GROUP: Final = 1_000
# Nor once it has so many bytes: two full requests at most become one statement's parameters.
GROUP_BYTES: Final = 16 * 1024 * 1024
CONNECT_TIMEOUT_SECONDS: Final = 3
# A group that takes longer than this means that the database hangs: no use in waiting behind it.
STALL_SECONDS: Final = 10.0
ALIAS: Final = "default"


class Busy(Exception):
    """More is waiting than this process should hold."""


class Lost(Exception):
    """The database could not do its part. Nothing of this request may be relied on; it may be sent again."""


class Recorder:
    """Records submissions in the order they come. All methods are for the event loop's thread."""

    def __init__(
        self, *, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES, stall_seconds: float = STALL_SECONDS
    ) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._stall_seconds = stall_seconds
        self._waiting = 0
        self._waiting_bytes = 0
        self._group_began: float | None = None  # set by the recorder's thread
        self._failing_since: float | None = None  # that thread's own
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many documents wait or are being recorded."""
        return self._waiting

    async def record(self, submissions: Sequence[Submission[Any]], *, size: int) -> int:
        """Wait until these, sent as so many bytes, are recorded; each is told its outcome. Returns the cursor that
        covers them.

        A wait that is cancelled recalls nothing: what was sent is recorded when its turn comes. Raises Busy when too
        much waits already, and Lost.
        """
        began = self._group_began
        if began is not None and time.monotonic() - began > self._stall_seconds:
            raise Lost("the database does not answer")
        if self._waiting and (
            self._waiting + len(submissions) > self._capacity or self._waiting_bytes + size > self._capacity_bytes
        ):
            raise Busy
        work = _Work(submissions, size, self._loop.create_future())
        self._waiting += len(submissions)
        self._waiting_bytes += size
        self._queue.put(work)
        return await work.done

    async def close(self) -> None:
        """Record what waits, then end the thread; one that hangs in the database ends with the process."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, self._stall_seconds)
        if self._thread.is_alive():
            logger.error("the database does not answer: %d documents were not acknowledged", self._waiting)

    def _run(self) -> None:
        _use_a_connection_of_its_own()
        while (work := self._queue.get()) is not None:
            self._group_began = time.monotonic()
            group, last = self._gather(work)
            _leave_a_dead_connection()
            outcome = _record(group)
            self._group_began = None
            self._log_change(outcome)
            try:
                self._loop.call_soon_threadsafe(self._answer, group, outcome)
            except RuntimeError:  # the loop is closed: it stopped waiting for us, and so has everybody
                break
            if last:
                break
        connections[ALIAS].close()

    def _log_change(self, outcome: int | Exception) -> None:
        """One line when it begins to fail and one when it works again: an outage fails thousands of requests."""
        now = time.monotonic()
        if isinstance(outcome, Exception) and self._failing_since is None:
            self._failing_since = now
            logger.warning("recording fails, the senders are told to send again: %s", outcome)
        elif not isinstance(outcome, Exception) and self._failing_since is not None:
            logger.warning("recording works again, after %.1f s", now - self._failing_since)
            self._failing_since = None

    def _gather(self, first: "_Work") -> "tuple[list[_Work], bool]":
        """What waits by now, up to a group; and whether the queue was closed."""
        group, documents, size = [first], len(first.submissions), first.size
        while documents < GROUP and size < GROUP_BYTES:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                break
            if work is None:
                return group, True
            group.append(work)
            documents += len(work.submissions)
            size += work.size
        return group, False

    def _answer(self, group: "list[_Work]", outcome: int | Exception) -> None:
        for work in group:
            self._waiting -= len(work.submissions)
            self._waiting_bytes -= work.size
            if work.done.done():  # nobody waits for it any more
                continue
            if isinstance(outcome, Exception):
                work.done.set_exception(outcome)
            else:
                work.done.set_result(outcome)


class _Work:
    __slots__ = ("done", "size", "submissions")

    def __init__(self, submissions: Sequence[Submission[Any]], size: int, done: "asyncio.Future[int]") -> None:
        self.submissions = submissions
        self.size = size
        self.done = done


def _record(group: "list[_Work]") -> int | Exception:
    submissions = [submission for work in group for submission in work.submissions]
    try:
        return ingest(submissions)
    except (DatabaseError, InterfaceError) as error:
        connections[ALIAS].close()
        return Lost(str(error))
    except Exception:
        logger.exception("recording failed")
        connections[ALIAS].close()
        return Lost("internal error")


def _leave_a_dead_connection() -> None:
    """A connection that ended while nothing was to be recorded costs nobody a 503: the next one is made instead.

    Between transactions the server says nothing but that it is gone, or that a setting has changed, after which a new
    connection does as well.
    """
    used: psycopg.Connection[Any] | None = connections[ALIAS].connection
    if used is None or used.closed:
        return
    poll = select.poll()
    poll.register(used.fileno(), select.POLLIN)
    if poll.poll(0):
        connections[ALIAS].close()


def _use_a_connection_of_its_own() -> None:
    """A connection outside the pool: the pool would hide for seconds that the database is gone."""
    pooled = connections[ALIAS]
    settings = pooled.settings_dict
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "pool"}
    options["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    connections[ALIAS] = type(pooled)({**settings, "OPTIONS": options}, ALIAS)
