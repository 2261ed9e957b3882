"""The connections of Django's pool, which wait only so long for an answer in a process that must itself answer."""

import contextlib
import time
from typing import Any, ClassVar, Final

import psycopg
from psycopg.abc import RV, PQGen
from psycopg_pool import ConnectionPool

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
        patience = self.patience_seconds if timeout is None else None
        deadline = None if patience is None else time.monotonic() + patience
        try:
            return super().wait(gen, interval, timeout if patience is None else patience)
        except psycopg.OperationalError as error:
            if deadline is None or time.monotonic() < deadline:
                self._replace_the_dead()
                raise
            self._give_up()
            raise psycopg.OperationalError(f"The database did not answer within {patience:g} seconds.") from error

    def _replace_the_dead(self) -> None:
        """When this connection was lost, those that lie idle in its pool probably died with it.

        The pool would find them one by one, each after a longer pause than the last, until the request that waits for
        a living one is out of time.
        """
        pool = getattr(self, "_pool", None)
        if self.closed and isinstance(pool, ConnectionPool) and not pool.closed:
            pool.check()

    def _give_up(self) -> None:
        """What comes late must not be taken for the answer to another statement, so the connection ends."""
        # A server that is merely slow is told to stop working on it; one that hangs does not hear.
        with contextlib.suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_SECONDS)
        self.close()


def limit_patience() -> None:
    """For this whole process, from now on. To be called where requests are answered."""
    PatientConnection.patience_seconds = WEB_PATIENCE_SECONDS
