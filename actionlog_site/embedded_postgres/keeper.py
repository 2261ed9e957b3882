"""Keeps the server running for as long as a command uses it: one that dies is started again at once.

Who is connected need not know: the server comes back on the same socket folder, and everybody connects anew.
"""

import logging
import threading
import time
from typing import Final

from actionlog_site.embedded_postgres.server import EmbeddedPostgres

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 0.25
# A server that dies again sooner than this is brought back after a pause, which doubles each time up to the longest.
STEADY_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0


class Keeper:
    """A thread that looks after a server which its starter holds. Of several on one home, one starts it again."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postgres-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once no start is under way and none will follow; to be called before the server is stopped."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        last, pause = float("-inf"), 0.0
        while not self._ended.wait(CHECK_SECONDS):
            if self._server.is_alive():
                continue
            began = time.monotonic()
            steady = began - last > STEADY_SECONDS
            pause = 0.0 if steady else min(max(2 * pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            logger.error("PostgreSQL has ended. It is started again%s.", f" in {pause:g} s" if pause else "")
            if self._ended.wait(pause):
                return
            self._bring_back(began)
            last = time.monotonic()

    def _bring_back(self, began: float) -> None:
        try:
            moved = self._server.revive(self._ended)
        except Exception as error:  # a full disk as much as what PostgreSQL says: there will be a next try
            if not self._ended.is_set():
                logger.error("PostgreSQL could not be started again: %s", error)
            return
        logger.warning("PostgreSQL runs again, %.1f s after its end was noticed.", time.monotonic() - began)
        if moved:
            logger.error("Its socket folder could not be used again, it has another now: start Actionlog anew.")
