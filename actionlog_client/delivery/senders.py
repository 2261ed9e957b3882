"""Threads that wait for answers. concurrent.futures' own pool refuses work once the interpreter ends, which is when
the last of an engine's actions are still to be sent.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

_Work = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Senders:
    """So many threads, all begun at once: none can be begun at the end."""

    def __init__(self, threads: int) -> None:
        self._work: Final[queue.SimpleQueue[_Work | None]] = queue.SimpleQueue()
        self._threads: Final = threads
        try:
            for _ in range(threads):
                threading.Thread(target=self._run, name="actionlog-sender", daemon=True).start()
        except RuntimeError:
            self.close()
            raise

    def submit(self, call: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Call it in one of the threads."""
        future: Future[Any] = Future()
        self._work.put((future, call, arguments))
        return future

    def close(self) -> None:
        """End the threads, each after the call that it is at."""
        for _ in range(self._threads):
            self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, call, arguments = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call(*arguments))
            except BaseException as error:
                future.set_exception(error)
