"""What the tests of decisions share: an incident, and how the attempts of a plan ended."""

from collections.abc import Callable
from typing import Any, Final

from actionlog_client.testing import InMemoryActionLogger

Summary = dict[str, Any]
Run = Callable[..., Summary]

INCIDENT: Final = {
    "incident_id": "inc_001",
    "incident_type": "saturation",
    "severity": "high",
    "service": "db",
    "title": "t",
}


def told(log: InMemoryActionLogger) -> list[tuple[str, str]]:
    return [(attempt["action_id"], attempt["status"]) for attempt in log.attempts]


def reasons(log: InMemoryActionLogger) -> list[str | None]:
    """Why each attempt is no success."""
    return [attempt.get("error_message") for attempt in log.attempts]
