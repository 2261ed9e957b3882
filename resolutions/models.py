"""Resolution attempts (one session of an engine on an incident), the live feed's durable log, and the import's ledger.

resolutions.recording is the only writer of resolution attempts, resolutions.feed of the feed, and
resolutions.importing.ledger of the files that were imported. Counts of a resolution's attempts are not kept here: they
are read from the attempts.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from attempts.models import told_text
from resolutions.records import FINAL_STATUSES, SEVERITIES


class ResolutionAttempt(models.Model):
    """One session of an engine on an incident. NULL means "not told"."""

    resolution_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    incident_id = models.CharField(max_length=255)
    incident_type = told_text()
    environment = told_text()
    severity = models.CharField(max_length=16, null=True, blank=True)
    service = told_text()
    title = models.TextField(null=True, blank=True)
    engine = told_text()
    engine_version = told_text()
    confidence = models.FloatField(null=True, blank=True)
    recommended_actions = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=16, null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(null=True, blank=True)
    root_cause = models.TextField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    extra = models.JSONField(null=True, blank=True)

    received_at = models.DateTimeField()
    last_heard_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        "access.ApiKey",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        db_column="recorded_by",
        related_name="+",
    )
    abandoned_at = models.DateTimeField(null=True, blank=True)

    # {field: updated_at of the document that told its present value}: makes "the later wins" hold in any order.
    versions = models.JSONField(null=True, blank=True)
    effective_started_at = models.GeneratedField(
        expression=Coalesce("started_at", "completed_at", "received_at"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )

    class Meta:
        db_table = "resolution_attempts"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__isnull=True) | Q(status__in=["in_progress", *FINAL_STATUSES]),
                name="resolution_attempts_status_known",
            ),
            models.CheckConstraint(
                condition=Q(severity__isnull=True) | Q(severity__in=SEVERITIES),
                name="resolution_attempts_severity_known",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__range=(0, 1)),
                name="resolution_attempts_confidence_is_a_fraction",
            ),
            models.CheckConstraint(condition=~Q(incident_id=""), name="resolution_attempts_incident_not_empty"),
        ]
        indexes = [
            models.Index(fields=["effective_started_at", "resolution_id"], name="resolution_attempts_by_start"),
            models.Index(fields=["incident_id", "effective_started_at"], name="resolution_attempts_incident"),
            models.Index(
                fields=["last_heard_at"],
                condition=Q(status__isnull=True) | Q(status="in_progress"),
                name="resolution_attempts_open",
            ),
        ]

    def __str__(self) -> str:
        # Not the title, which has no limit: this is also the heading of a page.
        return f"resolution of {self.incident_id}"


class FeedEntry(models.Model):
    """The rows one recording transaction changed. Revisions are in the order of commits."""

    revision = models.BigAutoField(primary_key=True)
    attempt_ids = ArrayField(models.UUIDField())
    resolution_ids = ArrayField(models.UUIDField())
    created_at = models.DateTimeField()

    class Meta:
        db_table = "feed"
        verbose_name_plural = "feed entries"
        indexes = [models.Index(fields=["created_at"], name="feed_by_age")]

    def __str__(self) -> str:
        return str(self.revision)


class ImportedFile(models.Model):
    """A file that was imported, or refused, and how it stood then: one that stands the same is not read again."""

    class Outcome(models.TextChoices):
        IMPORTED = "imported"
        UPDATED = "updated"
        UNCHANGED = "unchanged"
        BAD = "bad"

    # The digest of the absolute path's bytes; path shows them, with what cannot be printed escaped.
    digest = models.UUIDField(primary_key=True)
    path = models.TextField()
    size = models.BigIntegerField()
    mtime_ns = models.BigIntegerField()
    ctime_ns = models.BigIntegerField()
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reason = models.TextField(null=True, blank=True)
    imported_at = models.DateTimeField()

    class Meta:
        db_table = "imported_files"
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["imported", "updated", "unchanged", "bad"]),
                name="imported_files_outcome_known",
            ),
            models.CheckConstraint(
                condition=Q(outcome="bad", reason__isnull=False) | (~Q(outcome="bad") & Q(reason__isnull=True)),
                name="imported_files_reason_if_bad",
            ),
            models.CheckConstraint(condition=Q(size__gte=0), name="imported_files_size_not_negative"),
        ]
        indexes = [
            models.Index(fields=["imported_at"], condition=Q(outcome="bad"), name="imported_files_bad"),
            models.Index(F("imported_at").desc(), F("digest").desc(), name="imported_files_newest"),
        ]

    def __str__(self) -> str:
        return self.path
