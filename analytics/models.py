"""What is derived from the record: rollups and the list of buckets to recount. Failure patterns: patterns/models.py;
sums of the rollups: summaries/models.py.

Every figure here can be recounted from the record; analytics.rollups is the only writer of metrics.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q

from analytics.patterns.models import (
    FailureCount,
    FailureFingerprint,
    FailureIncident,
    FailurePattern,
    FailurePatternKey,
    PatternChange,
    Regrouping,
)
from analytics.summaries.models import MetricSummary

__all__ = [
    "FailureCount",
    "FailureFingerprint",
    "FailureIncident",
    "FailurePattern",
    "FailurePatternKey",
    "MetricRecount",
    "MetricSummary",
    "PatternChange",
    "Regrouping",
    "ResolutionMetric",
]


class ResolutionMetric(models.Model):
    """One rollup row: what started in one 15-minute bucket, for one combination of dimensions.

    A dimension that was not told is the empty text here.
    """

    class Subject(models.TextChoices):
        ATTEMPT = "attempt"
        RESOLUTION = "resolution"
        # Counted where it was closed, by when its last resolution attempt ended.
        INCIDENT = "incident"

    bucket_start = models.DateTimeField()
    subject = models.CharField(max_length=16, choices=Subject.choices)
    action_type = models.CharField(max_length=255, blank=True)
    incident_type = models.CharField(max_length=255, blank=True)
    engine = models.CharField(max_length=255, blank=True)
    engine_version = models.CharField(max_length=255, blank=True)
    environment = models.CharField(max_length=255, blank=True)
    # Digest of subject and the five dimensions: the texts themselves can be too long for one index entry.
    dimensions_digest = models.UUIDField()

    pending = models.BigIntegerField(default=0)
    in_progress = models.BigIntegerField(default=0)
    abandoned = models.BigIntegerField(default=0)
    success = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    resolved = models.BigIntegerField(default=0)
    escalated = models.BigIntegerField(default=0)
    # What the latest verdict on each says; reopened: of a resolution attempt whose incident came back.
    worked = models.BigIntegerField(default=0)
    no_effect = models.BigIntegerField(default=0)
    made_worse = models.BigIntegerField(default=0)
    reopened = models.BigIntegerField(default=0)
    # The sum of the known durations of what ended. Numeric: a few absurd durations exceed any integer.
    duration_microseconds = models.DecimalField(max_digits=40, decimal_places=0, default=0)
    # How many of the known durations of what ended lie in each bin of analytics.histogram: the subscript is the bin,
    # and the array's lower bound the first bin that was ever filled. An array, since adding to jsonb costs four times
    # as much.
    durations = ArrayField(models.IntegerField(), default=list)

    class Meta:
        db_table = "resolution_metrics"
        constraints = [
            models.UniqueConstraint(fields=["bucket_start", "dimensions_digest"], name="resolution_metrics_key"),
            models.CheckConstraint(
                condition=Q(subject__in=["attempt", "resolution", "incident"]), name="resolution_metrics_subject_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    pending__gte=0,
                    in_progress__gte=0,
                    abandoned__gte=0,
                    success__gte=0,
                    failed__gte=0,
                    skipped__gte=0,
                    cancelled__gte=0,
                    resolved__gte=0,
                    escalated__gte=0,
                    worked__gte=0,
                    no_effect__gte=0,
                    made_worse__gte=0,
                    reopened__gte=0,
                    duration_microseconds__gte=0,
                ),
                name="resolution_metrics_counts_not_negative",
            ),
            models.CheckConstraint(
                # Q objects have no "all elements".
                condition=Func("durations", template="0 <= ALL (%(expressions)s)", output_field=models.BooleanField()),
                name="resolution_metrics_durations_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bucket_start:%Y-%m-%d %H:%M} {self.subject} {self.action_type}"


class MetricRecount(models.Model):
    """A bucket whose rollups missed a change: answers that cover it are not exact until it is recounted."""

    bucket_start = models.DateTimeField(primary_key=True)
    reason = models.TextField()
    noted_at = models.DateTimeField()

    class Meta:
        db_table = "metric_recounts"

    def __str__(self) -> str:
        return f"{self.bucket_start:%Y-%m-%d %H:%M}"
