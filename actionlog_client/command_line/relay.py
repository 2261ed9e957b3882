"""The small process between a command and our own output: passes every byte on at once, and a copy to the recorder.

It is a process of its own so that the command never depends on the recorder: when `actionlog run` is killed, the
command goes on and its output still arrives; when the reader of our output goes (`| head`), the command gets the
SIGPIPE that it would get without us; and what a command leaves running in the background keeps its output.
"""

import contextlib
import errno
import os
import select
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

_CHUNK: Final = 65536
_IGNORED: Final = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM", "SIGTSTP", "SIGTTOU", "SIGTTIN", "SIGUSR1", "SIGUSR2")


@dataclass(slots=True)
class Stream:
    """From a descriptor to another, and to the recorder's pipe; copy is None for what is not recorded."""

    source: int
    target: int
    copy: int | None = None


def start_relay(streams: list[Stream], not_ours: Iterable[int]) -> int:
    """Fork the relay; its process id. not_ours are descriptors that it must not hold open.

    To be called before there are threads, with the signals blocked that the command is to have alone.
    """
    process_id = os.fork()
    if process_id:
        return process_id
    try:
        _serve(streams, not_ours)
    finally:
        os._exit(0)


def _serve(streams: list[Stream], not_ours: Iterable[int]) -> NoReturn:
    # Out of the reach of what the terminal sends to the command and to us: it ends when the output does.
    os.setsid()
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for descriptor in not_ours:
        os.close(descriptor)
    outputs = {stream.source for stream in streams if stream.copy is not None}
    if 0 not in {stream.source for stream in streams}:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    waiting = select.poll()
    for stream in streams:
        waiting.register(stream.source, select.POLLIN)
    by_source = {stream.source: stream for stream in streams}
    while outputs:
        for source, _ in waiting.poll():
            if not _pass_on(by_source[source]):
                waiting.unregister(source)
                outputs.discard(source)
                _end(by_source[source])
    os._exit(0)


def _pass_on(stream: Stream) -> bool:
    """Whether there may be more."""
    try:
        data = os.read(stream.source, _CHUNK)
    except BlockingIOError:
        return True
    except OSError:  # of a pseudo-terminal: all who had it open are gone
        return False
    if not data:
        return False
    if stream.copy is not None and not _write(stream.copy, data):
        os.close(stream.copy)
        stream.copy = None
    return _write(stream.target, data)


def _write(descriptor: int, data: bytes) -> bool:
    """All of it. False when nobody reads there any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # somebody who shares our output made it non-blocking
            select.select([], [descriptor], [])
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                _say(f"actionlog: output is lost: {error.strerror}\n")
            return False
    return True


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


def _end(stream: Stream) -> None:
    if stream.copy is not None:
        os.close(stream.copy)
    if stream.source > 2:
        os.close(stream.source)
