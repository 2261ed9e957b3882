"""What the tests of starting and stopping share: children that run as whom they are told, and are always ended."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from actionlog_site.home import BASE_DIR

PATIENCE_SECONDS = 60

# The user is changed inside the child, after its imports: another user may be unable to read this Python's own files.
PREAMBLE = """
import os, sys, time
from pathlib import Path
import psycopg
from actionlog_site.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, running_url
uid = int(sys.argv[1])
if uid != os.geteuid():
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
home = Path(sys.argv[2])
"""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without the database and the home of the test run, and as of no worker of it."""
    own = {"DATABASE_URL", "ACTIONLOG_HOME", "PYTEST_XDIST_WORKER"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return kept | changes


def python(code: str, home: Path, *, uid: int | None = None, **changes: str) -> list[str]:
    """Runs the code, with PREAMBLE before it, in a child to its end; the lines that it printed."""
    done = subprocess.run(
        _command(code, home, uid), env=environment(**changes), cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def running_python(code: str, home: Path, *, uid: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """The same, while it runs. Killed at the end."""
    child = subprocess.Popen(
        _command(code, home, uid), env=environment(), cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def _command(code: str, home: Path, uid: int | None) -> list[str]:
    return [sys.executable, "-c", PREAMBLE + code, str(os.geteuid() if uid is None else uid), str(home)]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that its parent has yet to take note of has."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def kill_all(processes: list[psutil.Process]) -> None:
    """kill -9, all at once as far as that goes: stopped first, so that none can react to the end of another."""
    for act in (psutil.Process.suspend, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # a backend may end by itself meanwhile
                act(process)
    wait_until(lambda: all(is_gone(process.pid) for process in processes))
