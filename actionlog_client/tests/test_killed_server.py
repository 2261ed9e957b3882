"""Servers that are killed at any moment, and answers that are lost after the commit, cost no record and double none."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actionlog_client.tests.accounts import (
    ROOT,
    Account,
    attempts_of,
    engine_environment,
    journals_in,
    start_engine,
    wait_until_complete,
)
from actionlog_client.tests.unreliable import UnreliableWay
from benchmarks.server import Server
from resolutions.feed.tests.web_process import reserved_port

KILLS = 50
ENGINES = 2


class KillableServer:
    """A second web process on the same database: killed, and there again."""

    def __init__(self, nursery: "subprocess.Popen[bytes]", port: int) -> None:
        self._nursery = nursery
        self.url = f"http://127.0.0.1:{port}"
        self._process_id = 0

    def start(self) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(b"start\n")
        self._nursery.stdin.flush()
        self._process_id = int(self._nursery.stdout.readline())

    def kill(self) -> None:
        os.kill(self._process_id, signal.SIGKILL)


@contextmanager
def killable(server: Server) -> Iterator[KillableServer]:
    with reserved_port() as port:
        yield from _killable(server, port)


def _killable(server: Server, port: int) -> Iterator[KillableServer]:
    nursery = subprocess.Popen(
        [sys.executable, "-m", "actionlog_client.tests.nursery", str(port)],
        cwd=ROOT,
        env=os.environ | {"ACTIONLOG_HOME": str(server.home), "DATABASE_URL": server.database_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process = KillableServer(nursery, port)
    try:
        process.start()
        yield process
        process.kill()
    finally:
        nursery.kill()
        nursery.wait()
        for pipe in (nursery.stdin, nursery.stdout):
            if pipe is not None:
                pipe.close()


def finish(server: Server, engines: "dict[str, subprocess.Popen[bytes]]", folder: Path, journal_dir: Path) -> None:
    """Wait for engines that log a certain number, and hold their accounts against the record."""
    for engine in engines.values():
        assert engine.wait(120) == 0
    found = wait_until_complete(server, journals_in(journal_dir))
    assert {engine["refused"] for engine in found} == {0}
    for incident in engines:
        account = Account()
        said = (folder / incident).read_bytes()
        account.read(said)
        assert said.endswith(b"done True\n")
        assert len(account.ended) == len(account.started)
        attempts = attempts_of(server, incident)
        account.assert_on_record(attempts)
        assert {attempt["attempt_id"] for attempt in attempts} == account.started
        assert all(len(attempt["logs"]) == 3 for attempt in attempts)


def test_a_server_killed_fifty_times_under_load_has_every_call_once(server: Server, tmp_path: Path) -> None:
    chance = random.Random(1123)
    journal_dir, stop = tmp_path / "journal", tmp_path / "stop"
    with killable(server) as process:
        # The load lasts as long as the kills do, and stays within the disk budget however long that is.
        environment = engine_environment(server, journal_dir, url=process.url)
        environment |= {"PACE": "0.004", "STOP_FILE": str(stop)}
        engines = {
            f"outage-{number}": start_engine(
                environment, f"outage-{number}", "2", "15000", output=tmp_path / f"outage-{number}"
            )
            for number in range(ENGINES)
        }
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.6))
            process.kill()
            process.start()
        assert all(engine.poll() is None for engine in engines.values()), "the load ended before the kills"
        stop.touch()
        finish(server, engines, tmp_path, journal_dir)


def test_answers_that_are_lost_after_the_commit_change_nothing(server: Server, tmp_path: Path) -> None:
    journal_dir = tmp_path / "journal"
    with UnreliableWay(server.url, losing_answers=0.5, seed=7) as way:
        environment = engine_environment(server, journal_dir, url=way.url)
        engines = {"lost": start_engine(environment, "lost", "2", "500", output=tmp_path / "lost")}
        finish(server, engines, tmp_path, journal_dir)
    assert way.lost > 5
