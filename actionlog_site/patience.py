"""The connections of Django's pool, which wait only so long for an answer in a process that must itself answer."""

import contextlib
import time
from typing import Any, ClassVar, Final

import psycopg
from psycopg.abc import RV, PQGen

# Longer than any page or list takes, and than a recording transaction waits for a lock.
WEB_PATIENCE_SECONDS: Final = 8.0
CANCEL_SECONDS: Final = 1.0
# How often a wait looks up, as in psycopg.
INTERVAL_SECONDS: Final = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when one statement stays without its answer for so long.

    A server that hangs, unlike one that is gone, ends no connection: whoever waits for it would wait for ever, each
    with a thread and a connection of the pool. patience_seconds is None, without end, in commands, where a statement
    may take its time. Raises psycopg.OperationalError.
    """

    patience_seconds: ClassVar[float | None] = None

    def wait(self, gen: PQGen[RV], interval: float = INTERVAL_SECONDS, timeout: float | None = None) -> RV:
        patience = self.patience_seconds
        if timeout is not None or patience is None:
            return super().wait(gen, interval, timeout)
        deadline = time.monotonic() + patience
        try:
            return super().wait(gen, interval, patience)
        except psycopg.OperationalError as error:
            if time.monotonic() < deadline:
                raise
            self._give_up()
            raise psycopg.OperationalError(f"The database did not answer within {patience:g} seconds.") from error

    def _give_up(self) -> None:
        """What comes late must not be taken for the answer to another statement, so the connection ends."""
        # A server that is merely slow is told to stop working on it; one that hangs does not hear.
        with contextlib.suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_SECONDS)
        self.close()


def limit_patience() -> None:
    """For this whole process, from now on. To be called where requests are answered."""
    PatientConnection.patience_seconds = WEB_PATIENCE_SECONDS
