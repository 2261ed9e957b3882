"""What local files tell is what the server tells of the same recording."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from actionlog_client import ActionLogger
from actionlog_client.delivery.documents import documents_of
from actionlog_client.journal.cursor import STORED
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.json_store import JsonStore, read_store
from actionlog_client.local import LocalFiles
from actionlog_client.tests.journals import directory, entries_in
from analytics.queries import action_statistics
from attempts.queries import attempt_details
from benchmarks.documents import attempts
from resolutions.ingest import ingest_json

IDENTITY = ("action_id", "action_type", "incident_id")
OTHER = ("attempt_id", "status", "logs", *IDENTITY)


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[JournalDirectory]:
    journals = directory(tmp_path, readers=(STORED,))
    yield journals
    for held in journals.held():
        journals.release(held)


def record(journal: FileJournal, document: dict[str, Any], *, outcome: bool = True) -> None:
    """Tell a whole document as an engine would: start, steps, outcome."""
    identity = json.dumps({name: document[name] for name in IDENTITY}).encode()
    ending = ("completed_at", "execution_time_seconds", "result", "error_message", "error_type", "error_details")
    start = {name: value for name, value in document.items() if name not in (*OTHER, *ending)}
    end = {name: value for name, value in document.items() if name in ending}

    def append(status: str | None, weight: Weight, facts: Any = None, steps: Any = None) -> None:
        journal.append(
            "attempt",
            document["attempt_id"],
            identity,
            status,
            facts=json.dumps(facts or {}).encode(),
            steps=json.dumps(steps or []).encode(),
            weight=weight,
        )

    append("in_progress", Weight.START, start)
    for step in document["logs"]:
        append(None, Weight.STEP, steps=[step])
    if outcome:
        append(document["status"], Weight.OUTCOME, end)


def recording(count: int) -> list[dict[str, Any]]:
    """Attempts of the last days, a few of them skipped, cancelled, or without times and types."""
    now = datetime.now(UTC)
    documents: list[dict[str, Any]] = [
        msgspec.json.decode(msgspec.json.encode(document)) for document in attempts(count, failing=0.3, seed=11)
    ]
    for number, document in enumerate(documents):
        for name in ("started_at", "completed_at"):
            document[name] = (now - timedelta(hours=number * 1.7 % 240) + timedelta(seconds=number % 7)).isoformat()
        if number % 17 == 0:
            document["status"] = "skipped"
        if number % 19 == 0:
            document["status"] = "cancelled"
        if number % 13 == 0:
            document["action_type"] = ""
            del document["started_at"]
        if number % 11 == 0:
            document["execution_time_seconds"] = number / 10
        for step in document["logs"]:
            step["timestamp"] = document["completed_at"]
    return documents


@pytest.mark.django_db
def test_local_figures_are_those_of_the_server(tmp_path: Path, journals: JournalDirectory) -> None:
    journal = journals.begin()
    documents = recording(300)
    for number, document in enumerate(documents):
        record(journal, document, outcome=number % 23 != 0)
    store = JsonStore(tmp_path / "logs", journals.held)
    store.start()
    assert store.flush(30)
    for document in recording(320)[300:]:  # in the journal only
        record(journal, document)
    store.close(10)
    sent = [msgspec.Raw(document.body()) for document in documents_of(entries_in(journal.path))]
    answer = ingest_json(msgspec.json.encode({"action_attempts": sent}))
    assert {result["outcome"] for result in answer["results"]} == {"created"}

    now = datetime.now(UTC)
    for days_back in (1, 7, 30):
        local = LocalFiles(journals, tmp_path / "logs").statistics(days_back, now=now)
        server = without_rates(
            msgspec.to_builtins(action_statistics(days_back=days_back, zone=ZoneInfo("UTC"), now=now))
        )
        assert local["n"] > 5
        assert without_durations(local) == without_durations(server)
        for mine, theirs in zip(durations_of(local), durations_of(server), strict=True):
            assert mine == pytest.approx(theirs, rel=0.05)

    incident_id = documents[0]["incident_id"]
    shown = LocalFiles(journals, tmp_path / "logs").attempts_by_incident(incident_id)
    assert [each["effective_started_at"] for each in shown] == sorted(each["effective_started_at"] for each in shown)
    assert {each["attempt_id"] for each in shown} == {
        document["attempt_id"]
        for document in documents + recording(320)[300:]
        if document["incident_id"] == incident_id
    }
    details = attempt_details([UUID(each["attempt_id"]) for each in shown], with_steps=True)
    on_server = {str(each.attempt_id): msgspec.json.decode(msgspec.json.encode(each)) for each in details}
    for own in shown:
        theirs = on_server[own["attempt_id"]]
        for name in own.keys() & theirs.keys():
            assert own[name] == theirs[name], name
        assert theirs.keys() - own.keys() == {
            "received_at", "last_heard_at", "abandoned_at", "recorded_by", "fingerprint", "verdict", "verdict_at",
        }  # fmt: skip


def test_without_a_store_the_journals_tell(tmp_path: Path, journals: JournalDirectory) -> None:
    journal = journals.begin()
    for document in recording(10):
        record(journal, document)
    local = LocalFiles(journals, None)
    assert local.statistics(3000, now=datetime.now(UTC))["total_attempts"] == 10
    with pytest.raises(ValueError, match="days_back"):
        local.statistics(0, now=datetime.now(UTC))


def deliver(journal: FileJournal, reader: str) -> None:
    while (batch := journal.reader(reader).read()) is not None:
        journal.reader(reader).acknowledge(batch)


@pytest.mark.parametrize("whole", [False, True])
def test_figures_are_not_exact_once_the_budget_has_removed_what_they_would_count(tmp_path: Path, whole: bool) -> None:
    journals = directory(tmp_path, 256 * 1024, readers=("delivered",))
    journal = journals.begin()
    now = datetime.now(UTC)
    for document in recording(60):
        record(journal, document)
    local = LocalFiles(journals, None)
    figures = local.statistics(7, now=now)
    assert figures["exact"] is True
    assert "inexact_because" not in figures
    before = local.statistics(30, now=now)["total_attempts"]
    deliver(journal, "delivered")
    if whole:
        journals.release(journal)
        journals = directory(tmp_path, 64 * 1024, readers=("delivered",))
    journals.tend()
    figures = LocalFiles(journals, None).statistics(30, now=now)
    assert figures["total_attempts"] < before
    assert figures["exact"] is False
    assert "disk budget has removed" in figures["inexact_because"]
    # Of days that began after what was removed was written, all is there.
    assert LocalFiles(journals, None).statistics(1, now=now + timedelta(days=2))["exact"] is True
    journals.release_all()


@pytest.mark.parametrize("stored", [True, False])
def test_what_is_in_the_store_may_go_from_the_journals(tmp_path: Path, stored: bool) -> None:
    def journals_of(budget: int) -> JournalDirectory:
        return JournalDirectory(tmp_path / "journal", budget, readers=("delivered", STORED), essential=("delivered",))

    journals = journals_of(1 << 20)
    journal = journals.begin()
    for document in recording(60):
        record(journal, document)
    deliver(journal, "delivered")
    journal.close()
    if stored:
        store = JsonStore(tmp_path / "logs", journals.held)
        store.start()
        assert store.close(10)
    journals.release(journal)
    journals = journals_of(64 * 1024)
    journals.tend()
    assert not journal.path.exists()
    figures = LocalFiles(journals, tmp_path / "logs").statistics(30, now=datetime.now(UTC))
    assert figures["exact"] is stored
    assert (figures["total_attempts"] == 60) is stored
    journals.release_all()


def test_files_of_the_old_format_and_of_others_do_not_disturb(tmp_path: Path, journals: JournalDirectory) -> None:
    (tmp_path / "logs").mkdir()
    old = {
        "attempt_id": "attempt-7", "action_id": "a", "action_type": "t", "incident_id": "inc_001", "parameters": {},
        "started_at": "2026-01-02T03:04:05.123456", "completed_at": "2026-01-02T03:04:06.123456", "status": "success",
        "logs": [{"step": "s", "status": "success", "timestamp": "2026-01-02T03:04:05.5"}],
    }  # fmt: skip
    (tmp_path / "logs" / "old.json").write_text(json.dumps(old))
    (tmp_path / "logs" / "foreign.json").write_text('{"status": 3, "attempt_id": []}')
    (tmp_path / "logs" / "half.json").write_text('{"attempt_id"')
    (shown,) = LocalFiles(journals, tmp_path / "logs").attempts_by_incident("inc_001")
    assert shown["execution_time_seconds"] == 1.0
    assert shown["logs"][0]["sequence"] == 0
    assert datetime.fromisoformat(shown["started_at"]) == datetime(2026, 1, 2, 3, 4, 5, 123456).astimezone()


def test_a_logger_without_a_server_writes_files_and_answers_from_them(tmp_path: Path) -> None:
    with ActionLogger("", journal_dir=tmp_path / "journal", json_store=tmp_path / "logs") as action_logger:
        attempt = action_logger.start_action_attempt(
            "restart_db_001", "restart", {"password": "hunter2", "url": "pg://bob:hunter2@db", "at": {1}}, "inc_001"
        )
        attempt.log_step("validation", "in_progress", {"checking": b"pool"})
        attempt.mark_success({"size": 10})
        still = action_logger.start_action_attempt("still_running", "restart", None, "inc_001")
        assert action_logger.flush(60)
        (document,) = read_store(tmp_path / "logs")
        assert document["attempt_id"] == attempt.attempt_id
        assert document["extra"]["converted logs[0].details.checking"] == "bytes as UTF-8 text"
        figures = action_logger.get_action_statistics()
        assert (figures["source"], figures["success_rate"], figures["total_attempts"]) == ("local", 1.0, 2)
        shown = action_logger.get_action_attempts_by_incident("inc_001")
        assert [each["attempt_id"] for each in shown] == [attempt.attempt_id, still.attempt_id]
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
    # All of it is in files, so that the journal is done with.
    assert (
        LocalFiles(directory(tmp_path, readers=(STORED,)), tmp_path / "logs").attempts_by_incident("inc_001") == shown
    )
    assert not directory(tmp_path, readers=(STORED,)).adopt()


def without_durations(figures: dict[str, Any]) -> dict[str, Any]:
    by_type = [{**each, "durations": each["durations"]["n"]} for each in figures["by_action_type"]]
    return {**figures, "durations": figures["durations"]["n"], "by_action_type": by_type}


def durations_of(figures: dict[str, Any]) -> list[float | None]:
    of_all = [figures["durations"], *(each["durations"] for each in figures["by_action_type"])]
    return [durations[name] for durations in of_all for name in ("p50", "p95", "p99", "mean", "slowest")]


def without_rates(figures: Any) -> Any:
    """Without what the server alone tells: intervals, and what verdicts say."""
    if isinstance(figures, list):
        return [without_rates(each) for each in figures]
    if not isinstance(figures, dict):
        return figures
    alone = {"claimed", "verified", "unverified"}
    return {name: without_rates(value) for name, value in figures.items() if name not in alone}
