"""The worker and the database it uses, as their operator sees them."""

from pathlib import Path
from typing import Final

from demonstration.laboratory.child import Child
from demonstration.laboratory.database import CONNECTION_LIMIT, LimitedDatabase

COMMAND_SECONDS: Final = 10.0


class Pool:
    """A worker process, and the limited database to which it connects."""

    name: Final = "worker"

    def __init__(self, folder: Path, database_url: str) -> None:
        self.database = LimitedDatabase(database_url)
        self._work = 0
        self._child = Child(self.name, "demonstration.laboratory.worker", folder)

    def start(self) -> None:
        """Raises LeftOut when the database cannot be had, ChildError when the worker does not come up."""
        self.database.create()
        self._start_worker()

    def end(self) -> None:
        self._child.kill()
        self.database.drop()

    def work(self, connections: int) -> None:
        """There is work for so many connections at once, until settle(), whichever worker does it."""
        self._work = connections
        self.command(f"work {connections}")

    def command(self, line: str) -> int:
        """Tells the worker to do something, see worker.py; the number of connections that it answers."""
        return int(self._child.ask(line, COMMAND_SECONDS))

    def drain(self) -> int:
        """The worker closes what lies idle in its pool; how many that were."""
        closed = self.command("drain")
        if closed:
            self.database.wait_until_free()
        return closed

    def restart_worker(self, seconds: float) -> None:
        """Raises TimeoutError when it does not end by being asked to."""
        self._child.stop(seconds)
        self.database.wait_until_free()
        self._start_worker()

    def settle(self) -> None:
        """A worker without connections, and the limit that it began with."""
        self._work = 0
        if self._child.pid is None:
            self._start_worker()
        self.command("rest")
        self.database.terminate_all()
        self.database.set_limit(CONNECTION_LIMIT)

    def _start_worker(self) -> None:
        self._child.start()
        self._child.ask(self.database.conninfo, COMMAND_SECONDS)
        if self._work:
            self.command(f"work {self._work}")
