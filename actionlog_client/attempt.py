"""One action attempt as the engine holds it: tells its steps and its outcome. Where they go is the logger's matter."""

import asyncio
import itertools
import logging
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from actionlog_client.block import Block
from actionlog_client.clock import Stopwatch
from actionlog_client.journal.entries import ATTEMPT_ENDS, Weight
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.foreign import ask_apart
from actionlog_client.payload.hiding import hiding
from actionlog_client.payload.kinds import has_candid_traceback, name_of
from actionlog_client.telling import Telling, told_step

if TYPE_CHECKING:
    from actionlog_client.logger import ActionLogger

logger = logging.getLogger("actionlog")

Status = Literal["pending", "in_progress", "success", "failed", "skipped", "cancelled"]
# Sequences end at 2**31 - 1: this leaves room for as many steps as come before the first of a child.
_FIRST_IN_CHILD: Final = 1_000_000
_CHILDREN: Final = 2**31 - 2 * _FIRST_IN_CHILD

_current: ContextVar["ActionAttempt | None"] = ContextVar("actionlog_attempt", default=None)


def current_attempt() -> "ActionAttempt | None":
    """The attempt whose `with` block, or decorated function, runs here; None outside of any."""
    return _current.get()


@contextmanager
def acting(attempt: "ActionAttempt") -> "Iterator[ActionAttempt]":
    """Make it the current attempt of this block, which tells no outcome by ending: that is left to the caller."""
    token = _current.set(attempt)
    try:
        yield attempt
    finally:
        _current.reset(token)


