"""What is read of failure patterns. Shared by API and pages; nothing here writes.

One pattern in full is in reading.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from analytics.models import FailureFingerprint, FailureIncident, FailurePattern, MetricRecount
from analytics.patterns.details import PatternSummary
from attempts.keyset import Position, Rank
from attempts.models import ActionAttempt

# Of action types and of error types that one pattern tells.
MOST_TYPES: Final = 20
# By what patterns are ordered, and the column of living_patterns() that tells it.
ORDER_COLUMNS: Final = {"last_seen": "seen_at", "occurrences": "occurrences", "first_seen": "began_at"}


def patterns_by_id(ids: Iterable[UUID]) -> dict[UUID, FailurePattern]:
    """The patterns of these ids, also those that were merged into others; without those that there are not."""
    return FailurePattern.objects.in_bulk(list(ids))


def pattern_of_attempt(attempt_id: UUID) -> FailurePattern | None:
    """The pattern that a failed attempt belongs to.

    None where it did not fail, where there is no such attempt, and while its pattern waits for a recount.
    """
    return FailurePattern.objects.filter(of_attempt(attempt_id)).first()


def of_attempt(attempt_id: UUID) -> Q:
    """The condition of owning the fingerprint of this attempt."""
    carried = ActionAttempt.objects.filter(attempt_id=attempt_id, fingerprint__isnull=False).values("fingerprint")
    owners = FailureFingerprint.objects.filter(fingerprint__in=carried).values("pattern_id")
    return Q(pattern_id__in=owners)


def owns(**facts: Any) -> Exists:
    """The condition of owning a fingerprint with these facts."""
    return Exists(FailureFingerprint.objects.filter(pattern_id=OuterRef("pattern_id"), **facts))


def of_incident(incident_id: str) -> Q:
    """The condition of having failed in this incident."""
    carried = FailureIncident.objects.filter(incident_id=incident_id).values("fingerprint_id")
    return Q(pattern_id__in=FailureFingerprint.objects.filter(fingerprint__in=carried).values("pattern_id"))


def is_exact(pattern: FailurePattern | None = None) -> bool:
    """Whether nothing that is counted of this pattern, or of any, waits to be recounted.

    A bucket that missed a change may have missed one of any pattern.
    """
    due = FailureFingerprint.objects.filter(recount_due=True)
    if pattern is not None:
        due = due.filter(pattern=pattern)
    return not MetricRecount.objects.exists() and not due.exists()


def living_patterns() -> "QuerySet[FailurePattern]":
    """Those that were not merged into others, with the times they are ordered by.

    began_at and seen_at: first and last seen; made, where no failure is left of a pattern.
    """
    return FailurePattern.objects.filter(merged_into=None).annotate(
        began_at=Coalesce("first_seen", "created_at"), seen_at=Coalesce("last_seen", "created_at")
    )


class _Owned(NamedTuple):
    """What the fingerprints of one pattern tell together."""

    fingerprints: int
    recount_due: bool
    action_types: list[str]
    error_types: list[str]


def position_of(pattern: FailurePattern, column: str) -> Position | Rank:
    """Where one of living_patterns() stands in a list that is ordered by this column."""
    at: datetime | int = getattr(pattern, column)
    return Rank(at, pattern.pattern_id) if isinstance(at, int) else Position(at, pattern.pattern_id)


def summaries(patterns: Iterable[FailurePattern]) -> list[PatternSummary]:
    """What is told of these patterns in a list, in their order. Three queries."""
    return [PatternSummary(**facts) for facts in facts_of(list(patterns))]


def facts_of(patterns: Sequence[FailurePattern]) -> list[dict[str, Any]]:
    """The fields of PatternSummary of these patterns, in their order. Three queries."""
    owned = _owned_by([row.pattern_id for row in patterns])
    all_failures = FailurePattern.objects.aggregate(total=Sum("occurrences"))["total"] or 0
    complete = not MetricRecount.objects.exists()
    found = []
    for row in patterns:
        owns = owned.get(row.pattern_id) or _Owned(0, False, [row.action_type], [])
        facts = {name: getattr(row, name) for name in _COLUMNS}
        facts |= {
            "action_types": owns.action_types,
            "error_types": owns.error_types,
            "share": row.occurrences / all_failures if all_failures else None,
            "fingerprints": owns.fingerprints,
            "state_changed_by": row.state_changed_by or None,
            "merged_into": row.merged_into_id,
            "exact": complete and not owns.recount_due,
        }
        found.append(facts)
    return found


_COLUMNS: Final = (
    "pattern_id",
    "state",
    "template",
    "first_seen",
    "last_seen",
    "occurrences",
    "incidents",
    "created_at",
    "state_changed_at",
    "fixed_at",
)


def _owned_by(ids: Sequence[UUID]) -> dict[UUID, _Owned]:
    """Of each of these patterns that owns anything; types are the most frequent first."""
    rows = (
        FailureFingerprint.objects.filter(pattern_id__in=ids)
        .values_list("pattern_id", "action_type", "error_type")
        .annotate(
            n=Count("fingerprint"), failures=Sum("occurrences"), due=Count("fingerprint", filter=Q(recount_due=True))
        )
    )
    prints: Counter[UUID] = Counter()
    due: set[UUID] = set()
    action_types: dict[UUID, Counter[str]] = {}
    error_types: dict[UUID, Counter[str]] = {}
    for pattern_id, action_type, error_type, n, failures, n_due in rows:
        prints[pattern_id] += n
        action_types.setdefault(pattern_id, Counter())[action_type] += failures
        if error_type:
            error_types.setdefault(pattern_id, Counter())[error_type] += failures
        if n_due:
            due.add(pattern_id)
    return {
        pattern_id: _Owned(
            n,
            pattern_id in due,
            _most_frequent(action_types[pattern_id]),
            _most_frequent(error_types.get(pattern_id, {})),
        )
        for pattern_id, n in prints.items()
    }


def _most_frequent(counted: Mapping[str, int]) -> list[str]:
    return sorted(counted, key=lambda text: (-counted[text], text))[:MOST_TYPES]
