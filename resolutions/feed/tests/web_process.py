"""A real web process on the test database, and clients of its WebSocket."""

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def web_process(port: int | None = None) -> "Iterator[WebProcess]":
    """On the port given, where one is to come back to, or on any free one."""
    port = port or free_port()
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
        "90",
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
        assert process.wait(10) in (0, -15)


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
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
        self._connection = connect(url, additional_headers=headers, max_size=None, proxy=None)
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

    def hear(self, timeout: float = 10) -> dict[str, Any]:
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
