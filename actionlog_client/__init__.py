"""What an AI engine installs: every action it runs is on record, and the engine never waits for the record.

Imports nothing of the server and no Django.
"""

from actionlog_client.attempt import ActionAttempt, current_attempt
from actionlog_client.journal.entries import JournalFull
from actionlog_client.logger import ActionLogger
from actionlog_client.resolution import ResolutionAttempt, current_resolution
from actionlog_client.version import VERSION

__version__ = VERSION

__all__ = [
    "ActionAttempt",
    "ActionLogger",
    "JournalFull",
    "ResolutionAttempt",
    "__version__",
    "current_attempt",
    "current_resolution",
]
