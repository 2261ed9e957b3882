"""Journals and entries for tests."""

import json
from collections.abc import Iterator
from pathlib import Path

from actionlog_client.journal.directory import JournalDirectory
from actionlog_client.journal.entries import EMPTY_LIST, Entry, Journal, Weight
from actionlog_client.journal.folder import JournalFolder
from actionlog_client.journal.reader import JournalReader

BUDGET = 64 * 1024 * 1024
IDENTITY = b'{"action_id":"restart_db_001","action_type":"restart_database_connection","incident_id":"inc_001"}'


def directory(path: Path, budget: int = BUDGET, *, readers: tuple[str, ...] = ("delivered",)) -> JournalDirectory:
    return JournalDirectory(path / "journal", budget, readers=readers)


def step_json(sequence: int, details: object = None) -> bytes:
    return json.dumps([{"sequence": sequence, "step": "work", "status": "in_progress", "details": details}]).encode()


def append(
    journal: Journal, weight: Weight, record_id: str = "a1", *, sequence: int = 0, details: object = None
) -> int:
    """One entry as a logger would make it: a step has its details, an outcome its status."""
    return journal.append(
        "attempt",
        record_id,
        IDENTITY,
        {Weight.START: "in_progress", Weight.STEP: None, Weight.OUTCOME: "success"}[weight],
        steps=step_json(sequence, details) if weight is Weight.STEP else EMPTY_LIST,
        weight=weight,
    )


def entries_in(folder: JournalFolder | Path) -> list[Entry]:
    """All that can be read."""
    reader = JournalReader(folder if isinstance(folder, JournalFolder) else JournalFolder(folder), "nobody")
    try:
        return list(everything(reader))
    finally:
        reader.close()


def everything(reader: JournalReader) -> Iterator[Entry]:
    """What is left for a reader, acknowledged batch by batch when its cursor is to be kept."""
    while (batch := reader.read()) is not None:
        yield from batch.entries


def numbers_in(folder: JournalFolder | Path) -> list[int]:
    return [entry.number for entry in entries_in(folder)]
