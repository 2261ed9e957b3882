"""The whole demonstration, as it is run, against a real server: what it says is what the server has on record."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

from actionlog_site.tests.processes import is_gone, wait_until
from benchmarks.server import Server, fresh_server
from demonstration.laboratory.child import ROOT

# Of seed 7 the first eight are, in this order: stale_cache, bad_release, stale_cache_service_down, pool_hoards,
# service_killed, service_hangs, uploads_left, core_dumps.
SEED = "7"
INCIDENT = re.compile(r"^\d\d:\d\d:\d\d  (demo-\S+)")
ATTEMPT = re.compile(r"^ {10}(\w+) +(success|failed|cancelled) +[\d.]+ s")
RESOLUTION = re.compile(r"^ {10}=> (\w+) after")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fresh_server() as server:
        yield server


@contextlib.contextmanager
def demonstration(server: Server, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """It runs; killed at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIONLOG", "DATABASE"))}
    command = [sys.executable, "-m", "demonstration", "--seed", SEED, *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | {"ACTIONLOG_HOME": str(server.home), "PORT": str(urlsplit(server.url).port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", pattern: re.Pattern[str]) -> tuple[re.Match[str], list[str]]:
    """The first line that matches, and all before it."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if found := pattern.match(line):
            return found, lines
    raise AssertionError(f"it said: {''.join(lines)}")


def ask(server: Server, path: str, **parameters: str) -> Any:
    answer = httpx.get(server.url + path, params=parameters, headers={"Authorization": f"Bearer {server.api_key}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(lines: list[str]) -> dict[str, tuple[list[tuple[str, str]], str]]:
    """By incident what the terminal said: the attempts with their outcomes, and how it ended."""
    incidents: dict[str, tuple[list[tuple[str, str]], str]] = {}
    incident: str = ""
    attempts: list[tuple[str, str]] = []
    for line in lines:
        if found := INCIDENT.match(line):
            incident, attempts = found[1], []
        elif found := ATTEMPT.match(line):
            attempts.append((found[1], found[2]))
        elif found := RESOLUTION.match(line):
            incidents[incident] = (attempts, found[1])
    return incidents


def recorded(server: Server, incident_id: str) -> tuple[list[tuple[str, str]], str, dict[str, Any]]:
    """The same as the server has it, and all of its session."""
    (session,) = ask(server, "/api/resolution-monitor/", incident_id=incident_id)["resolution_attempts"]
    attempts = sorted(session["action_attempts"], key=lambda attempt: attempt["started_at"] or "")
    outcomes = [(each["action_type"], each["status"]) for each in attempts if each["status"] != "skipped"]
    return outcomes, session["status"], session


def assert_nothing_left(server: Server) -> None:
    assert sorted(path.name for path in (server.home / "demo").iterdir()) == ["journal", "lock"]
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'actionlog_demo'").fetchone()
    assert row == (0,)


def test_a_run_ends_with_the_record_of_what_happened(server: Server) -> None:
    with demonstration(server, "--rate", "600", "--incidents", "8") as process:
        output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "left out" not in output
    incidents = told(output.splitlines())
    assert len(incidents) == 8

    sessions = {}
    for incident_id, (attempts, ending) in incidents.items():
        outcomes, status, session = recorded(server, incident_id)
        assert (outcomes, status) == (attempts, ending)
        assert session["environment"] == "demo"
        assert session["engine"] == "demo-engine"
        sessions[incident_id[-3:]] = session
        for attempt in session["action_attempts"]:
            steps = {(step["step"], step["status"]) for step in attempt["logs"]}
            assert (("verification", "done") in steps) == (attempt["status"] == "success"), attempt

    assert [ending for _, ending in incidents.values()] == ["resolved"] * 7 + ["escalated"]
    # A cache cannot be cleared while the service is down, and can once it was restarted.
    refused, cleared = [each for each in in_order(sessions["003"]) if each["action_type"] == "clear_cache"]
    assert (refused["status"], refused["error_type"]) == ("failed", "ConnectionRefusedError")
    assert (cleared["status"], cleared["retry_of"]) == ("success", refused["attempt_id"])
    # A process that hangs does not end by being asked to.
    asked, forced = [each for each in in_order(sessions["006"]) if each["action_type"] == "restart_service"]
    assert (asked["status"], asked["error_type"]) == ("failed", "timeout")
    assert (forced["retry_of"], forced["parameters"]["force"]) == (asked["attempt_id"], True)
    # The engine's journal is on the server, by number.
    counts = re.search(r"Of (\d+) entries in the engine's journal the server has (\d+); missing: 0, refused: 0", output)
    assert counts is not None, output
    assert counts[1] == counts[2]
    assert int(counts[1]) > 50
    assert_nothing_left(server)


def in_order(session: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(session["action_attempts"], key=lambda attempt: attempt["started_at"] or "")


def test_ctrl_c_ends_it_after_the_incident_under_way(server: Server) -> None:
    with demonstration(server, "--rate", "600") as process:
        _, before = read_until(process, INCIDENT)
        process.send_signal(signal.SIGINT)
        after, _ = process.communicate(timeout=200)
    assert process.returncode == 0, after
    assert "The laboratory is taken down." in after
    for incident_id, (attempts, ending) in told([*before, *after.splitlines()]).items():
        assert recorded(server, incident_id)[:2] == (attempts, ending)
    assert_nothing_left(server)


def test_killed_it_leaves_no_process_and_the_next_one_delivers_what_it_had_recorded(server: Server) -> None:
    with demonstration(server, "--rate", "600") as process:
        read_until(process, RESOLUTION)
        incident, _ = read_until(process, INCIDENT)
        attempt, _ = read_until(process, ATTEMPT)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    assert len(children) >= 1
    wait_until(lambda: all(is_gone(child.pid) for child in children))
    with demonstration(server, "--rate", "600", "--incidents", "1") as process:
        output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "left out" not in output
    assert (attempt[1], attempt[2]) in recorded(server, incident[1])[0]
    assert_nothing_left(server)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ACTIONLOG_URL": "http://127.0.0.1:1"}, "No Actionlog answers at http://127.0.0.1:1"),
        ({"ACTIONLOG_API_KEY": "no such key"}, "does not take the key"),
        ({"ACTIONLOG_HOME": "/nonexistent"}, "There is no API key"),
    ],
)
def test_without_a_server_that_lets_it_in_it_says_what_to_do(
    changes: dict[str, str], message: str, server: Server, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACTIONLOG")}
    home = {"ACTIONLOG_HOME": str(tmp_path), "ACTIONLOG_URL": server.url}
    done = subprocess.run(
        [sys.executable, "-m", "demonstration"],
        cwd=ROOT,
        env=environment | home | changes,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
