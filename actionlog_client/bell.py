"""Wakes a thread of ours from any other. What the thread does then is its own matter.

threading.Event has a lock inside that is not to be entered twice: an engine's signal handler, or a destructor, that
logs while its own thread is in the midst of set() would wait for itself for ever. SimpleQueue.put is made for that.
"""

import queue
from typing import Final


class Bell:
    """ring() may be called from anywhere, at any time; wait() and clear() by the thread that is woken."""

    def __init__(self) -> None:
        self._rings: Final[queue.SimpleQueue[None]] = queue.SimpleQueue()

    def ring(self) -> None:
        if self._rings.empty():
            self._rings.put(None)

    def wait(self, seconds: float) -> bool:
        """Whether it rang within so many seconds, or had rung since the last clear() or wait()."""
        try:
            self._rings.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def clear(self) -> None:
        while not self._rings.empty():
            self._rings.get()
