"""How an action ends: what a handler may raise to say so, and what the caller gets."""

from dataclasses import dataclass, field
from typing import Any, Final

from actionlog_client.attempt import Status

UNKNOWN_ACTION: Final = "unknown_action"
INVALID_PARAMETERS: Final = "invalid_parameters"
REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
REPORTED_FAILURE: Final = "reported_failure"


class ActionFailed(Exception):
    """Raised by a handler: the action failed. details: anything worth keeping; error_type: what kind of failure, the
    name of the exception's class unless told."""

    def __init__(self, message: str, details: Any = None, *, error_type: str | None = None) -> None:
        super().__init__(message)
        self.details = details
        self.error_type = error_type or type(self).__name__


class ActionSkipped(Exception):
    """Raised by a check or a handler: the action is not run, for this reason. The success rate does not count it."""

    def __init__(self, reason: str, details: Any = None, *, error_type: str = REFUSED) -> None:
        super().__init__(reason)
        self.details = details
        self.error_type = error_type


class ActionCancelled(Exception):
    """Raised by a handler that stops because it was asked to: see CancellationToken.raise_if_cancelled."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What came of an action; of a retried one, of its last attempt.

    result is what the handler returned. error_message and parameters are as they were recorded: secrets are marked in
    them, so that they may be logged. attempt_ids: all attempts of this action, the first one first. duration_seconds
    is that of all of them, with the pauses between; None when it never ran. cause: what the handler raised.
    """

    status: Status
    action_id: str
    action_type: str
    attempt_ids: tuple[str, ...]
    parameters: dict[str, Any]
    result: Any = None
    error_message: str | None = None
    error_type: str | None = None
    duration_seconds: float | None = None
    cause: BaseException | None = field(default=None, repr=False)

    @property
    def success(self) -> bool:
        return self.status == "success"

    @property
    def attempt_id(self) -> str:
        """The last attempt."""
        return self.attempt_ids[-1]

    def raise_for_status(self) -> None:
        """Raises ActionFailed, ActionSkipped or ActionCancelled when the action is no success."""
        message = self.error_message or f"{self.action_type} ended as {self.status}"
        match self.status:
            case "success":
                return
            case "skipped":
                raise ActionSkipped(message, error_type=self.error_type or REFUSED) from self.cause
            case "cancelled":
                raise ActionCancelled(message) from self.cause
        raise ActionFailed(message, error_type=self.error_type) from self.cause


class HandlerTimeout(Exception):
    """The handler did not end in time. is_running: it is a plain one that could not be stopped, and goes on."""

    def __init__(self, seconds: float, *, is_running: bool) -> None:
        super().__init__(f"It did not end within {seconds:g} seconds.")
        self.is_running = is_running
