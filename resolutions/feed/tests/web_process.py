"""A real web process on the test database, and clients of its WebSocket."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import msgspec
from django.conf import settings
from websockets.sync.client import connect

from resolutions.feed.tests.recording import conninfo

HOST = "127.0.0.1"
# For what surely comes, on whatever machine.
PATIENCE_SECONDS = 60.0


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody else is given meanwhile, also while no server listens there: a socket stays bound to it.

    A server may listen beside it, since both sockets allow the address to be used again, as servers' sockets do.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


@contextmanager
def web_process(port: int | None = None) -> "Iterator[WebProcess]":
    """On the port given, where one is to come back to, or on any free one."""
    with contextlib.ExitStack() as held, _web_process(port or held.enter_context(reserved_port())) as web:
        yield web


@contextmanager
def _web_process(port: int) -> "Iterator[WebProcess]":
    command = [sys.executable, "-m", "uvicorn", "actionlog_site.asgi:application"]
    options = [
        "--host",
        HOST,
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--ws-per-message-deflate",
        "false",
        "--ws-ping-timeout",
        "300",
    ]
    process = subprocess.Popen(  # noqa: S603  # all of it is written here
        [*command, *options],
        env=os.environ | {"DATABASE_URL": conninfo(), "SECRET_KEY": settings.SECRET_KEY},
        cwd=settings.BASE_DIR,
    )
    try:
        _wait_until_listening(port, process)
        yield WebProcess(port, process.pid)
    finally:
        process.terminate()
        # Its followers are told to go, and it ends: a hub that hangs fails here.
        assert process.wait(PATIENCE_SECONDS) in (0, -15)


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        assert process.poll() is None, "the web process ended"
        assert time.monotonic() < deadline, "the web process does not listen"
        time.sleep(0.05)


class WebProcess:
    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self.origin = f"http://{HOST}:{port}"

    def follow(self, token: str | None = None, *, query: str = "", **headers: str) -> "Follower":
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return Follower(f"ws://{HOST}:{self.port}/ws/live-feed/{query}", headers)


class Follower:
    """A client of the feed that keeps the state of what it was told, as a browser's page would."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._connection = connect(
            url, additional_headers=headers, max_size=None, proxy=None, open_timeout=PATIENCE_SECONDS
        )
        self.socket = self._connection.__enter__()
        self.cursor = -1
        self.attempts: dict[str, dict[str, Any]] = {}
        self.resolutions: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    def say(self, **message: Any) -> None:
        self.socket.send(msgspec.json.encode(message).decode())

    def subscribe(self, after: int | str | None = None, **filters: str) -> Self:
        """Subscribe; from the head, wait until the server tells where that is."""
        self.say(type="subscribe", after=after, filters=filters)
        if after is None:
            assert self.hear()["type"] == "heartbeat"
        return self

    def hear(self, timeout: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next message; raises TimeoutError when none comes in time (seconds)."""
        message: dict[str, Any] = msgspec.json.decode(self.socket.recv(timeout))
        self.cursor = message.get("cursor", self.cursor)
        for row in message.get("attempts", []):
            self.attempts[row["attempt_id"]] = row
        for row in message.get("resolutions", []):
            self.resolutions[row["resolution_id"]] = row
        return message

    def follow_to(self, cursor: int) -> Self:
        while self.cursor < cursor:
            self.hear()
        return self
