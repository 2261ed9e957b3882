"""Failure patterns, rollup rows and recounts for tests, written straight into the tables."""

import uuid
from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from analytics.models import (
    FailureFingerprint,
    FailurePattern,
    FailurePatternKey,
    MetricRecount,
    MetricSummary,
    PatternChange,
    Regrouping,
    ResolutionMetric,
)
from attempts.fingerprint import VERSION

_hours = count(1)


def make_pattern(*fingerprints: uuid.UUID, **facts: Any) -> FailurePattern:
    """One failure pattern that owns these fingerprints, whose failures are not there; facts are its columns."""
    pattern = FailurePattern.objects.create(
        **{"template": "connection to <host> refused", "created_at": timezone.now(), **facts}
    )
    if fingerprints:
        key = FailurePatternKey.objects.create(pattern_key=uuid.uuid4(), pattern=pattern, version=VERSION)
    for fingerprint in fingerprints:
        FailureFingerprint.objects.create(
            fingerprint=fingerprint,
            version=VERSION,
            action_type=pattern.action_type,
            masked=pattern.template,
            key=key,
            pattern=pattern,
        )
    return pattern


def make_change(**facts: Any) -> PatternChange:
    """Something that was done to a pattern of its own."""
    pattern = facts.pop("pattern", None) or make_pattern()
    told = {"change": "acknowledged", "from_state": "new", "to_state": "acknowledged", "changed_by": "olga"}
    return PatternChange.objects.create(
        **{"pattern": pattern, "changed_at": timezone.now(), "details": {"a": 1}, "note": "on it", **told, **facts}
    )


def make_regrouping(**facts: Any) -> Regrouping:
    """One that goes on, of the version behind the last."""
    last = Regrouping.objects.order_by("-version").values_list("version", flat=True).first()
    return Regrouping.objects.create(**{"version": (last or 0) + 1, "decided_at": timezone.now(), **facts})


def make_metric(**facts: Any) -> ResolutionMetric:
    """One rollup row, of the bucket that is now open unless told otherwise."""
    now = timezone.now()
    return ResolutionMetric.objects.create(
        **{
            "bucket_start": now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0),
            "subject": ResolutionMetric.Subject.ATTEMPT,
            "action_type": "restart_service",
            "dimensions_digest": uuid.uuid4(),
            **facts,
        }
    )


def make_recount(**facts: Any) -> MetricRecount:
    """One bucket that waits to be recounted."""
    now = timezone.now()
    return MetricRecount.objects.create(
        **{
            "bucket_start": now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0),
            "reason": "a receiver failed",
            "noted_at": now,
            **facts,
        }
    )


def make_summary(**facts: Any) -> MetricSummary:
    """What an hour adds up to: nothing, unless told otherwise. Another hour each time."""
    now = timezone.now()
    return MetricSummary.objects.create(
        **{
            "subject": ResolutionMetric.Subject.ATTEMPT,
            "grain": MetricSummary.Grain.HOUR,
            "period_start": now.replace(minute=0, second=0, microsecond=0) - next(_hours) * timedelta(hours=1),
            "grouping": "everything",
            "content": "[]",
            "sealed_at": now,
            **facts,
        }
    )
