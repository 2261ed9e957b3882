"""Silence is marked, ends are not, and any later document clears the mark."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from attempts.models import ActionAttempt
from resolutions.abandonment import SILENT_FOR, mark_abandoned, silent_attempts, silent_resolutions
from resolutions.ingest import ingest_json
from resolutions.models import FeedEntry, ResolutionAttempt

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_went_silent_is_marked_and_what_ended_or_is_heard_of_is_not() -> None:
    def send(status: str | None, now: datetime) -> str:
        attempt_id = str(uuid.uuid4())
        named = {"attempt_id": attempt_id, "action_id": "a", "action_type": "t", "incident_id": "i", "status": status}
        ingest_json({"action_attempts": [named]}, now=now)
        return attempt_id

    long_ago = NOW - SILENT_FOR - timedelta(seconds=1)
    silent, pending = send(None, long_ago), send("pending", long_ago)
    ended, lately = send("failed", long_ago), send("in_progress", NOW - timedelta(minutes=1))
    resolution = {"resolution_id": str(uuid.uuid4()), "incident_id": "i"}
    ingest_json({"resolution_attempts": [resolution]}, now=long_ago)

    assert mark_abandoned(silent_for=SILENT_FOR, now=NOW) == (2, 1)
    assert mark_abandoned(silent_for=SILENT_FOR, now=NOW) == (0, 0)

    marked = {str(row.attempt_id) for row in ActionAttempt.objects.filter(abandoned_at=NOW)}
    assert marked == {silent, pending}
    assert not marked & {ended, lately}
    assert ResolutionAttempt.objects.get().abandoned_at == NOW
    assert len(FeedEntry.objects.latest("revision").attempt_ids) == 2


def test_any_later_document_clears_the_mark() -> None:
    named = {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "t", "incident_id": "i"}
    ingest_json({"action_attempts": [named]}, now=NOW - timedelta(hours=1))
    mark_abandoned(silent_for=SILENT_FOR, now=NOW)

    answer = ingest_json({"action_attempts": [named]}, now=NOW + timedelta(minutes=1))

    assert answer["results"][0]["outcome"] == "unchanged"
    attempt = ActionAttempt.objects.get()
    assert (attempt.abandoned_at, attempt.last_heard_at) == (None, NOW + timedelta(minutes=1))
    assert FeedEntry.objects.latest("revision").revision == answer["cursor"]


def test_many_that_went_silent_are_marked_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolutions.abandonment.BATCH", 2)
    parts = [{"action_id": "a", "action_type": "t", "incident_id": "i"} for _ in range(5)]
    attempts = [{"attempt_id": str(uuid.uuid4()), **part} for part in parts]
    sessions = [{"resolution_id": str(uuid.uuid4()), "incident_id": "i"} for _ in range(3)]
    ingest_json({"resolution_attempts": sessions, "action_attempts": attempts}, now=NOW - timedelta(hours=1))
    FeedEntry.objects.all().delete()

    assert mark_abandoned(silent_for=SILENT_FOR, now=NOW) == (5, 3)

    told = [(len(entry.resolution_ids), len(entry.attempt_ids)) for entry in FeedEntry.objects.order_by("revision")]
    assert told == [(2, 0), (1, 0), (0, 2), (0, 2), (0, 1)]
    assert not ActionAttempt.objects.filter(abandoned_at=None).exists()


@pytest.mark.parametrize(
    ("find", "index"), [(silent_attempts, "action_attempts_open"), (silent_resolutions, "resolution_attempts_open")]
)
def test_what_went_silent_is_found_without_reading_what_ended(find: Callable[[datetime], Any], index: str) -> None:
    """PostgreSQL uses an index with a condition only where it sees that the query's condition implies it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in find(NOW).explain()
