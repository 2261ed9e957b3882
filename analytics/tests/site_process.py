"""The whole site in a process of its own, on the test database, as a browser sees it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from resolutions.feed.tests.recording import conninfo

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def site_process(port: int) -> Iterator[str]:
    """Yields the origin at which the site answers."""
    command = [sys.executable, "-m", "uvicorn", "actionlog_site.asgi:application"]
    process = subprocess.Popen(  # noqa: S603  # all of it is written here
        [*command, "--host", HOST, "--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "1"],
        env=os.environ | {"DATABASE_URL": conninfo(), "SECRET_KEY": settings.SECRET_KEY},
        cwd=settings.BASE_DIR,
    )
    try:
        _wait_until_listening(port, process)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        assert process.poll() is None, "the site's process ended"
        assert time.monotonic() < deadline, "the site's process does not listen"
        time.sleep(0.05)
