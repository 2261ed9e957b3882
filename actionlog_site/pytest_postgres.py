"""The pytest plugin that gives the suite its database and its ACTIONLOG_HOME.

Without DATABASE_URL, an embedded PostgreSQL is started in a temporary folder for the time of the run. Where
pytest-xdist runs the tests in several processes, its controller starts the server, and each worker has a home and a
database of its own (pytest-django names it after the worker). No fixtures here: those of the database are its too.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

HOME_PREFIX = "actionlog-tests-"
# A younger folder may belong to a run that is just starting.
LEFTOVER_SECONDS = 60


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before pytest-django, in the same hook, imports the settings, which read both variables."""
    # Cleanups run however pytest ends: done, failed to begin, or interrupted; SIGTERM and SIGHUP now interrupt.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        # In the controller's home, which goes with the controller; one that replaces a crashed worker has another name.
        home = Path(os.environ["ACTIONLOG_HOME"], worker)
        home.mkdir()
        os.environ["ACTIONLOG_HOME"] = str(home)
        return (yield)
    _remove_leftovers()
    home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX))
    early_config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ["ACTIONLOG_HOME"] = str(home)
    if not os.environ.get("DATABASE_URL"):
        server = EmbeddedPostgres(home, durable=False)
        early_config.add_cleanup(lambda: _stop(server))
        try:
            os.environ["DATABASE_URL"] = server.start()
        except EmbeddedPostgresError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For -n auto: one more than there are processors, since many tests wait for processes that they start; at most 8,
    which the 100 connections of the server are enough for."""
    return min((os.cpu_count() or 1) + 1, 8)


def pytest_report_header() -> str:
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT split_part(version(), ' on ', 1)").fetchone()
    return f"database: {row[0] if row else 'unknown'}"


def _stop(server: EmbeddedPostgres) -> None:
    os.environ.pop("DATABASE_URL", None)
    server.stop()


def _remove_leftovers() -> None:
    """Ends what runs that were killed have left. A server that a live process uses is not touched."""
    for home in Path(tempfile.gettempdir()).glob(f"{HOME_PREFIX}*"):
        with contextlib.suppress(OSError, EmbeddedPostgresError):
            told = home.stat()
            old = time.time() - told.st_mtime > LEFTOVER_SECONDS
            if old and told.st_uid == os.geteuid() and EmbeddedPostgres(home).stop():
                shutil.rmtree(home)
