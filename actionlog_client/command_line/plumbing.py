"""The descriptors between a command, the relay and the recorder: pipes, or a pseudo-terminal."""

import os
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from actionlog_client.command_line.child import copy_size
from actionlog_client.command_line.relay import Stream, start_relay

# The command has ended; so long its last output may take to pass through us.
RELAY_SECONDS: Final = 0.5


class Plumbing:
    """Made before the command is started, with its relay. A context manager, which gives the terminal back.

    copies: where the recorder reads, by the name of the stream. descriptors: what the command gets, as child.start()
    takes it. terminal: the command's own, if it has one.
    """

    def __init__(self, *, tty: bool) -> None:
        self.copies: dict[str, int] = {}
        self.descriptors: dict[int, int | str] = {}
        self.terminal: int | None = None
        self._theirs: list[int] = []
        self._before: list[Any] | None = None
        self._streams: list[Stream] = []
        if tty:
            self._make_terminal()
        else:
            self._make_pipes()
        self._relay = start_relay(self._streams, [*self._theirs, *self.copies.values()])
        for stream in self._streams:
            for descriptor in (stream.source, stream.copy):
                if descriptor is not None and descriptor > 2 and descriptor != self.terminal:
                    os.close(descriptor)

    def let_go(self) -> None:
        """The command has been started, or will not be: its ends of the pipes are its own now."""
        while self._theirs:
            os.close(self._theirs.pop())

    def wait_for_relay(self) -> None:
        """Until what the command printed has arrived, or that takes too long: then it goes on arriving without us."""
        deadline = time.monotonic() + RELAY_SECONDS
        while time.monotonic() < deadline:
            ended, _ = os.waitpid(self._relay, os.WNOHANG)
            if ended:
                return
            time.sleep(0.002)

    def __enter__(self) -> Self:
        if self.terminal is not None and os.isatty(0):
            import termios
            import tty

            self._before = termios.tcgetattr(0)
            tty.setraw(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        if self._before is not None:
            import termios

            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, self._before)

    def _make_pipes(self) -> None:
        for number, name in ((1, "stdout"), (2, "stderr")):
            source, theirs = os.pipe()
            self._copy_of(name, source, number)
            self.descriptors[number] = theirs
            self._theirs.append(theirs)

    def _make_terminal(self) -> None:
        self.terminal, slave = os.openpty()
        copy_size(self.terminal)
        self._copy_of("terminal", self.terminal, 1)
        # Held open until the command is there: a terminal that nobody has open is at its end.
        self._theirs.append(slave)
        path = os.ttyname(slave)
        if os.isatty(0):
            self.descriptors[0] = path
            self._streams.append(Stream(0, self.terminal))
        self.descriptors[1] = path
        self.descriptors[2] = path

    def _copy_of(self, name: str, source: int, target: int) -> None:
        self.copies[name], copy = os.pipe()
        self._streams.append(Stream(source, target, copy))
