"""One resolution attempt as the engine holds it: a session of work on one incident, which sums up its attempts."""

import itertools
import logging
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from actionlog_client.attempt import ActionAttempt
from actionlog_client.block import Block
from actionlog_client.clock import Stopwatch
from actionlog_client.journal.entries import RESOLUTION_ENDS, Weight
from actionlog_client.telling import Telling

if TYPE_CHECKING:
    from actionlog_client.logger import ActionLogger

logger = logging.getLogger("actionlog")

ResolutionStatus = Literal["in_progress", "resolved", "failed", "escalated"]
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
# A summary names so many attempts; it counts all.
TIMELINE_ENTRIES: Final = 1000

_current: ContextVar["ResolutionAttempt | None"] = ContextVar("actionlog_resolution", default=None)


def current_resolution() -> "ResolutionAttempt | None":
    """The resolution attempt whose `with` block runs here; None outside of any."""
    return _current.get()


class ResolutionAttempt(Block):
    """One session of an engine on an incident. Made by ActionLogger.resolution.

    A context manager, plain and async, whose block gives the attempts started in it its id, incident and incident
    type. It closes with a summary: as told by resolved(), failed() or escalated(); else failed when an exception ends
    the block, resolved when every action came to success at last, failed when one did not, and escalated when nothing
    was attempted.
    """

    _current = _current

    def __init__(
        self,
        action_logger: "ActionLogger",
        *,
        resolution_id: str,
        incident_id: str,
        incident_type: Any,
        environment: Any,
        confidence: Any,
        identity: bytes,
        watch: Stopwatch,
    ) -> None:
        self.resolution_id: Final = resolution_id
        self.incident_id: Final = incident_id
        self.incident_type: Final = incident_type
        self.environment: Final = environment
        self.confidence: Final = confidence
        self.status: ResolutionStatus = "in_progress"
        self.summary: dict[str, Any] | None = None
        self.started_at: Final = watch.started_at
        self._logger = action_logger
        self._identity: Final = identity
        self._watch = watch
        self._ends = itertools.count()
        # A signal handler or a destructor may end an attempt of this session while its own thread holds it.
        self._lock = threading.RLock()
        self._counts = {"success": 0, "failed": 0, "skipped": 0, "cancelled": 0}
        self._last: dict[str, str] = {}
        self._timeline: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"<ResolutionAttempt {self.resolution_id} of {self.incident_id!r} {self.status}>"

    def start_action_attempt(
        self, action_id: Any, action_type: Any, parameters: Any = None, **facts: Any
    ) -> ActionAttempt:
        """As ActionLogger.start_action_attempt, with this resolution's id, incident and incident type."""
        return self._logger.start_action_attempt(
            action_id, action_type, parameters, self.incident_id, resolution=self, **facts
        )

    def resolved(self, *, root_cause: Any = None, summary: dict[str, Any] | None = None) -> None:
        """The incident is over."""
        self.close("resolved", root_cause=root_cause, summary=summary)

    def failed(self, *, root_cause: Any = None, summary: dict[str, Any] | None = None) -> None:
        """The engine gives up."""
        self.close("failed", root_cause=root_cause, summary=summary)

    def escalated(self, reason: Any = None, *, root_cause: Any = None, summary: dict[str, Any] | None = None) -> None:
        """Somebody else must take over, for this reason."""
        more = {} if reason is None else {"escalation_reason": reason}
        self.close("escalated", root_cause=root_cause, summary={**more, **_members(summary)})

    def close(self, status: ResolutionStatus, *, root_cause: Any = None, summary: dict[str, Any] | None = None) -> None:
        """End the session with its summary, to which the members of summary are added. The first end told stays."""
        if next(self._ends):
            logger.warning("%r is told to be %s as well; the first end stays", self, status)
            return
        telling = Telling(self._logger.encoder)
        # Words that the server does not know, it would refuse, and the rest with them.
        self.status = cast("ResolutionStatus", telling.chosen("status", status, RESOLUTION_ENDS) or "failed")
        completed_at = self._watch.now()
        self.summary = {**self.summarize(), **_members(summary)}
        telling.time("completed_at", completed_at)
        telling.time("updated_at", completed_at)
        telling.object("summary", self.summary)
        telling.text("root_cause", root_cause)
        self._logger.append(
            "resolution",
            self.resolution_id,
            self._identity,
            self.status,
            facts=telling.facts(),
            extra=telling.extra(),
            weight=Weight.OUTCOME,
        )
        self._logger.forget(self)

    def summarize(self) -> dict[str, Any]:
        """What was attempted so far: counts by outcome, overall success, the engine's confidence, and the timeline.

        Attempted is what ran: skipped actions are counted apart. Overall success: something was attempted, and of
        each action the last attempt is a success.
        """
        with self._lock:
            counts, timeline = dict(self._counts), list(self._timeline)
            last = list(self._last.values())
        return {
            "actions_attempted": counts["success"] + counts["failed"] + counts["cancelled"],
            "actions_successful": counts["success"],
            "actions_failed": counts["failed"],
            "actions_skipped": counts["skipped"],
            "actions_cancelled": counts["cancelled"],
            "overall_success": bool(last) and all(status == "success" for status in last),
            "confidence": self.confidence,
            "duration_seconds": self._watch.seconds(),
            "timeline": timeline,
            "timeline_left_out": sum(counts.values()) - len(timeline),
        }

    def _end_block(self, error: BaseException | None) -> None:
        if self.status != "in_progress":
            return
        if error is not None:
            self.close("failed", summary={"error": {"type": type(error).__name__, "message": error}})
        elif not self._last:
            self.escalated("Nothing was attempted.")
        else:
            self.close("resolved" if self.summarize()["overall_success"] else "failed")

    def count(self, attempt: ActionAttempt) -> None:
        """One of its attempts came to an end."""
        with self._lock:
            self._counts[attempt.status] = self._counts.get(attempt.status, 0) + 1
            if attempt.status != "skipped":
                self._last[attempt.action_id] = attempt.status
            if len(self._timeline) < TIMELINE_ENTRIES:
                self._timeline.append(
                    {
                        "attempt_id": attempt.attempt_id,
                        "action_id": attempt.action_id,
                        "action_type": attempt.action_type,
                        "status": attempt.status,
                        "started_at": attempt.started_at,
                        "execution_time_seconds": attempt.execution_time_seconds,
                    }
                )

    def start_anew(self) -> None:
        """In a forked child: another thread may have held the lock."""
        self._lock = threading.RLock()

    def heartbeat_body(self) -> bytes:
        """A document that tells nothing but that the engine is still there."""
        return b'{"resolution_id":"%b",%b}' % (self.resolution_id.encode(), self._identity[1:-1])


def _members(summary: Any) -> dict[Any, Any]:
    """What a caller adds to a summary; what is no dictionary as a member of its own."""
    if summary is None:
        return {}
    return dict.copy(summary) if issubclass(type(summary), dict) else {"summary": summary}
