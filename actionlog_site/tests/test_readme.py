"""Every command of the README, run as it stands there against a server of its own."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.server import Server, fresh_server

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fresh_server() as server:
        yield server


def run(block: str, server: Server) -> str:
    """The output of a block, with the address, the home and the interpreter of this test for those of the README."""
    script = (
        block.replace("http://127.0.0.1:8000", server.url)
        .replace("ws://127.0.0.1:8000", server.url.replace("http", "ws"))
        .replace("var/", f"{server.home}/")
        .replace(".venv/bin/python", sys.executable)
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "ACTIONLOG_HOME": str(server.home),
            "DATABASE_URL": server.database_url,
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_does_what_the_readme_says(server: Server) -> None:
    engine, shell, record, batch, verdict, read, advise, patterns, watch, imports, operate = BLOCKS

    outcomes = [
        json.loads(answer)["outcome"] for answer in re.findall(r"\{.*?\](?:,\"cursor\":\d+)\}", run(record, server))
    ]
    assert outcomes == ["created", "updated", "updated"]
    assert [result["outcome"] for result in json.loads(run(batch, server))["results"]] == ["created", "created"]

    given = json.loads(run(verdict, server))
    assert (given["outcome"], given["verdict"]["source"]) == ("created", "alert")

    decoder, text, answers = json.JSONDecoder(), run(read, server), []
    while text:
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:].lstrip()
    assert not [answer for answer in answers if "error" in answer]
    failed, recent, incident, metrics, statistics, by_kind, closed, timeline, steps, engines, feed = answers
    assert [attempt["action_id"] for attempt in failed["results"]] == ["clear_cache_001"]
    assert len(recent["results"]) == 2
    assert incident["incident_id"] == "inc_001"
    assert metrics["attempts"]["success_rate"] == 0.5
    assert metrics["exact"] is True
    assert statistics["total_attempts"] == 2
    assert sum(group["total"] for group in by_kind["groups"]) == by_kind["total"]["claimed"]["n"] == 2
    assert closed["bucket"] == "week"
    assert [entry["kind"] for entry in timeline["entries"]] == ["attempt_started", "step", "attempt_ended"]
    assert steps["breakdown"]["attempts"] == 1
    assert engines["results"] == []
    assert len(feed["attempts"]) == 2

    advice, end = decoder.raw_decode(advised := run(advise, server))
    assert advice["chance"]["claimed"]["basis"] == "parameter"
    assert [action["action_type"] for action in advice["actions"]] == ["restart_database_connection"]
    assert advised[end:].lstrip().startswith("'restart_database_connection' is expected to succeed with ")

    listed, end = decoder.raw_decode(text := run(patterns, server))
    told, fixed = (decoder.raw_decode(part)[0] for part in (text[end:], text[text.rindex('{"outcome"') :]))
    assert [row["template"] for row in listed["results"]] == ["timeout after <number>"]
    assert told["over_time"]["occurrences"] == 1
    assert (fixed["outcome"], fixed["pattern"]["state_changed_by"]) == ("changed", "API key desk")

    assert re.fullmatch(r"changes \d+ \['success', 'failed'\]\n", run(watch, server))
    operated = run(operate, server)
    assert "alk_" in operated
    assert "/sign-in/link/" in operated
    assert "exact:" in operated
    assert "nothing to regroup" in operated
    assert run(imports, server) == "1 imported, 0 updated, 0 unchanged, 0 imported before, 0 bad\n"

    ran = run(shell, server)
    assert ran.startswith("restarting nginx\nexit code 3\nincident inc_003\n")
    assert "exit_code: no answer" in ran
    assert re.search(r"^restart_service +1 +1 +0 +0 +100.0 %", ran, re.MULTILINE)
    assert len(re.findall(r"^  complete$", ran, re.MULTILINE)) == 2
    assert len(ran.rpartition("  complete\n")[2].splitlines()) == 3

    *attempts, figures = run(engine, server).splitlines()
    password = r"'password': '\[redacted:[0-9a-f]{16}\]'"
    assert re.fullmatch(rf"restart_database_connection failed {{'database': 'postgresql', {password}}}", attempts[0])
    assert attempts[1:] == ["restart_database_connection success {}", "clear_cache success {'name': 'sessions'}"]
    assert re.fullmatch(r"0\.\d+ True", figures)


def test_the_engine_that_it_shows_runs_without_a_server_too(tmp_path: Path) -> None:
    (engine,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", engine],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "success {'restarted': True, 'forced': True} true",
        "escalated 1 False",
        "restart_service success None",
        "restart_service skipped only by hand",
    ], done.stderr
    assert "hunter22" not in "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def test_every_make_target_and_command_it_names_exists() -> None:
    texts = README + (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test"} <= set(re.findall(r"\bmake ([a-z]+)", texts)) <= targets
    from django.core.management import get_commands

    assert set(re.findall(r"manage\.py ([a-z_]+)", texts)) <= set(get_commands())


def test_every_file_it_names_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs/adr/README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
