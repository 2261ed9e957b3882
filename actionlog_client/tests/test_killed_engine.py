"""Engines that are killed at any moment lose no call that returned, and the server can say so by number."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from actionlog_client import ActionLogger
from actionlog_client.tests.accounts import (
    Account,
    attempts_of,
    engine_environment,
    journals_in,
    start_engine,
    wait_until,
    wait_until_complete,
)
from benchmarks.server import Server

KILLS = 50
AT_ONCE = 5


@pytest.mark.timeout(600)
def test_every_call_that_returned_before_a_kill_is_on_the_server_once(server: Server, tmp_path: Path) -> None:
    chance = random.Random(20261123)
    # However fast the machine, all of them together stay far from the disk budget: no step may be dropped here.
    environment = engine_environment(server, tmp_path / "journal") | {
        "PACE": "0.0005",
        "ACTIONLOG_DISK_BUDGET": str(4 * 1024**3),
    }
    said: dict[str, Path] = {}
    for first in range(0, KILLS, AT_ONCE):
        running: dict[str, subprocess.Popen[bytes]] = {}
        for number in range(first, first + AT_ONCE):
            incident = f"killed-{number}"
            said[incident] = tmp_path / incident
            running[incident] = start_engine(environment, incident, str(1 + number % 3), output=said[incident])
        # Each at a moment of its own: most of them amid their work, on a machine of any speed, and the first of each
        # five at some moment from its first breath on.
        early, *others = running
        time.sleep(chance.uniform(0.0, 1.5))
        running[early].send_signal(signal.SIGKILL)
        for incident in others:
            wait_until(lambda output=said[incident]: output.stat().st_size > 0)  # type: ignore[misc]
        due = sorted((chance.uniform(0.0, 2.0), incident) for incident in others)
        began = time.monotonic()
        for moment, incident in due:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            running[incident].send_signal(signal.SIGKILL)
        for process in running.values():
            process.wait(10)
    accounts = {incident: Account() for incident in said}
    for incident, output in said.items():
        accounts[incident].read(output.read_bytes())
    assert sum(bool(account.started) for account in accounts.values()) >= KILLS * 4 / 5

    # The next engine that uses the folder delivers what the dead ones left.
    with ActionLogger(server.url, server.api_key, tmp_path / "journal", engine="heir", json_store="") as heir:
        heir.start_action_attempt("adopt", "adopt", {}, "heir").mark_success()
        journals = journals_in(tmp_path / "journal")
        found = wait_until_complete(server, journals, seconds=90)
    assert {engine["refused"] for engine in found} == {0}
    for incident, account in accounts.items():
        if account.started:
            account.assert_on_record(attempts_of(server, incident))
