"""What an engine can do, and how it is run: ActionService, and what its handlers may use."""

from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.execution import PlannedAction
from actionlog_client.service.handlers import Retry
from actionlog_client.service.outcomes import ActionCancelled, ActionFailed, ActionResult, ActionSkipped
from actionlog_client.service.progress import progress
from actionlog_client.service.secrets import Secret
from actionlog_client.service.service import ActionService

__all__ = [
    "ActionCancelled",
    "ActionFailed",
    "ActionResult",
    "ActionService",
    "ActionSkipped",
    "CancellationToken",
    "PlannedAction",
    "Retry",
    "Secret",
    "progress",
]
