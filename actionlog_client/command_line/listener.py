"""The thread of `actionlog run` that reads the copy of the output and has it made into steps (output.py)."""

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from actionlog_client.command_line.output import Allowance, Gatherer

_CHUNK: Final = 256 * 1024
# The command has ended, but not its output: somebody else has it open. So long nothing may come before we believe it,
# and so long we listen at most.
QUIET_SECONDS: Final = 0.5
MOST_SECONDS: Final = 3.0


class Listener:
    """Reads from the beginning on. copies: descriptors by the name of their stream; it closes them."""

    def __init__(
        self, copies: dict[str, int], tell: Callable[[str, str, Any], None], clean: Callable[[str], str]
    ) -> None:
        allowance = Allowance(time.monotonic())
        self._gatherers = {name: Gatherer(name, tell, allowance, clean) for name in copies}
        self._names = {descriptor: name for name, descriptor in copies.items()}
        self._ended_at: float | None = None
        self._waker, self._wake = os.pipe()
        self.is_left_open = False
        self._thread = threading.Thread(target=self._run, name="actionlog-output", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The command has ended: returns when its output has been recorded."""
        self._ended_at = time.monotonic()
        os.write(self._wake, b".")
        self._thread.join()
        os.close(self._wake)
        os.close(self._waker)

    def last_words(self) -> str:
        """The last lines of stderr that say something, or of the terminal."""
        spoken = [self._gatherers[name] for name in ("stderr", "terminal") if name in self._gatherers]
        return "\n".join(line for gatherer in spoken for line in gatherer.last_lines())

    def _run(self) -> None:
        try:
            self._listen()
        finally:
            # Whatever happens to us, the command must not wait for us.
            for descriptor in self._names:
                os.close(descriptor)
        for gatherer in self._gatherers.values():
            gatherer.end(time.monotonic())

    def _listen(self) -> None:
        waiting = select.poll()
        waiting.register(self._waker, select.POLLIN)
        for descriptor in self._names:
            waiting.register(descriptor, select.POLLIN)
        heard_at = time.monotonic()
        while self._names:
            ready = [descriptor for descriptor, _ in waiting.poll(self._milliseconds(heard_at))]
            now = time.monotonic()
            if ready:
                heard_at = now
            for descriptor in ready:
                if descriptor == self._waker:
                    waiting.unregister(descriptor)
                    continue
                name = self._names[descriptor]
                if data := os.read(descriptor, _CHUNK):
                    self._gatherers[name].feed(data, now)
                else:
                    waiting.unregister(descriptor)
                    del self._names[descriptor]
                    os.close(descriptor)
            for gatherer in self._gatherers.values():
                gatherer.tick(now)
            if self._ended_at is not None and (
                now - max(heard_at, self._ended_at) >= QUIET_SECONDS or now - self._ended_at >= MOST_SECONDS
            ):
                self.is_left_open = bool(self._names)
                break

    def _milliseconds(self, heard_at: float) -> float | None:
        """How long to wait at most."""
        times = [due for gatherer in self._gatherers.values() if (due := gatherer.due()) is not None]
        if self._ended_at is not None:
            times.append(max(heard_at, self._ended_at) + QUIET_SECONDS)
        return max(0.0, min(times) - time.monotonic()) * 1000 + 1 if times else None
