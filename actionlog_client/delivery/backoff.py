"""How long to wait before trying again: twice as long each time, at random, so that a hundred engines do not return
at once. The method is "full jitter" of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), with a floor.
"""

import random
from typing import Final

FIRST_SECONDS: Final = 0.2
MOST_SECONDS: Final = 30.0


class BackOff:
    """The waits of one way that fails again and again."""

    def __init__(self, first: float = FIRST_SECONDS, most: float = MOST_SECONDS) -> None:
        self._first = first
        self._most = most
        self.failures = 0

    def failed(self, retry_after: float | None = None) -> float:
        """Seconds to wait now. What the server asks for is honoured, up to the longest wait."""
        ceiling = min(self._most, self._first * 2 ** min(self.failures, 30))
        self.failures += 1
        wait = random.uniform(self._first / 2, ceiling)  # noqa: S311  # not to return at once with others
        return max(wait, min(retry_after or 0.0, self._most))

    def worked(self) -> None:
        self.failures = 0
