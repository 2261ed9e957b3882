"""Journals for tests, written straight into the table. See attempts.tests.factories."""

import uuid
from typing import Any

from django.utils import timezone

from engines.models import EngineJournal


def make_journal(**facts: Any) -> EngineJournal:
    """One journal; facts are its columns. All that was written is stored unless told otherwise."""
    heard = facts.pop("last_heard_at", None) or timezone.now()
    written = facts.get("written", 10)
    return EngineJournal.objects.create(
        **{
            "journal_id": uuid.uuid4(),
            "engine": "resolver",
            "engine_version": "2.1",
            "client_version": "0.1.0",
            "host": "ops-1",
            "process_id": 4711,
            "started_at": heard,
            "first_heard_at": heard,
            "last_heard_at": heard,
            "written": written,
            "stored": [(1, written)] if written else [],
            **facts,
        }
    )
