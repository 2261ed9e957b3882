"""The web server in this process: takes the port, says where everything is, drains on Ctrl-C.

The database is there before (manage.py sees to it) and stopped after.
"""

import contextlib
import errno
import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from uuid import uuid4

import uvicorn

from access.sign_in_links import LIFETIME
from actionlog_site.first_run import FirstRun

APPLICATION = "actionlog_site.asgi:application"
DRAIN_SECONDS = 10
# A server that was just told to end still holds its port for a moment.
PORT_PATIENCE_SECONDS = 2.0


class PortTakenError(RuntimeError):
    """Nothing can listen there; the message tells the operator what to do."""


def take_port(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Connections are accepted once a server listens on it.

    Raises PortTakenError when the address is in use or not to be had.
    """
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    while True:
        listener: socket.socket | None = None
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # Bound is not yet taken: of two sockets bound with SO_REUSEADDR, the first to listen wins.
            listener.listen(2048)
        except OSError as error:
            if listener is not None:
                listener.close()
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Port {port} on {host} is in use, by another program or another Actionlog.\n"
                    f"End that one, or choose another port: PORT={port % 65535 + 1} make run"
                ) from error
            raise PortTakenError(
                f"Cannot listen on port {port} of {host}: {error.strerror}. Choose others with HOST and PORT."
            ) from error
        return listener


def run(listener: socket.socket, *, on_ready: Callable[[], None], end_with_parent: bool) -> bool:
    """Serves until SIGINT, SIGTERM or SIGHUP, then finishes the requests under way (up to 10 s).

    Whether it came to serve at all. end_with_parent: also ends when the process that started this one is gone.
    """
    config = uvicorn.Config(
        APPLICATION,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        # A follower of the live feed that reads nothing for a minute answers no ping either, and is not gone.
        ws_ping_timeout=90,
        # Followers only subscribe, and what they are sent would be compressed anew for each of them.
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config, on_ready=on_ready, parent=os.getppid() if end_with_parent else None)
    server.run(sockets=[listener])
    return server.started


def greeting(*, host: str, port: int, sign_in_path: str, first: FirstRun) -> str:
    """What the operator reads when the server is ready."""
    shown_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    address = f"http://{shown_host}:{port}"
    lines = [
        *(f"Note: {notice}" for notice in first.notices),
        f"Actionlog is ready:  {address}/",
        "",
        f"Sign in once, within {LIFETIME // timedelta(minutes=1)} minutes:  {address}{sign_in_path}",
        f"Sign in at any time:  user {first.operator.get_username()}"
        + (f", password in {_shown(first.password_file)}" if first.password_file else ""),
        f"API key:  in {_shown(first.key_file)}",
        "",
        "Record a first action:",
        f"  {curl_line(address, first.key_file)}",
        "",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def curl_line(address: str, key_file: Path) -> str:
    """A command that records one action attempt, to be pasted into a shell as it is."""
    document = {
        "attempt_id": str(uuid4()),
        "action_id": "restart-1",
        "action_type": "restart_service",
        "incident_id": "INC-1",
        "status": "success",
        "reason": "a first try",
    }
    body = json.dumps({"action_attempts": [document]})
    return (
        f"""curl -sS {address}/api/ingest/ -H "Authorization: Bearer $(cat {shlex.quote(_shown(key_file))})" """
        f"""-H 'Content-Type: application/json' -d '{body}'"""
    )


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None], parent: int | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        # Killed with -9, make could not tell us to end, and nobody would know that the port is still held.
        if self._parent is not None and os.getppid() != self._parent:
            self.should_exit = True
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Unlike uvicorn's own, does not raise the signal again afterwards: the database is yet to be stopped."""

        def end(number: int, frame: FrameType | None) -> None:
            if number == signal.SIGINT and self.should_exit:
                self.force_exit = True
            self.should_exit = True

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
            numbers.append(signal.SIGHUP)
        previous = {number: signal.signal(number, end) for number in numbers}
        try:
            yield
        finally:
            # A further Ctrl-C, sent in impatience, must not keep the database from being stopped.
            for number in previous:
                signal.signal(number, signal.SIG_IGN)
            sys.stdout.flush()
