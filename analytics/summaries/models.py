"""The table of summaries. Only sealing.py writes it; rollups.py removes what is no longer right."""

from typing import Final

from django.db import models
from django.db.models import Q

from analytics.summaries.periods import GRAINS, SUBJECTS

SUBJECT_CHOICES: Final = [(subject, subject.capitalize()) for subject in SUBJECTS]


class MetricSummary(models.Model):
    """What the rollups of one subject add up to in one hour or day that has ended, as one grouping tells it apart."""

    class Grain(models.TextChoices):
        HOUR = "hour"
        DAY = "day"

    subject = models.CharField(max_length=16, choices=SUBJECT_CHOICES)
    grain = models.CharField(max_length=8, choices=Grain.choices)
    # The hours and days of UTC.
    period_start = models.DateTimeField()
    grouping = models.CharField(max_length=64)
    # JSON; see content.py. Text, since it is read and written whole.
    content = models.TextField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "metric_summaries"
        verbose_name_plural = "metric summaries"
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "grain", "period_start", "grouping"], name="metric_summaries_key"
            ),
            models.CheckConstraint(condition=Q(subject__in=SUBJECTS), name="metric_summaries_subject_known"),
            models.CheckConstraint(condition=Q(grain__in=list(GRAINS)), name="metric_summaries_grain_known"),
        ]

    def __str__(self) -> str:
        return f"{self.grain} {self.period_start:%Y-%m-%d %H:%M} {self.subject} {self.grouping}"
