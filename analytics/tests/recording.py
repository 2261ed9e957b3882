"""Records rows as the recorder does, without its documents: one transaction with lock, rows and signals."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.db import transaction

from analytics.models import ResolutionMetric
from analytics.patterns.totals import recount_totals
from analytics.rebuild import recount
from attempts.fingerprint import VERSION, fingerprint
from attempts.locks import RECORDING
from attempts.rows import AttemptChange, AttemptRow
from attempts.signals import attempts_recorded
from attempts.storage import ATTEMPTS, execute
from resolutions.incidents import LockedIncidents
from resolutions.rows import ResolutionChange, ResolutionRow
from resolutions.signals import incidents_recorded, resolutions_recorded
from resolutions.storage import RESOLUTIONS

START = datetime(2025, 6, 15, 10, 0, tzinfo=UTC)


def attempt(**facts: Any) -> AttemptRow:
    """An attempt that started at START, unless told otherwise."""
    told = {
        "attempt_id": uuid4(),
        "action_id": "a-1",
        "action_type": "restart_pool",
        "incident_id": "INC-1",
        "started_at": START,
        "received_at": START,
        "last_heard_at": START,
    }
    return as_derived(AttemptRow(**{**told, **facts}))


def as_derived(row: AttemptRow) -> AttemptRow:
    """The row with the fingerprint that the recorder gives it: failures have one."""
    fails = row.status == "failed"
    print_ = fingerprint(row.action_type or "", row.error_type, row.error_message) if fails else None
    return msgspec.structs.replace(row, fingerprint=print_, fingerprint_version=VERSION if fails else None)


def failed(message: str | None = None, **facts: Any) -> AttemptRow:
    """An attempt of START that failed with this message."""
    return ended(**{"status": "failed", "error_message": message, **facts})


def ended(seconds: float = 1, **facts: Any) -> AttemptRow:
    """A successful attempt of START that took this long."""
    return attempt(**{"status": "success", "completed_at": START + timedelta(seconds=seconds), **facts})


def resolution(**facts: Any) -> ResolutionRow:
    told = {
        "resolution_id": uuid4(),
        "incident_id": "INC-1",
        "started_at": START,
        "received_at": START,
        "last_heard_at": START,
    }
    return ResolutionRow(**{**told, **facts})


def told_more(row: AttemptRow, **facts: Any) -> AttemptRow:
    return as_derived(msgspec.structs.replace(row, **facts))


def record_rows(rows: Sequence[AttemptRow], before: Sequence[AttemptRow | None] | None = None) -> None:
    """Record attempts: new ones, or what became of those in `before`, in one transaction."""
    earlier = before or [None] * len(rows)
    changes = [AttemptChange(old, new, []) for old, new in zip(earlier, rows, strict=True)]
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock_shared(%s)", [RECORDING])
        ATTEMPTS.insert([change.after for change in changes if change.before is None])
        ATTEMPTS.update([change.after for change in changes if change.before is not None])
        attempts_recorded.send(sender=None, changes=changes)


def record_resolution(row: ResolutionRow, before: ResolutionRow | None = None) -> None:
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock_shared(%s)", [RECORDING])
        incidents = LockedIncidents([str(row.incident_id)])
        settled = incidents.settle([ResolutionChange(before, row)])
        RESOLUTIONS.insert([change.after for change in settled.changes if change.before is None])
        RESOLUTIONS.update([change.after for change in settled.changes if change.before is not None])
        resolutions_recorded.send(sender=None, changes=settled.changes)
        incidents_recorded.send(sender=None, changes=settled.incidents)


def stored_counts(**selected: Any) -> dict[str, int]:
    """The counts of the rollup rows selected, added up, those that are zero left out."""
    totals: dict[str, int] = {}
    names = (
        "pending",
        "in_progress",
        "abandoned",
        "success",
        "failed",
        "skipped",
        "cancelled",
        "resolved",
        "escalated",
    )
    for row in ResolutionMetric.objects.filter(**selected).values(*names):
        for name, count in row.items():
            totals[name] = totals.get(name, 0) + count
    return {name: count for name, count in totals.items() if count}


def differences() -> list[Any]:
    """What a recount of everything finds to differ, or to be due."""
    by_time = [each for part in recount(repair=False) for each in (*part.differences, *part.failures)]
    totals = recount_totals(repair=False)
    return [*by_time, *totals.differences, *(["fingerprints due"] if totals.due else [])]


def an_id(number: int) -> UUID:
    return UUID(int=number)
