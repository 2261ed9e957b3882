"""What is read of failure patterns. Shared by API and pages; nothing here writes."""

from collections.abc import Iterable
from uuid import UUID

from analytics.models import FailureFingerprint, FailurePattern, MetricRecount


def patterns_by_id(ids: Iterable[UUID]) -> dict[UUID, FailurePattern]:
    """The patterns of these ids, also those that were merged into others; without those that there are not."""
    return FailurePattern.objects.in_bulk(list(ids))


def pattern_of_attempt(attempt_id: UUID) -> FailurePattern | None:
    """The pattern that a failed attempt belongs to.

    None where it did not fail, where there is no such attempt, and while its pattern waits for a recount.
    """
    from attempts.models import ActionAttempt

    carried = ActionAttempt.objects.filter(attempt_id=attempt_id, fingerprint__isnull=False).values("fingerprint")
    return FailurePattern.objects.filter(fingerprints__fingerprint__in=carried).first()


def is_exact(pattern: FailurePattern | None = None) -> bool:
    """Whether nothing that is counted of this pattern, or of any, waits to be recounted.

    A bucket that missed a change may have missed one of any pattern.
    """
    due = FailureFingerprint.objects.filter(recount_due=True)
    if pattern is not None:
        due = due.filter(pattern=pattern)
    return not MetricRecount.objects.exists() and not due.exists()
