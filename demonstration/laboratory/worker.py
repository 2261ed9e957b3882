"""The program that uses the database: a worker with a pool of connections that it can mishandle.

Run as `python -m demonstration.laboratory.worker FOLDER`; the first line of its standard input is how to connect, each
further line a command, answered by one line of what came of it:

    hoard       takes connections until no more are given, and keeps them idle in its pool
    leak        takes connections until no more are given, and loses them in the midst of a transaction
    leak on     and takes and loses every one that becomes free
    work N      needs N connections, and each is busy; what it does not get it tries to get again
    drain       closes the idle ones of its pool
    rest        closes them all
"""

import contextlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Final

import psycopg

from demonstration.laboratory.companion import say_ready, take_note

APPLICATION: Final = "actionlog-demo-worker"
TRY_AGAIN_SECONDS: Final = 0.1
MOST: Final = 50

Connection = psycopg.Connection[tuple[object, ...]]


class Worker:
    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._pool: list[Connection] = []
        self._lost: list[Connection] = []
        self._busy: list[Connection] = []
        self._leaks_on = False
        self._work = 0

    def obey(self, command: str) -> str:
        match command.split():
            case ["hoard"]:
                self._pool += self._take()
            case ["leak", *on]:
                self._leak()
                self._leaks_on = bool(on)
            case ["work", count]:
                self._work = int(count)
                self._take_up_work()
            case ["drain"]:
                return str(self._close(self._pool))
            case ["rest"]:
                self._leaks_on, self._work = False, 0
                return str(self._close(self._pool) + self._close(self._lost) + self._close(self._busy))
            case _:
                return f"unknown command: {command}"
        return str(len(self._pool) + len(self._lost) + len(self._busy))

    def try_again(self) -> None:
        """To be called now and then."""
        if self._leaks_on:
            self._leak()
        if self._work:
            self._take_up_work()

    def _take_up_work(self) -> None:
        self._busy = [connection for connection in self._busy if _is_alive(connection)]
        for connection in self._take(self._work - len(self._busy)):
            connection.pgconn.send_query(b"SELECT pg_sleep(3600)")
            self._busy.append(connection)

    def _leak(self) -> None:
        self._lost = [connection for connection in self._lost if _is_alive(connection)]
        for connection in self._take():
            connection.execute("BEGIN")
            connection.execute("SELECT 1")
            self._lost.append(connection)

    def _take(self, most: int = MOST) -> list[Connection]:
        taken: list[Connection] = []
        with contextlib.suppress(psycopg.OperationalError):
            while len(taken) < most:
                taken.append(psycopg.connect(self._conninfo, autocommit=True, application_name=APPLICATION))
        return taken

    def _close(self, connections: list[Connection]) -> int:
        count = len(connections)
        for connection in connections:
            with contextlib.suppress(psycopg.Error):  # the server may have ended it meanwhile
                if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    connection.cancel_safe(timeout=2)
            connection.close()
        connections.clear()
        return count


def _is_alive(connection: Connection) -> bool:
    # A backend that was terminated has said so, and closed: there is something to read.
    return not select.select([connection.fileno()], [], [], 0)[0]


def _read_line() -> bytes:
    """A line of standard input, without a buffer: what waits in one is not seen by select."""
    line = b""
    while not line.endswith(b"\n") and (more := os.read(0, 1)):
        line += more
    return line


def main() -> None:
    folder = Path(sys.argv[1])
    take_note(folder, "worker")
    # Gracefully: the server goes on for long with what a client has asked and no longer waits for.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    say_ready()
    worker = Worker(_read_line().decode().strip())
    print("connected", flush=True)
    try:
        while True:
            if not select.select([0], [], [], TRY_AGAIN_SECONDS)[0]:
                worker.try_again()
            elif line := _read_line().decode().strip():
                print(worker.obey(line), flush=True)
            else:
                return
    finally:
        worker.obey("rest")


if __name__ == "__main__":
    main()
