"""The clocks of this machine, in one place so that tests can set them."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """now() tells the time of day, which may jump; monotonic() counts seconds and never goes back."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Stopwatch:
    """A time of day read once, and the seconds since: what one attempt tells stays in order whatever the clock does."""

    __slots__ = ("_began", "_clock", "started_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at = clock.now()
        self._began = clock.monotonic()

    def seconds(self) -> float:
        return self._clock.monotonic() - self._began

    def now(self) -> datetime:
        return self.started_at + timedelta(seconds=self.seconds())


SYSTEM_CLOCK = Clock()
