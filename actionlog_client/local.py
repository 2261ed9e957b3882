"""Placeholder until the JSON store is here."""

from datetime import datetime
from pathlib import Path
from typing import Any

from actionlog_client.journal.directory import JournalDirectory


class LocalFiles:
    def __init__(self, directory: JournalDirectory, json_store: Path | None) -> None:
        self._directory = directory

    def statistics(self, days_back: int, *, now: datetime) -> dict[str, Any]:
        raise NotImplementedError

    def attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]:
        raise NotImplementedError
