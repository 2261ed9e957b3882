"""Reading the journals of engine instances, for pages and API. Writing them is recording.py's matter."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from attempts.keyset import Position, RowCompare
from engines.details import Completeness, EngineInstance, State
from engines.models import EngineJournal
from engines.numbers import MISSING, first_ranges, how_many, how_many_ranges

# An engine that has nothing to send reports more often than this.
ACTIVE_WITHIN: Final = timedelta(seconds=60)
# Ranges of each kind that a list tells of one journal.
LISTED_RANGES: Final = 20

_PLAIN: Final = (
    "journal_id",
    "engine",
    "engine_version",
    "client_version",
    "host",
    "process_id",
    "started_at",
    "first_heard_at",
    "last_heard_at",
    "closed_at",
    "written",
)


def is_active(now: datetime) -> Q:
    """The condition of the state active."""
    return Q(closed_at=None, last_heard_at__gte=now - ACTIVE_WITHIN)


def read_instances(
    journals: "QuerySet[EngineJournal]", *, ranges: int | None = LISTED_RANGES, now: datetime | None = None
) -> list[EngineInstance]:
    """The instances of these journals in their order, with at most so many ranges of each kind; None for all."""
    now = now or timezone.now()
    # Under names of their own: the columns stored and refused are the sets themselves.
    rows = journals.values(
        *_PLAIN,
        n_stored=how_many("stored"),
        n_missing=how_many(MISSING),
        r_missing=how_many_ranges(MISSING),
        l_missing=first_ranges(MISSING, ranges),
        n_refused=how_many("refused"),
        r_refused=how_many_ranges("refused"),
        l_refused=first_ranges("refused", ranges),
    )
    return [_instance(row, now) for row in rows]


def read_instance(journal_id: UUID) -> EngineInstance | None:
    """One instance with all ranges; None when nothing was heard of this journal."""
    found = read_instances(EngineJournal.objects.filter(journal_id=journal_id), ranges=None)
    return found[0] if found else None


def newest_heard(*, before: Position | None, limit: int) -> list[EngineInstance]:
    """The instances that were heard last, at most so many, heard of before this position."""
    journals = EngineJournal.objects.order_by("-last_heard_at", "-journal_id")
    if before is not None:
        journals = journals.filter(RowCompare(["last_heard_at", "journal_id"], "<", before.values()))
    return read_instances(journals[:limit])


def completeness(*, now: datetime | None = None) -> Completeness:
    """All instances in total."""
    now = now or timezone.now()
    active = is_active(now)
    closed = Q(closed_at__isnull=False)
    journals = EngineJournal.objects.annotate(n_missing=how_many(MISSING), n_refused=how_many("refused"))
    incomplete = ~active & Q(n_missing__gt=0)
    return Completeness(
        **journals.aggregate(
            active=Count("pk", filter=active),
            silent=Count("pk", filter=~active & ~closed),
            closed=Count("pk", filter=closed),
            incomplete=Count("pk", filter=incomplete),
            missing_of_incomplete=Coalesce(Sum("n_missing", filter=incomplete), 0),
            on_their_way=Coalesce(Sum("n_missing", filter=active), 0),
            refused=Coalesce(Sum("n_refused"), 0),
        )
    )


def _instance(row: dict[str, Any], now: datetime) -> EngineInstance:
    return EngineInstance(
        **{name: row[name] for name in _PLAIN},
        state=_state(row["closed_at"], row["last_heard_at"], now),
        stored=row["n_stored"],
        missing=row["n_missing"],
        missing_ranges=row["r_missing"],
        missing_numbers=_pairs(row["l_missing"]),
        refused=row["n_refused"],
        refused_ranges=row["r_refused"],
        refused_numbers=_pairs(row["l_refused"]),
    )


def _state(closed_at: datetime | None, last_heard_at: datetime, now: datetime) -> State:
    if closed_at is not None:
        return "closed"
    return "active" if last_heard_at >= now - ACTIVE_WITHIN else "silent"


def _pairs(ranges: list[list[int]]) -> list[tuple[int, int]]:
    return [(first, last) for first, last in ranges]
