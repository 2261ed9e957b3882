"""Marks what went silent without an outcome as abandoned. Any later document clears the mark."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from attempts import recording as attempt_recording
from attempts.models import ActionAttempt
from attempts.records import OPEN_STATUSES
from resolutions import recording as resolution_recording
from resolutions.ingest import Admission, publish
from resolutions.models import ResolutionAttempt

# Engines send heartbeats far more often than this.
SILENT_FOR: Final = timedelta(minutes=15)
# So many are locked, changed and told to the feed in one transaction, however many went silent.
BATCH: Final = 1000


def mark_abandoned(*, silent_for: timedelta, now: datetime) -> tuple[int, int]:
    """Mark the attempts and resolution attempts that are not final and were not heard of for this long.

    Returns how many of each. A batch at a time, in a transaction with rollups and feed, like any recording.
    """
    since = now - silent_for
    attempts = resolutions = 0
    for ids in _batches(silent_resolutions(since)):
        with transaction.atomic():
            Admission()
            settled = resolution_recording.mark_abandoned(ids, silent_since=since, now=now)
            publish(settled.changes, [], now=now, incidents=settled.incidents)
        resolutions += len(settled.changes)
    for ids in _batches(silent_attempts(since)):
        with transaction.atomic():
            Admission()
            changes = attempt_recording.mark_abandoned(ids, silent_since=since, now=now)
            publish([], changes, now=now)
        attempts += len(changes)
    return attempts, resolutions


# Said in the words of the indexes action_attempts_open and resolution_attempts_open: PostgreSQL does not see that
# another condition comes to the same, and would read the whole record each minute.


def silent_attempts(since: datetime) -> "QuerySet[Any, UUID]":
    """The ids of attempts that are open, not marked, and of which nothing was heard since then."""
    is_open = Q(status__isnull=True) | Q(status__in=OPEN_STATUSES)
    silent = ActionAttempt.objects.filter(is_open, last_heard_at__lt=since, abandoned_at__isnull=True)
    return silent.values_list("attempt_id", flat=True)


def silent_resolutions(since: datetime) -> "QuerySet[Any, UUID]":
    """The ids of resolution attempts of which that is true."""
    is_open = Q(status__isnull=True) | Q(status="in_progress")
    silent = ResolutionAttempt.objects.filter(is_open, last_heard_at__lt=since, abandoned_at__isnull=True)
    return silent.values_list("resolution_id", flat=True)


def _batches(found: "QuerySet[Any, UUID]") -> Iterator[list[UUID]]:
    ids = sorted(found)
    for first in range(0, len(ids), BATCH):
        yield ids[first : first + BATCH]
