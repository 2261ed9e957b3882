"""What the dashboard reads beside the metrics: which attempts run now, and which environments there are."""

from datetime import datetime

from django.db.models import Q

from analytics.models import ResolutionMetric
from attempts.models import ActionAttempt
from resolutions.feed.details import FeedAttempt, feed_attempts

# More are counted, not listed.
LISTED = 50
ENVIRONMENTS = 200


def running_attempts(*, environment: str | None = None, limit: int = LISTED) -> list[FeedAttempt]:
    """The attempts in progress, the longest running first; those that lost contact are not among them. Two queries."""
    running = ActionAttempt.objects.filter(
        Q(status__isnull=True) | Q(status="in_progress"),  # implies the condition of the index action_attempts_open
        abandoned_at__isnull=True,
    )
    if environment is not None:
        running = running.filter(environment=environment)
    ids = list(running.order_by("effective_started_at", "attempt_id").values_list("attempt_id", flat=True)[:limit])
    found = feed_attempts(ids)
    return [found[id] for id in ids if id in found]


def environments(*, since: datetime) -> list[str]:
    """The environments of what started since then, by name. One query."""
    told = ResolutionMetric.objects.filter(bucket_start__gte=since).exclude(environment="")
    return list(told.order_by("environment").values_list("environment", flat=True).distinct()[:ENVIRONMENTS])
