"""How far a thread has come that works in rounds, and those who wait for it. What a round does is its own matter."""

import threading
import time
from collections.abc import Callable
from typing import Final


class Rounds:
    """changed is notified when a round ends, and by whoever has other news for those who wait."""

    def __init__(self) -> None:
        self.changed: Final = threading.Condition()
        self._begun = self._ended = 0

    def begin(self) -> int:
        """A round begins; its number."""
        with self.changed:
            self._begun += 1
            return self._begun

    def end(self, number: int) -> None:
        """This round has done all that there was to do when it began."""
        with self.changed:
            self._ended = number
            self.changed.notify_all()

    def wait(self, timeout: float | None, wake: Callable[[], None], is_in_vain: Callable[[], bool]) -> bool:
        """Wait until a round that began after this call has ended, for at most so many seconds. Whether one has.

        wake sets the thread going. is_in_vain is asked, with changed held, whether to go on waiting.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            wanted = self._begun + 1
            while self._ended < wanted:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or is_in_vain():
                    return False
                wake()
                self.changed.wait(left)
            return True
