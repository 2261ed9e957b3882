"""The clocks of this machine, in one place so that tests can set them."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """now() tells the time of day, which may jump; monotonic() counts seconds and never goes back."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    # As it is, without a call around it: it is asked with each step.
    monotonic = staticmethod(time.monotonic)


class Stopwatch:
    """A time of day read once, and the seconds since: what one attempt tells stays in order whatever the clock does."""

    __slots__ = ("_began", "_monotonic", "started_at")

    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self.started_at = clock.now()
        self._began = self._monotonic()

    def seconds(self) -> float:
        return self._monotonic() - self._began

    def now(self) -> datetime:
        return self.started_at + timedelta(0, self._monotonic() - self._began)


SYSTEM_CLOCK = Clock()
