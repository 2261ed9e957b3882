"""Recordings sent to a real web process, and read back through its API."""

import http.server
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from benchmarks import replay
from benchmarks.api_client import ApiClient, ServerGoneError
from benchmarks.recordings import read_lines
from benchmarks.server import Server
from benchmarks.tests.recorded import ODD_SESSIONS, ORDINARY, overlapping, write

Database = psycopg.Connection[tuple[Any, ...]]


def run(server: Server, *arguments: object) -> int:
    return replay.main([*map(str, arguments), "--url", server.url, "--api-key", server.api_key])


def rows(database: Database) -> list[list[tuple[Any, ...]]]:
    """Every row as it stands, but for the time at which a sender was last heard."""
    tables = ("resolution_attempts", "action_attempts", "action_logs")
    query = sql.SQL("SELECT to_jsonb(rows) - 'last_heard_at' FROM {} AS rows ORDER BY 1")
    return [database.execute(query.format(sql.Identifier(table))).fetchall() for table in tables]


def test_every_oddity_goes_in_and_reads_back_and_again_changes_nothing(
    server: Server, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = write(tmp_path / "odd.jsonl.gz", [ORDINARY, ORDINARY, overlapping(), *ODD_SESSIONS])
    assert run(server, recording, "--verify", "--concurrency", 3) == 0, capsys.readouterr().out
    assert "created" in capsys.readouterr().out
    before = rows(database)
    assert run(server, recording, "--verify") == 0
    assert rows(database) == before
    told = capsys.readouterr().out
    assert "unchanged" in told
    assert "created" not in told
    assert "updated" not in told


def test_what_is_stored_is_what_was_recorded(server: Server, database: Database, tmp_path: Path) -> None:
    recording = write(tmp_path / "ordinary.jsonl", [ORDINARY | {"incident_id": "stored"}])
    assert run(server, recording) == 0
    [resolution] = database.execute(
        "SELECT status, confidence, summary, extra->>'success_basis' FROM resolution_attempts"
        " WHERE incident_id = 'stored'"
    ).fetchall()
    assert resolution == ("resolved", 0.85, None, "graded")
    found = database.execute(
        "SELECT action_id, status, error_message, result#>>'{}', extract(epoch FROM completed_at - started_at)::int,"
        " (SELECT json_agg(details ORDER BY sequence) FROM action_logs WHERE attempt_id = a.attempt_id)"
        " FROM action_attempts a WHERE incident_id = 'stored' ORDER BY action_id"
    ).fetchall()
    assert found == [
        ("a001", "success", None, "NAME READY\npod-1 1/1", 1, [{"rows": 2}, "as text"]),
        ("a002", "failed", "no answer", None, 1, None),
    ]


def test_verify_notices_what_the_server_lost_or_changed(
    server: Server, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = write(tmp_path / "tampered.jsonl", [ORDINARY | {"incident_id": "tampered"}])
    assert run(server, recording) == 0
    database.execute("UPDATE action_attempts SET result = '\"else\"' WHERE incident_id = 'tampered'")
    database.execute(
        "DELETE FROM action_logs USING action_attempts a"
        " WHERE a.attempt_id = action_logs.attempt_id AND a.incident_id = 'tampered' AND sequence = 1"
    )
    # Sending again would mend the step, so only the second part of a run is tried.
    tally = replay.Tally()
    [session] = [line.session() for line in read_lines(recording)]
    client = ApiClient(server.url, server.api_key)
    replay.read_back(session, client, tally, advance=lambda: None)
    client.close()
    told = "\n".join(tally.faults)
    assert "result: sent 'NAME READY" in told
    assert "logs: 2 steps sent, 1 read" in told
    assert run(server, recording, "--verify") == 1
    assert "result" in capsys.readouterr().out


def test_what_is_refused_or_unreadable_is_counted_and_costs_the_others_nothing(
    server: Server, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep: Any = []
    for _ in range(150):
        deep = [deep]
    actions = [
        {"action_id": "deep", "action_type": "x", "status": "success", "parameters": {"deep": deep}},
        {"action_id": "good", "action_type": "x", "status": "success"},
    ]
    recording = write(tmp_path / "faulty.jsonl", [{"incident_id": "faulty", "success": True, "actions": actions}])
    with recording.open("ab") as file:
        file.write(b"not json\n")
    assert run(server, recording) == 1
    told = capsys.readouterr().out
    assert "/api/action-attempts/: 4" in told
    assert "faulty.jsonl, line 2: not JSON" in told
    found = database.execute("SELECT action_id, status FROM action_attempts WHERE incident_id = 'faulty'").fetchall()
    assert found == [("good", "success")]
    assert "3 things went wrong." in told  # the start, the completion that had nothing to stand on, the line


def test_a_file_that_breaks_off_is_sent_as_far_as_it_goes(
    server: Server, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = [{"incident_id": f"cut-{number}", "note": random.randbytes(20_000).hex()} for number in range(20)]
    recording = write(tmp_path / "cut.jsonl.gz", sessions)
    recording.write_bytes(recording.read_bytes()[:-20])
    # The last sessions are lost with the end; what stands before it is there.
    assert run(server, recording, "--concurrency", 2) == 1
    assert "cut.jsonl.gz cannot be read, or not to its end" in capsys.readouterr().out
    assert database.execute("SELECT 1 FROM resolution_attempts WHERE incident_id = 'cut-0'").fetchall()


def test_rate_bounds_the_actions_a_second(server: Server, tmp_path: Path) -> None:
    actions = [{"action_id": f"a{number}", "action_type": "x", "status": "success"} for number in range(11)]
    recording = write(tmp_path / "rate.jsonl", [{"incident_id": "rate", "actions": actions}])
    start = time.monotonic()
    assert run(server, recording, "--rate", 20) == 0
    assert time.monotonic() - start >= 10 / 20


def test_a_key_that_is_not_accepted_ends_the_run_at_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = write(tmp_path / "key.jsonl", [{"incident_id": "key"}])
    assert replay.main([str(recording), "--url", server.url, "--api-key", "alk_wrong"]) == 1
    assert "does not accept the API key" in capsys.readouterr().out


@pytest.fixture
def busy_server() -> Iterator[tuple[str, list[float]]]:
    """Answers the first two requests 503 with Retry-After, cuts the third off, and takes the fourth."""
    times: list[float] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            times.append(time.monotonic())
            if len(times) == 3:
                self.close_connection = True
                return
            body = json.dumps({"outcome": "created", "warnings": []}).encode()
            self.send_response(503 if len(times) < 3 else 201)
            if len(times) < 3:
                self.send_header("Retry-After", "0.3")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}", times
        listening.shutdown()
        thread.join()


def test_a_busy_server_is_given_the_time_it_asks_for_and_a_lost_answer_is_asked_again(
    busy_server: tuple[str, list[float]], tmp_path: Path
) -> None:
    url, times = busy_server
    recording = write(tmp_path / "busy.jsonl", [{"incident_id": "busy"}])
    assert replay.main([str(recording), "--url", url, "--api-key", "alk_any"]) == 0
    assert len(times) == 4
    assert times[1] - times[0] >= 0.3
    assert times[2] - times[1] >= 0.3


def test_a_server_that_stays_away_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = ApiClient("http://127.0.0.1:9", "alk_any", patience_seconds=0.3)
    with pytest.raises(ServerGoneError, match="could not be reached"):
        client.post("/api/action-attempts/", b"{}")
