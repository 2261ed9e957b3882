"""Code of others that a payload brings along: __repr__, __str__, model_dump, the methods of a mapping.

It may raise, take for ever, or wait for a lock that the caller holds. It therefore runs in a thread of its own, and
the caller waits a short while at most. What a payload is turned into stands in conversion.py.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

# How long one payload may keep its caller waiting, in seconds, and how many threads may hang in code that does not
# come back: beyond that no more foreign code is run until one of them returns.
PATIENCE: Final = 0.1
MOST_HANGING: Final = 8

# A list, not a set: a metaclass may refuse to be hashed.
_hanging: Final[list[type]] = []
# A forked child has none of its parent's threads.
os.register_at_fork(after_in_child=_hanging.clear)


class Watch:
    """Tells whose code runs, so that it is known who hangs, and that nobody waits any longer."""

    __slots__ = ("_over", "abandoned", "blamed", "running")

    def __init__(self) -> None:
        self.running: type = object
        self.blamed: type | None = None
        self.abandoned = False
        self._over = False

    def end(self) -> None:
        self._over = True

    def is_over(self) -> bool:
        return self._over


def is_hanging(kind: type) -> bool:
    """Whether code of this class was called and has not come back."""
    return any(each is kind for each in _hanging)


def run_apart(work: Callable[[], None], watch: Watch) -> bool:
    """Run work in a thread, and tell whether it came back in time. What it raises is lost.

    Work that does not come back stays in its daemon thread; the class whose code it was in is not called again until
    it does.
    """
    if len(_hanging) >= MOST_HANGING:
        return False

    def run() -> None:
        with suppress(BaseException):
            work()
        watch.end()
        if watch.blamed is not None:
            _forgive(watch.blamed)

    thread = threading.Thread(target=run, name="actionlog-payload", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no more threads, or the interpreter is shutting down
        return False
    thread.join(PATIENCE)
    if watch.is_over():
        return True
    watch.abandoned = True
    watch.blamed = watch.running
    _hanging.append(watch.blamed)
    if watch.is_over():  # just now, and it may have looked before it was blamed
        _forgive(watch.blamed)
    return False


def ask_apart(kind: type, question: Callable[[], T]) -> T | None:
    """What code of this class answers to one question; None when it fails, or does not answer in time."""
    if is_hanging(kind):
        return None
    told: list[T] = []
    watch = Watch()
    watch.running = kind
    return told[0] if run_apart(lambda: told.append(question()), watch) and told else None


def _forgive(kind: type) -> None:
    for position, each in enumerate(_hanging):
        if each is kind:
            with suppress(IndexError):  # the other side was first
                del _hanging[position]
            return