class ActionAttempt(Block):
    """One execution of one action. Made by ActionLogger.start_action_attempt.

    A context manager, plain and async: an exception marks it failed and is raised on; a block that ends without one,
    and without having told an outcome itself, is a success. Its methods may be called from any thread and never raise
    because of what they are given. The first outcome told stays; dropped_steps counts the steps for which there was no
    room on the disk.
    """

    _current = _current

    def __init__(
        self,
        action_logger: "ActionLogger",
        *,
        attempt_id: str,
        action_id: str,
        action_type: str,
        incident_id: str,
        identity: bytes,
        parameters: Any,
        status: Literal["pending", "in_progress"],
        watch: Stopwatch,
        encoder: PayloadEncoder,
        on_outcome: "Callable[[ActionAttempt], None] | None" = None,
    ) -> None:
        self.attempt_id: Final = attempt_id
        self.action_id: Final = action_id
        self.action_type: Final = action_type
        self.incident_id: Final = incident_id
        self.parameters: Final = parameters
        self.status: Status = status
        self.started_at: datetime | None = watch.started_at if status == "in_progress" else None
        self.completed_at: datetime | None = None
        self.execution_time_seconds: float | None = None
        self.result: Any = None
        self.error_message: str | None = None
        self.error_type: str | None = None
        self.dropped_steps = 0
        self._logger = action_logger
        self._identity: Final = identity
        self._watch = watch
        self._encoder = encoder
        self._on_outcome = on_outcome
        self._numbers = itertools.count()
        self._outcomes = itertools.count()
        # A signal handler or a destructor may tell of this attempt while its own thread holds it.
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<ActionAttempt {self.attempt_id} {self.action_type!r} {self.status}>"

    @property
    def encoder(self) -> PayloadEncoder:
        """What turns anything told of this attempt into JSON, its secrets marked."""
        return self._encoder

    @property
    def is_final(self) -> bool:
        return self.status in ATTEMPT_ENDS

    def begin(self) -> None:
        """A planned attempt is started now."""
        with self._lock:
            if self.status != "pending":
                return
            self.status = "in_progress"
            self._watch = Stopwatch(self._logger.clock)
            self.started_at = self._watch.started_at
        telling = Telling(self._encoder)
        telling.time("started_at", self.started_at)
        self._tell(telling, "in_progress")

    def hide(self, *secrets: Any) -> None:
        """From now on these texts are marked wherever they turn up in what is told of this attempt: results, messages,
        tracebacks, steps. Too short ones are not (see payload/hiding.py)."""
        self._encoder = hiding(self._encoder, secrets)

    def log_step(self, step: Any, status: Any = "in_progress", details: Any = None) -> None:
        """One entry of the attempt's log: what was done, how it stands, and any details."""
        number = next(self._numbers)
        steps, extra = told_step(self._encoder, number, step, status, self._watch.now(), details)
        if not self._logger.append(
            "attempt", self.attempt_id, self._identity, steps=steps, extra=extra, weight=Weight.STEP
        ):
            with self._lock:
                self.dropped_steps += 1

    def mark_success(self, result: Any = None) -> None:
        """The action did what it was meant to do. result: anything worth keeping."""
        telling = Telling(self._encoder)
        telling.json("result", result)
        self._finish("success", telling, result=result)

    def mark_failure(self, error_message: Any, error_details: Any = None, *, error_type: Any = None) -> None:
        """The action failed, with a message and any details. error_type: what kind of failure, such as `timeout`."""
        self._end_without_success("failed", error_message, error_type, error_details)

    def mark_exception(self, error: BaseException) -> None:
        """The action failed with this exception: its type, message and traceback are kept.

        One that is no Exception, such as KeyboardInterrupt or asyncio.CancelledError, means that it was cancelled.
        """
        if not isinstance(error, Exception) or isinstance(error, asyncio.CancelledError):
            self.mark_cancelled(f"{type(error).__name__}: {self._message_of(error)}".removesuffix(": "))
            return
        kind = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
        details = {"exception": name_of(type(error)), "traceback": _traceback_of(error)}
        self.mark_failure(self._message_of(error) or type(error).__name__, details, error_type=kind)

    def mark_skipped(self, reason: Any, *, error_type: Any = None, error_details: Any = None) -> None:
        """The action never ran, for this reason. error_type: what kind of reason, such as `invalid_parameters`."""
        self._end_without_success("skipped", reason, error_type, error_details)

    def mark_cancelled(self, reason: Any = None, *, error_type: Any = None) -> None:
        """The action was stopped before it came to an end."""
        self._end_without_success("cancelled", reason, error_type, None)

    def complete(self) -> None:
        """No more will be told. An attempt without an outcome ends without one: whether it worked is not known."""
        if self.is_final or self.completed_at is not None:
            return
        logger.warning("%r is complete without an outcome: mark_success or mark_failure was not called", self)
        telling = Telling(self._encoder)
        self._time_the_end(telling)
        self._tell(telling, None)
        self._logger.forget(self)

    def __enter__(self) -> Self:
        self.begin()
        return super().__enter__()

    def _end_block(self, error: BaseException | None) -> None:
        if error is None:
            if not self.is_final:
                self.mark_success()
        elif not self.is_final:
            self.mark_exception(error)

    def start_anew(self) -> None:
        """In a forked child: another thread may have held the lock, and the parent goes on counting its steps.

        The child's get numbers far from the parent's: two steps of one number would be a conflict, and one refused.
        """
        self._lock = threading.RLock()
        self._numbers = itertools.count(_FIRST_IN_CHILD + int.from_bytes(os.urandom(4)) % _CHILDREN)

    def heartbeat_body(self) -> bytes:
        """A document that tells nothing but that the engine is still there."""
        return b'{"attempt_id":"%b",%b}' % (self.attempt_id.encode(), self._identity[1:-1])

    def _end_without_success(self, status: Status, message: Any, error_type: Any, error_details: Any) -> None:
        telling = Telling(self._encoder)
        telling.text("error_message", message)
        telling.text("error_type", error_type)
        telling.json("error_details", error_details)
        self._finish(status, telling, error_message=message, error_type=error_type)

    def _finish(
        self, status: Status, telling: Telling, *, result: Any = None, error_message: Any = None, error_type: Any = None
    ) -> None:
        # Counting is one step, which neither a thread nor a signal handler can come between.
        if next(self._outcomes):
            logger.warning("%r is told to be %s as well; the first outcome stays", self, status)
            told = {"result": result, "error_message": error_message, "error_type": error_type}
            again = {name: value for name, value in told.items() if value is not None}
            self.log_step("outcome told again", "ignored", {"status": status, **again})
            return
        self.status = status
        self.result = result
        if error_message is not None:
            self.error_message = self._encoder.text(error_message)[0]
        if error_type is not None:
            self.error_type = self._encoder.text(error_type)[0]
        if self.completed_at is None:
            self._time_the_end(telling)
        if self.dropped_steps:
            telling.note("dropped_steps", self.dropped_steps)
        self._tell(telling, status)
        self._logger.forget(self)
        if self._on_outcome is not None:
            self._on_outcome(self)

    def _message_of(self, error: BaseException) -> str:
        """Its text. It may take code of others to make it, which may fail or hang."""
        return self._encoder.text(error)[0]

    def _time_the_end(self, telling: Telling) -> None:
        """When it ended; how long it ran only if it ran."""
        self.completed_at = completed_at = self._watch.now()
        telling.time("completed_at", completed_at)
        if self.started_at is not None:
            self.execution_time_seconds = (completed_at - self.started_at).total_seconds()
            telling.seconds("execution_time_seconds", self.execution_time_seconds)

    def _tell(self, telling: Telling, status: Status | None) -> None:
        self._logger.append(
            "attempt",
            self.attempt_id,
            self._identity,
            status,
            facts=telling.facts(),
            extra=telling.extra(),
            weight=Weight.OUTCOME,
        )


def _traceback_of(error: BaseException) -> str:
    """With the exceptions that it came from, as far as their own code can be run; else its frames alone."""

    def whole() -> str:
        return "".join(traceback.format_exception(error))

    told = whole() if has_candid_traceback(error) else ask_apart(type(error), whole)
    return told if told is not None else "".join(traceback.format_tb(error.__traceback__))
