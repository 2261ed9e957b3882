"""A file for each completed attempt, whole or not at all, whatever happens to disks and processes."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actionlog_client import json_store
from actionlog_client.identifiers import new_id
from actionlog_client.journal.cursor import STORED
from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import EMPTY_LIST, EMPTY_OBJECT, Journal, Weight
from actionlog_client.journal.file import FileJournal
from actionlog_client.json_store import JsonStore, read_store
from actionlog_client.tests.journals import IDENTITY, directory

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def start(journal: Journal, attempt_id: str) -> None:
    facts = {"parameters": {"database": "postgresql"}, "started_at": STARTED.isoformat(), "target": "db é"}
    tell(journal, attempt_id, "in_progress", Weight.START, facts=facts)


def step(journal: Journal, attempt_id: str, sequence: int) -> None:
    steps = [{"sequence": sequence, "step": f"step {sequence}", "status": "success", "timestamp": STARTED.isoformat()}]
    tell(journal, attempt_id, None, Weight.STEP, steps=steps)


def succeed(journal: Journal, attempt_id: str) -> None:
    facts = {"completed_at": STARTED.isoformat(), "execution_time_seconds": 0.5, "result": {"size": 10}}
    tell(journal, attempt_id, "success", Weight.OUTCOME, facts=facts)


def tell(
    journal: Journal, attempt_id: str, status: str | None, weight: Weight, *, facts: Any = None, steps: Any = None
) -> None:
    journal.append(
        "attempt",
        attempt_id,
        IDENTITY,
        status,
        facts=json.dumps(facts, ensure_ascii=False).encode() if facts else EMPTY_OBJECT,
        steps=json.dumps(steps).encode() if steps else EMPTY_LIST,
        weight=weight,
    )


def whole(journal: Journal) -> str:
    attempt_id = new_id()
    start(journal, attempt_id)
    step(journal, attempt_id, 0)
    succeed(journal, attempt_id)
    return attempt_id


@pytest.fixture
def journals(tmp_path: Path) -> JournalDirectory:
    return directory(tmp_path, readers=(STORED,))


@pytest.fixture
def journal(journals: JournalDirectory) -> Iterator[FileJournal]:
    journal = journals.begin()
    yield journal
    for held in journals.held():
        journals.release(held)


@contextmanager
def running(folder: Path, journals: JournalDirectory) -> Iterator[JsonStore]:
    store = JsonStore(folder, journals.held)
    store.start()
    try:
        yield store
    finally:
        store.close(10)


def stored(folder: Path) -> dict[str, dict[str, Any]]:
    return {document["attempt_id"]: document for document in read_store(folder)}


def test_a_completed_attempt_is_one_file_for_people_and_for_the_server(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    attempt_id = whole(journal)
    running_one = new_id()
    start(journal, running_one)
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
        source = (tmp_path / "logs" / f"{attempt_id}.json").read_text("utf-8")
    assert source.startswith('{\n  "attempt_id": ')
    assert '"target": "db é"' in source
    document = json.loads(source)
    assert list(document)[:9] == [
        "attempt_id", "action_id", "action_type", "parameters", "incident_id", "started_at", "completed_at", "status",
        "logs",
    ]  # fmt: skip
    assert document["logs"] == [
        {"sequence": 0, "step": "step 0", "status": "success", "timestamp": STARTED.isoformat()}
    ]
    assert list(stored(tmp_path / "logs")) == [attempt_id]


@pytest.mark.django_db
def test_the_server_takes_the_files_as_they_are(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    from resolutions.ingest import ingest_json

    for _ in range(20):
        whole(journal)
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
    answer = ingest_json({"action_attempts": list(stored(tmp_path / "logs").values())})
    assert [result["outcome"] for result in answer["results"]] == ["created"] * 20
    assert not any(result.get("warnings") for result in answer["results"])


def test_what_is_told_after_the_outcome_is_added_to_the_file(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    attempt_id = whole(journal)
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
        step(journal, attempt_id, 1)
        journal.close()
        assert store.flush(60)
    assert [each["sequence"] for each in stored(tmp_path / "logs")[attempt_id]["logs"]] == [0, 1]
    assert stored(tmp_path / "logs")[attempt_id]["status"] == "success"


def test_an_attempt_that_never_ends_does_not_keep_the_journal_and_is_finished_later(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    attempt_id = new_id()
    start(journal, attempt_id)
    step(journal, attempt_id, 0)
    journal.close()
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
        assert store.is_done(journal.journal_id)
        assert journal.reader(STORED).is_at_end()
        assert not stored(tmp_path / "logs")
        later = journals.begin()
        succeed(later, attempt_id)
        assert store.flush(60)
    assert stored(tmp_path / "logs")[attempt_id]["parameters"] == {"database": "postgresql"}
    assert [file.name for file in (tmp_path / "logs" / ".open").iterdir()] == ["lock"]


def test_what_is_held_back_is_bounded(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_store, "MOST_HELD_BYTES", 50_000)
    attempts = [new_id() for _ in range(300)]
    for attempt_id in attempts:
        start(journal, attempt_id)
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
        assert journal.reader(STORED).done.number >= 100
        for attempt_id in attempts:
            succeed(journal, attempt_id)
        assert store.flush(60)
    assert {each["target"] for each in stored(tmp_path / "logs").values()} == {"db é"}
    assert stored(tmp_path / "logs").keys() == set(attempts)


def test_a_store_that_was_killed_begins_again_where_it_was_and_writes_the_same(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    """A killed store is one whose acknowledgement is lost: its cursor is put back."""
    attempts = [whole(journal) for _ in range(50)]
    start(journal, attempts[0])  # what an engine might repeat
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
    before = {path.name: path.read_bytes() for path in (tmp_path / "logs").glob("*.json")}
    for held in journals.held():
        journals.release(held)
    (journal.path / STORED).unlink()
    again = directory(tmp_path, readers=(STORED,))
    assert again.adopt()
    with running(tmp_path / "logs", again) as store:
        assert store.flush(60)
    assert {path.name: path.read_bytes() for path in (tmp_path / "logs").glob("*.json")} == before
    assert before.keys() == {f"{attempt_id}.json" for attempt_id in attempts}


def test_a_full_disk_costs_nothing_but_time(
    tmp_path: Path,
    journals: JournalDirectory,
    journal: FileJournal,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The fault is injected where the file is moved into its place."""
    monkeypatch.setattr(json_store, "RETRY_SECONDS", 0.02)
    attempts = [whole(journal) for _ in range(10)]
    full = threading.Event()
    full.set()
    rename = os.rename

    def renaming(*arguments: Any, **places: Any) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        rename(*arguments, **places)

    monkeypatch.setattr(os, "rename", renaming)
    with running(tmp_path / "logs", journals) as store:
        assert not store.flush(0.3)
        deadline = time.monotonic() + 60
        while store.last_error is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert journal.reader(STORED).done.number == 0
        # What it is just trying to write begins with a dot.
        assert not list((tmp_path / "logs").glob("[!.]*"))
        full.clear()
        assert store.flush(60)
    assert stored(tmp_path / "logs").keys() == set(attempts)
    assert caplog.text.count("cannot be written") == 1


