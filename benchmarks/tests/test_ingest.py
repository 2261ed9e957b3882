"""The benchmark measures what it says, on a small scale."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from benchmarks import copy_baseline, documents, ingest, load
from benchmarks.server import ROOT, Server

Database = psycopg.Connection[tuple[Any, ...]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.ingest", *arguments]


def own_temporary_folder(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder)}


def test_it_prints_one_json_object_with_every_figure_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        command("--json", "--scale", "0.02", "--failing", "0.5"),
        cwd=ROOT,
        env=own_temporary_folder(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == [
        "attempts_per_second",
        "copy_per_second",
        "ratio",
        "single_p50_ms",
        "single_p99_ms",
        "single_per_second_c32",
        "peak_rss_mb",
        "failing_share",
        "plain_attempts_per_second",
        "failing_attempts_per_second",
        "failing_ratio",
    ]
    assert all(value > 0 for value in figures.values())
    assert figures["single_p50_ms"] <= figures["single_p99_ms"]
    assert figures["ratio"] == pytest.approx(figures["attempts_per_second"] / figures["copy_per_second"], abs=0.001)
    assert figures["failing_share"] == 0.5
    compared = figures["failing_attempts_per_second"] / figures["plain_attempts_per_second"]
    assert figures["failing_ratio"] == pytest.approx(compared, abs=0.001)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_web_process_and_the_database_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        command(), cwd=ROOT, env=own_temporary_folder(tmp_path), stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        assert "over HTTP" in running.stderr.readline()
        started = psutil.Process(running.pid).children(recursive=True)
        assert any("serve" in process.cmdline() for process in started)
        running.send_signal(number)
        assert running.wait(120) == 130
    gone, alive = psutil.wait_procs(started, timeout=60)
    assert gone
    assert alive == []
    assert list(tmp_path.iterdir()) == []


def test_the_share_that_fails_is_as_asked_and_every_attempt_has_its_steps() -> None:
    made = list(documents.attempts(2000, failing=0.5, seed=1))
    assert sum(document["status"] == "failed" for document in made) == pytest.approx(1000, rel=0.15)
    assert all(document["error_message"] for document in made if document["status"] == "failed")
    assert all([step["sequence"] for step in document["logs"]] == [0, 1, 2, 3] for document in made)
    assert len({document["attempt_id"] for document in made}) == 2000
    assert not any(document["status"] == "failed" for document in documents.attempts(500, failing=0.0, seed=1))


def test_copies_have_the_same_columns_indexes_and_constraints(
    database: Database,
) -> None:
    def described(schema: str) -> list[Any]:
        indexes = database.execute(
            "SELECT tablename, regexp_replace(indexdef, '^.* USING ', '') FROM pg_indexes"
            " WHERE schemaname = %s AND tablename IN ('action_attempts', 'action_logs') ORDER BY 1, 2",
            [schema],
        ).fetchall()
        constraints = database.execute(
            "SELECT relname, contype, replace(pg_get_constraintdef(c.oid), 'copy_baseline.', '') FROM pg_constraint c"
            " JOIN pg_class t ON t.oid = conrelid WHERE connamespace = %s::regnamespace"
            " AND relname IN ('action_attempts', 'action_logs') ORDER BY 1, 2, 3",
            [schema],
        ).fetchall()
        generated = database.execute(
            "SELECT relname, attname FROM pg_attribute JOIN pg_class t ON t.oid = attrelid"
            " WHERE relnamespace = %s::regnamespace AND attgenerated <> ''"
            " AND relname IN ('action_attempts', 'action_logs') ORDER BY 1, 2",
            [schema],
        ).fetchall()
        return [indexes, constraints, generated]

    with copy_baseline._empty_copies(database):
        copies = described("copy_baseline")
    assert copies == described("public")
    assert all(copies)
    assert database.execute("SELECT to_regnamespace('copy_baseline')").fetchone() == (None,)


def test_a_refusal_voids_the_measurement(server: Server) -> None:
    refused = load.post(server.url, "/api/ingest/", b"{not json", server.api_key)
    with pytest.raises(load.LoadError, match="answered 400"):
        load.drive(server.url, [[refused]])


def test_rows_that_are_missing_void_the_measurement(database: Database) -> None:
    with pytest.raises(ingest.WrongRowsError, match="action_attempts holds 0 rows; 7 were acknowledged"):
        ingest._check_rows(database, attempts=7, whole=7)
