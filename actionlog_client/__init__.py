"""What an AI engine installs: every action it runs is on record, and the engine never waits for the record.

Imports nothing of the server and no Django. Names are loaded when they are first asked for: the server imports the
rules of redaction from this package, and nothing else of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actionlog_client.attempt import ActionAttempt, current_attempt
    from actionlog_client.decision import DecisionEngine, Policy
    from actionlog_client.journal.entries import JournalFull
    from actionlog_client.logger import ActionLogger
    from actionlog_client.resolution import ResolutionAttempt, current_resolution
    from actionlog_client.service import ActionService
    from actionlog_client.version import VERSION as __version__  # noqa: N811

__all__ = [
    "ActionAttempt",
    "ActionLogger",
    "ActionService",
    "DecisionEngine",
    "JournalFull",
    "Policy",
    "ResolutionAttempt",
    "__version__",
    "current_attempt",
    "current_resolution",
]

_PLACES = {
    "ActionAttempt": "attempt.ActionAttempt",
    "ActionLogger": "logger.ActionLogger",
    "ActionService": "service.ActionService",
    "DecisionEngine": "decision.DecisionEngine",
    "Policy": "decision.Policy",
    "JournalFull": "journal.entries.JournalFull",
    "ResolutionAttempt": "resolution.ResolutionAttempt",
    "__version__": "version.VERSION",
    "current_attempt": "attempt.current_attempt",
    "current_resolution": "resolution.current_resolution",
}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = place.rpartition(".")
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
