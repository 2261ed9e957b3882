"""CancellationToken: how a running action is asked to stop, from any thread."""

import threading
from collections.abc import Callable

from actionlog_client.service.outcomes import ActionCancelled


class CancellationToken:
    """Given to ActionService.execute, and to a handler that has a parameter of this type.

    An async handler is cancelled by it. A plain one cannot be stopped from outside: it looks at is_cancelled, or calls
    raise_if_cancelled() or wait(), and what it does then is its outcome. One token may serve several actions.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []
        self._undo: Callable[[], None] = _nothing
        self.reason: str | None = None

    @property
    def is_cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self, reason: str = "cancelled by the engine") -> None:
        """Ask to stop. The first reason stays."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def raise_if_cancelled(self) -> None:
        """Raises ActionCancelled when it was asked to stop."""
        if self._event.is_set():
            raise ActionCancelled(self.reason or "cancelled")

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until it is asked to stop. Whether it was."""
        return self._event.wait(seconds)

    def on_cancel(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call it when asked to stop, in the thread that asks; at once when that was before. Returns how to undo it."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return lambda: self._remove(callback)
        callback()
        return _nothing

    def child(self) -> "CancellationToken":
        """A token that is cancelled with this one, and can be cancelled alone. detach() it when it is done with."""
        child = CancellationToken()
        child._undo = self.on_cancel(lambda: child.cancel(self.reason or "cancelled"))
        return child

    def detach(self) -> None:
        """From now on what it is a child of is not heeded, nor does that remember it."""
        self._undo()

    def _remove(self, callback: Callable[[], object]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _nothing() -> None:
    """Nothing is to be undone."""
