"""A web process to measure or to test against: started as `make run` starts it, and stopped for certain."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from actionlog_site.embedded_postgres import EmbeddedPostgres

ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
READY: Final = re.compile(r"Actionlog is ready:\s+(http://\S+?)/?\s*$")


class ServerError(RuntimeError):
    """The web process did not start; the message holds what it said."""


@dataclass(frozen=True)
class Server:
    """A running web process: its address without a trailing slash, a key for reading and writing, its database, and
    the last lines that it said."""

    url: str
    api_key: str
    database_url: str
    home: Path
    pid: int
    said: deque[str]

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command of manage.py on the same database, to its end; its exit code and what it printed."""
        return manage(self.home, self.database_url, *arguments)

    def peak_rss_mb(self) -> float:
        """The most memory it ever held, in MiB; where the system does not tell that, what it holds now."""
        with contextlib.suppress(FileNotFoundError):
            told = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
            if told:
                return int(told[1]) / 1024
        return float(psutil.Process(self.pid).memory_info().rss) / 1024 / 1024


def manage(home: Path, database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command of manage.py to its end; its exit code and what it printed."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=ROOT,
        env=_environment(home, database_url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def fresh_server() -> Iterator[Server]:
    """A web process on a new and durable embedded database, both in a temporary home that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="actionlog-benchmark-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        database = EmbeddedPostgres(home)
        try:
            database_url = database.start()
            with web_process(home, database_url=database_url, holds_database=True) as server:
                yield server
        finally:
            database.stop()


@contextlib.contextmanager
def web_process(home: Path, *, database_url: str, holds_database: bool = False) -> Iterator[Server]:
    """`manage.py serve` on a free port, migrated and with its first key. Raises ServerError when it does not start.

    holds_database: the database is the embedded one of this home. The web process is then told the home only and holds
    the database too: should this process be killed, it ends itself and then the database.
    """
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", "--host", "127.0.0.1", "--port", "0", "--end-with-parent"],
        cwd=ROOT,
        env=_environment(home, "" if holds_database else database_url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the other in order
    )
    try:
        said: deque[str] = deque(maxlen=100)
        url = _wait_until_ready(process, said)
        yield Server(url, (home / "api-key").read_text().strip(), database_url, home, process.pid, said)
    finally:
        _stop(process)
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt for the time being, as Ctrl-C does, so that all is cleaned up."""
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    previous = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _environment(home: Path, database_url: str) -> dict[str, str]:
    return os.environ | {"ACTIONLOG_HOME": str(home), "DATABASE_URL": database_url}


def _wait_until_ready(process: subprocess.Popen[str], said: deque[str]) -> str:
    """The address from the greeting. Goes on reading afterwards, so that the process never waits for us to read."""
    found: list[str] = []
    ready = threading.Event()

    def listen(output: IO[str]) -> None:
        with contextlib.suppress(ValueError):  # closed while we were reading
            for line in output:
                said.append(line)
                address = READY.search(line)
                if address:
                    found.append(address[1])
                    ready.set()
        ready.set()

    assert process.stdout is not None
    threading.Thread(target=listen, args=(process.stdout,), daemon=True).start()
    if not ready.wait(START_SECONDS) or not found:
        raise ServerError(f"The web process did not become ready. It said:\n{''.join(said)}")
    return found[0]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
