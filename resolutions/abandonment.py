"""Marks what went silent without an outcome as abandoned. Any later document clears the mark."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from attempts import recording as attempt_recording
from resolutions import recording as resolution_recording
from resolutions.ingest import Admission, publish

# Engines send heartbeats far more often than this.
SILENT_FOR: Final = timedelta(minutes=15)


def mark_abandoned(*, silent_for: timedelta, now: datetime) -> tuple[int, int]:
    """Mark the attempts and resolution attempts that are not final and were not heard of for this long.

    Returns how many of each. One transaction, with rollups and feed, like any recording.
    """
    with transaction.atomic():
        Admission()
        resolutions = resolution_recording.mark_abandoned(silent_since=now - silent_for, now=now)
        attempts = attempt_recording.mark_abandoned(silent_since=now - silent_for, now=now)
        publish(resolutions.changes, attempts, now=now, incidents=resolutions.incidents)
    return len(attempts), len(resolutions.changes)
