"""Holds what engines have logged against what the server has, attempt by attempt and number by number."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from benchmarks.server import Server

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Account:
    """The calls that returned, by attempt."""

    started: set[str] = field(default_factory=set)
    steps: dict[str, set[int]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def read(self, output: bytes) -> None:
        """Take in what an engine said. A line without an end was not said."""
        for line in output.decode().split("\n")[:-1]:
            match line.split():
                case ["start", attempt_id]:
                    self.started.add(attempt_id)
                case ["step", attempt_id, sequence]:
                    self.steps.setdefault(attempt_id, set()).add(int(sequence))
                case ["end", attempt_id, status]:
                    self.ended[attempt_id] = status

    def assert_on_record(self, attempts: Iterable[dict[str, Any]]) -> None:
        """Each call that returned is on record, once; what is there beyond that, a call told that did not return."""
        found: dict[str, dict[str, Any]] = {}
        for attempt in attempts:
            assert attempt["attempt_id"] not in found
            found[attempt["attempt_id"]] = attempt
        assert self.started <= found.keys()
        # Of each engine thread at most one call was under way when it was killed.
        for attempt_id, steps in self.steps.items():
            sequences = [step["sequence"] for step in found[attempt_id]["logs"]]
            assert len(sequences) == len(set(sequences))
            assert steps <= set(sequences), (attempt_id, found[attempt_id]["extra"])
            assert all(step["details"]["sequence"] == step["sequence"] for step in found[attempt_id]["logs"])
        for attempt_id, status in self.ended.items():
            assert found[attempt_id]["status"] == status


def engine_environment(server: Server, journal_dir: Path, *, url: str | None = None) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "ACTIONLOG_URL": url or server.url,
        "ACTIONLOG_API_KEY": server.api_key,
        "ACTIONLOG_JOURNAL_DIR": str(journal_dir),
    }


def run(script: str, environment: dict[str, str], *, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
    """A Python program to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def start_engine(environment: dict[str, str], incident_id: str, *more: str, output: Path) -> "subprocess.Popen[bytes]":
    """An engine process; what it says goes into a file, which cannot make it wait."""
    with output.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "actionlog_client.tests.engine_process", incident_id, *more],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
        )


def get(server: Server, path: str, **parameters: str) -> dict[str, Any]:
    """One answer of the server."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    request = Request(f"{server.url}{path}{query}", headers={"Authorization": f"Bearer {server.api_key}"})  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def attempts_of(server: Server, incident_id: str) -> list[dict[str, Any]]:
    """All attempts of an incident, with their steps; none while nothing is known of it."""
    try:
        sessions = get(server, "/api/resolution-monitor/", incident_id=incident_id)["resolution_attempts"]
    except HTTPError as error:
        if error.code != 404:
            raise
        return []
    return [attempt for session in sessions for attempt in session["action_attempts"]]


def engines(server: Server) -> list[dict[str, Any]]:
    """All engine instances that the server knows."""
    page = get(server, "/api/engines/", limit="100")
    found: list[dict[str, Any]] = page["results"]
    while page["next"]:
        page = get(server, page["next"].removeprefix(server.url))
        found += page["results"]
    return found


def journals_in(journal_dir: Path) -> list[str]:
    """The ids of the journals in a folder that hold anything: of one whose engine was killed before the first line was
    whole, there is nothing to tell."""
    return [
        path.name
        for path in journal_dir.iterdir()
        if len(path.name) == 32 and any(b"\n" in segment.read_bytes() for segment in path.glob("*.log"))
    ]


def wait_until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def wait_until_complete(server: Server, journals: Iterable[str], *, seconds: float = 120) -> list[dict[str, Any]]:
    """The engines page once it has all numbers of these journals; raises AssertionError when it never does."""
    wanted = set(journals)
    deadline = time.monotonic() + seconds
    while True:
        found = [engine for engine in engines(server) if engine["journal_id"].replace("-", "") in wanted]
        if len(found) == len(wanted) and all(
            not engine["missing"] and engine["stored"] + engine["refused"] == engine["written"] for engine in found
        ):
            return found
        assert time.monotonic() < deadline, [
            (engine["journal_id"], engine["written"], engine["stored"], engine["missing_numbers"]) for engine in found
        ]
        time.sleep(0.2)
