"""Asks the server what worked before, without ever holding up or hurting who asks: an answer in time, or None."""

import logging
import os
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from actionlog_client import remote
from actionlog_client.delivery.transport import Transport, Unreachable
from actionlog_client.settings import Settings

logger = logging.getLogger("actionlog")

# So long the caller waits, unless told otherwise.
ADVICE_SECONDS: Final = 1.0
# So long a question that nobody waits for any more may keep its connection; and so many are asked at a time. While a
# server is silent, further questions are answered with None at once.
QUESTION_SECONDS: Final = 5.0
MOST_QUESTIONS: Final = 3
# The server takes no more; without its parameters a question still has an answer.
MOST_PARAMETER_CHARACTERS: Final = 16 * 1024


class Adviser:
    """The questions of one logger. May be asked from any thread, and after fork."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._free = threading.BoundedSemaphore(MOST_QUESTIONS)
        self._transport: Transport | None = None

    def ask(self, case: Mapping[str, str | None], timeout: float) -> dict[str, Any] | None:
        """The answer of /api/advice/ for a case, told in its query parameters; None when there is none in time."""
        if self._settings.url is None:
            return None
        if self._process != os.getpid():  # connections and threads are the parent's
            self._begin()
        free = self._free
        if not free.acquire(blocking=False):
            logger.warning("no advice: the server has not answered earlier questions yet")
            return None
        if self._transport is None:
            self._transport = Transport(
                self._settings.url,
                self._settings.api_key,
                read_seconds=QUESTION_SECONDS,
                request_seconds=QUESTION_SECONDS,
            )
        transport = self._transport
        answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                answers.put(remote.advice(transport, case))
            except (Unreachable, remote.ReadRefused) as error:
                logger.warning("no advice: %s", error)
                answers.put(None)
            finally:
                free.release()

        try:
            # A thread, since looking up the name of a host cannot be bounded in time.
            threading.Thread(target=work, name="actionlog-advice", daemon=True).start()
        except RuntimeError as error:  # no more threads, or none at the end of the interpreter
            free.release()
            logger.warning("no advice: %s", error)
            return None
        try:
            return answers.get(timeout=max(0.0, timeout))
        except queue.Empty:
            logger.warning("no advice: the server did not answer within %g seconds", timeout)
            return None
