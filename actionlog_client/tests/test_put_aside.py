"""What is put aside, what is not because the fault is the server's, and how it is sent once more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from actionlog_client import ActionLogger
from actionlog_client.delivery import deliveries
from actionlog_client.journal.entries import Weight
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.refused import RefusedLog
from actionlog_client.tests.accounts import attempts_of, get, journals_in, wait_until, wait_until_complete
from actionlog_client.tests.journals import append, directory
from actionlog_client.tests.shell import Shell
from actionlog_client.tests.unreliable import UnreliableWay, answer
from benchmarks.server import Server

UNCLEAR = [
    answer("500 Internal Server Error", '{"error": {"code": "internal", "message": "broken"}}'),
    answer("500 Internal Server Error", "<html>"),
    answer("400 Bad Request", "<html>The plain HTTP request was sent to HTTPS port"),
    answer("403 Forbidden", "<html>blocked by a filter"),
    answer("413 Request Entity Too Large", "<html>nginx"),
    answer("207 Multi-Status", '{"results": [{"outcome": "rejected", "error": {"code": "internal"}}], "cursor": 1}'),
]
DOCUMENTS = b'"action_id":'


@pytest.fixture
def way(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[UnreliableWay]:
    monkeypatch.setattr(deliveries, "FAILURES_UNTIL_SUSPICION", 2)
    with UnreliableWay(server.url) as way:
        yield way


@pytest.fixture
def action_logger(server: Server, way: UnreliableWay, tmp_path: Path) -> Iterator[ActionLogger]:
    action_logger = ActionLogger(way.url, server.api_key, tmp_path / "journal", "test", json_store="")
    yield action_logger
    action_logger.close(5)


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(tmp_path, ACTIONLOG_URL=server.url, ACTIONLOG_API_KEY=server.api_key)


@pytest.fixture
def incident() -> str:
    return f"incident {uuid4()}"


def refused_of(server: Server, action_logger: ActionLogger) -> Any:
    return get(server, f"/api/engines/{action_logger.journal_id}/")["refused_numbers"]


def test_trouble_with_every_document_puts_none_aside(
    action_logger: ActionLogger, way: UnreliableWay, server: Server, incident: str
) -> None:
    """A bad deployment that takes reports and heartbeats, and no document: also when others were taken before."""
    action_logger.start_action_attempt("before", "restart", {}, incident).mark_success()
    assert action_logger.flush(60)
    way.only_for = DOCUMENTS
    for number, way.answering in enumerate(UNCLEAR):
        action_logger.start_action_attempt(f"a{number}", "restart", {}, incident).mark_success()
        requests = way.requests
        assert not action_logger.flush(1.2)
        while way.requests == requests:
            assert not action_logger.flush(1.2)
        assert action_logger.health()["refused"] == 0
    way.answering = None
    assert action_logger.flush(60)
    assert len(attempts_of(server, incident)) == len(UNCLEAR) + 1


def test_trouble_with_the_first_documents_of_a_process_puts_none_aside(
    action_logger: ActionLogger, way: UnreliableWay, server: Server, incident: str
) -> None:
    way.only_for, way.answering = DOCUMENTS, UNCLEAR[0]
    for number in range(50):
        action_logger.start_action_attempt(f"a{number}", "restart", {}, incident)
    assert not action_logger.flush(2)
    assert action_logger.health()["refused"] == 0
    # Whether all fail is found without sending each of them apart.
    assert way.requests < 200
    way.answering = None
    assert action_logger.flush(60)
    assert len(attempts_of(server, incident)) == 50


@pytest.mark.parametrize("trouble", UNCLEAR[:-1], ids=lambda each: each.decode()[9:30])
def test_trouble_with_one_document_puts_it_aside_and_it_can_be_sent_again(
    trouble: bytes, action_logger: ActionLogger, way: UnreliableWay, server: Server, shell: Shell, incident: str
) -> None:
    good = action_logger.start_action_attempt("good", "restart", {}, incident)
    bad = action_logger.start_action_attempt("bad", "restart", {}, incident)
    bad_resolution = action_logger.resolution(incident)
    assert action_logger.flush(60)
    way.answering, way.only_for = trouble, b"too much"
    bad.log_step("too much")
    bad_resolution.resolved(root_cause="too much")
    good.mark_success()
    bad.mark_success()
    assert action_logger.flush(60)
    assert {attempt["status"] for attempt in attempts_of(server, incident)} == {"success"}
    assert action_logger.health()["refused"] == 2
    action_logger.start_action_attempt("later", "restart", {}, incident).mark_success()
    assert action_logger.flush(60)
    assert refused_of(server, action_logger) == [[4, 5]]

    done = shell.call("journal", "--resend")  # past the trouble
    assert b"sent again: 2 taken, 0 refused again" in done.stdout, done
    assert done.returncode == 0
    assert refused_of(server, action_logger) == []
    found = {attempt["action_id"]: attempt for attempt in attempts_of(server, incident)}
    assert [step["step"] for step in found["bad"]["logs"]] == ["too much"]
    (journal_id,) = journals_in(shell.journal_dir)
    log = RefusedLog(shell.journal_dir / journal_id, 1 << 20)
    assert (log.entries(), log.numbers()) == ([], [])
    # The engine goes on, and its next report takes nothing back.
    action_logger.start_action_attempt("last", "restart", {}, incident).mark_success()
    assert action_logger.flush(60)
    action_logger.close(5)
    wait_until_complete(server, [journal_id])
    assert refused_of_journal(server, journal_id) == []
    assert shell.call("journal", "--resend").returncode == 0
    assert not (shell.journal_dir / journal_id / "refused.log").exists()


def refused_of_journal(server: Server, journal_id: str) -> Any:
    return get(server, f"/api/engines/{journal_id}/")["refused_numbers"]


def test_what_is_refused_again_is_kept(
    action_logger: ActionLogger, server: Server, shell: Shell, incident: str
) -> None:
    first = action_logger.start_action_attempt("a", "restart", {"n": 1}, incident)
    action_logger.flush(60)
    action_logger.start_action_attempt("a", "restart", {"n": 2}, incident, attempt_id=first.attempt_id)
    action_logger.close(60)
    for _ in range(2):
        done = shell.call("journal", "--resend", "--json")
        told = json.loads(done.stdout)
        assert (done.returncode, told["resent"]) == (1, {"taken": 0, "refused": 1})
        assert len(told["journals"][0]["here"]["refusals"]) == 1
        assert refused_of_journal(server, told["journals"][0]["journal_id"]) == [[2, 2]]


def test_without_a_server_nothing_is_sent_again_and_all_is_kept(
    action_logger: ActionLogger, shell: Shell, incident: str
) -> None:
    first = action_logger.start_action_attempt("a", "restart", {"n": 1}, incident)
    action_logger.flush(60)
    action_logger.start_action_attempt("a", "restart", {"n": 2}, incident, attempt_id=first.attempt_id)
    action_logger.close(60)
    done = shell.call("journal", "--resend", "--url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"What is left is kept" in done.stderr
    (journal_id,) = journals_in(shell.journal_dir)
    assert len(RefusedLog(shell.journal_dir / journal_id, 1 << 20).entries()) == 1


def test_a_journal_of_another_engine_waits_for_a_key_that_may_write_for_it(
    server: Server, tmp_path: Path, incident: str
) -> None:
    """Two engines share a folder, each with a key that is bound to it; one of them is gone."""
    keys = {}
    for engine in ("one", "two"):
        said = server.manage("create_api_key", engine, "--scope", "ingest", "--engine", engine).stdout
        keys[engine] = next(word for word in said.split() if word.startswith("alk_") and len(word) > 30)
    with ActionLogger("http://127.0.0.1:9", keys["two"], tmp_path, engine="two", json_store="") as gone:
        gone.start_action_attempt("of two", "restart", {}, incident).mark_success()
        gone.close(0.1)
    (left,) = journals_in(tmp_path)
    with ActionLogger(server.url, keys["one"], tmp_path, engine="one", json_store="") as one:
        one.start_action_attempt("of one", "restart", {}, incident).mark_success()
        assert one.flush(60)
        wait_until(lambda: one.health()["delivered"] and not JournalFolder(tmp_path / left).is_held())
        # While it lives, so does the way for the other.
        assert one.health()["last_error"] is None
        with ActionLogger(server.url, keys["two"], tmp_path, engine="two", json_store="") as two:
            two.start_action_attempt("again of two", "restart", {}, incident).mark_success()
            wait_until_complete(server, [left])
    assert refused_of_journal(server, left) == []
    assert {attempt["action_id"] for attempt in attempts_of(server, incident)} == {"of one", "of two", "again of two"}


def test_a_line_that_is_damaged_is_told(
    action_logger: ActionLogger, incident: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = directory(tmp_path).begin()
    for _ in range(3):
        append(journal, Weight.START)
    segment = journal.folder.segment_path(1)
    lines = segment.read_bytes().split(b"\n")
    segment.write_bytes(b"\n".join([lines[0], lines[1].replace(b"in_progress", b"in_pro_ress"), *lines[2:]]))
    journal.release()
    action_logger.start_action_attempt("a", "restart", {}, incident)
    wait_until(lambda: any("1 lines of the journal" in record.getMessage() for record in caplog.records))
    assert any("(numbers: 2)" in record.getMessage() for record in caplog.records)
