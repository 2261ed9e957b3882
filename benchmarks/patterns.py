"""Grouping of failure messages as the recording path does it, for programs that score grouping functions.

    Grouper() -> callable(message) -> id of its pattern

The same code as while recording, over an index in memory; no database and no settings.
"""

from uuid import UUID

from analytics.patterns.grouping import MemoryIndex, pattern_of


class Grouper:
    """Groups the messages of one action type, in the order in which they come."""

    def __init__(self) -> None:
        self.index = MemoryIndex()

    def __call__(self, message: str) -> UUID:
        return pattern_of(self.index, "", None, message)