def test_two_stores_tell_of_one_attempt(tmp_path: Path) -> None:
    """As a forked child does that goes on with its parent's attempt."""
    attempt_id = new_id()
    parent, child = directory(tmp_path / "a", readers=(STORED,)), directory(tmp_path / "b", readers=(STORED,))
    one, other = parent.begin(), child.begin()
    start(one, attempt_id)
    with running(tmp_path / "logs", parent) as first, running(tmp_path / "logs", child) as second:
        for sequence in range(100):
            step((one, other)[sequence % 2], attempt_id, sequence)
        succeed(other, attempt_id)
        one.close()
        other.close()
        assert first.flush(60)
        assert second.flush(60)
    document = stored(tmp_path / "logs")[attempt_id]
    assert [each["sequence"] for each in document["logs"]] == list(range(100))
    assert document["status"] == "success"
    assert document["target"] == "db é"


def test_a_reader_never_sees_half_a_file(tmp_path: Path, journals: JournalDirectory, journal: FileJournal) -> None:
    attempt_id = whole(journal)
    seen = 0
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
        ends = time.monotonic() + 1
        for sequence in range(1, 1000):
            step(journal, attempt_id, sequence)
            succeed(journal, attempt_id)
            store.wake()
            seen += len(json.loads((tmp_path / "logs" / f"{attempt_id}.json").read_bytes())["logs"]) > 0
            if time.monotonic() > ends and seen > 10:
                break
    assert seen > 10


def test_foreign_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"attempt_id": ')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "other.json").write_text('{"name": "not one of ours"}')
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "bytes.json").write_bytes(b'{"attempt_id": "\xff"}')
    (tmp_path / "good.json").write_text('{"attempt_id": "0190b8a0-0000-7000-8000-000000000001", "status": "failed"}')
    assert list(read_store(tmp_path)) == [{"attempt_id": "0190b8a0-0000-7000-8000-000000000001", "status": "failed"}]
    assert list(read_store(tmp_path / "nowhere")) == []


def test_an_id_that_is_no_file_name_stays_in_the_folder(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal
) -> None:
    start(journal, "../../escape")
    succeed(journal, "../../escape")
    with running(tmp_path / "logs", journals) as store:
        assert store.flush(60)
    assert list(stored(tmp_path / "logs")) == ["../../escape"]
    assert not (tmp_path.parent / "escape.json").exists()


def test_a_file_that_was_tampered_with_keeps_no_other_from_being_written(
    tmp_path: Path, journals: JournalDirectory, journal: FileJournal, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "a1.json").write_text('{"attempt_id": "a1", "logs": 5}')
    with running(folder, journals) as store:
        for attempt_id in ("a1", "a2"):
            start(journal, attempt_id)
            step(journal, attempt_id, 0)
            succeed(journal, attempt_id)
        assert store.flush(60)
    assert stored(folder)["a2"]["status"] == "success"
    assert (folder / "a1.json").read_text() == '{"attempt_id": "a1", "logs": 5}'
    assert "a1" in caplog.text
