"""The database for one run of manage.py."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from actionlog_site.embedded_postgres.keeper import Keeper
from actionlog_site.embedded_postgres.server import EmbeddedPostgres
from actionlog_site.home import actionlog_home

# Commands that never connect to a database; a command that is not known here gets one.
WITHOUT_DATABASE = frozenset(
    {
        "",
        "help",
        "version",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "makemessages",
        "spectacular",
        "startapp",
        "startproject",
    }
)


@contextlib.contextmanager
def ensure_database() -> Iterator[None]:
    """Sets DATABASE_URL for the time of a manage.py command, to the embedded server unless it is set already.

    A server that dies meanwhile is started again. It is stopped afterwards, unless other processes use it: of all
    commands on one home, the last one to end stops it. Raises EmbeddedPostgresError when it cannot be started.
    """
    if os.environ.get("DATABASE_URL") or not _needs_database(sys.argv[1:]):
        yield
        return
    previous = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP) if _ends_us(number)}
    server = EmbeddedPostgres(actionlog_home())
    keeper = Keeper(server)
    try:
        os.environ["DATABASE_URL"] = server.start()
        keeper.start()
        yield
    finally:
        os.environ.pop("DATABASE_URL", None)
        try:
            keeper.stop()
        finally:
            server.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _needs_database(arguments: list[str]) -> bool:
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    return command not in WITHOUT_DATABASE and not {"-h", "--help", "--version"} & set(arguments)


def _ends_us(number: signal.Signals) -> bool:
    """Whether the signal would end the process without further ado; under nohup, SIGHUP does not."""
    return signal.getsignal(number) is signal.SIG_DFL


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell reports it, but with the server stopped on the way out
