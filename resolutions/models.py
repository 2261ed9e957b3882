"""Resolution attempts (one session of an engine on an incident), verdicts on what engines claim, the live feed's
durable log, and the import's ledger.

resolutions.recording is the only writer of resolution attempts, resolutions.verdicts of verdicts, resolutions.feed of
the feed, and resolutions.importing.ledger of the files that were imported. Counts of a resolution's attempts are not
kept here: they are read from the attempts.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from attempts.models import told_text
from attempts.records import VERDICTS
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
    # The latest verdict on it, and the resolution attempt by which its incident was reopened: derived.
    verdict = models.CharField(max_length=16, null=True, blank=True)
    verdict_at = models.DateTimeField(null=True, blank=True)
    reopened_by = models.UUIDField(null=True, blank=True)
    reopened_at = models.DateTimeField(null=True, blank=True)
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
            models.CheckConstraint(
                condition=Q(verdict__isnull=True, verdict_at__isnull=True)
                | Q(verdict__isnull=False, verdict__in=VERDICTS, verdict_at__isnull=False),
                name="resolution_attempts_verdict_known",
            ),
            models.CheckConstraint(
                condition=Q(reopened_by__isnull=True, reopened_at__isnull=True)
                | Q(reopened_by__isnull=False, reopened_at__isnull=False),
                name="resolution_attempts_reopened_by_and_when",
            ),
        ]
        indexes = [
            models.Index(fields=["effective_started_at", "resolution_id"], name="resolution_attempts_by_start"),
            models.Index(fields=["incident_id", "effective_started_at"], name="resolution_attempts_incident"),
            models.Index(
                fields=["incident_type", "effective_started_at"],
                condition=Q(incident_type__isnull=False),
                name="resolution_attempts_by_type",
            ),
            models.Index(
                fields=["last_heard_at"],
                condition=Q(status__isnull=True) | Q(status="in_progress"),
                name="resolution_attempts_open",
            ),
            # When those that ended did so (ResolutionRow.ended_at), by which closed incidents are found.
            models.Index(
                Coalesce("completed_at", "started_at", "received_at"),
                condition=Q(status__in=FINAL_STATUSES),
                name="resolution_attempts_by_end",
            ),
        ]

    def __str__(self) -> str:
        # Not the title, which has no limit: this is also the heading of a page.
        return f"resolution of {self.incident_id}"


class Verdict(models.Model):
    """What somebody found out about an attempt or a resolution attempt: did it really work? Never changed, never
    removed; the one with the latest given_at counts, and of two at the same moment the one with the larger id."""

    class Source(models.TextChoices):
        CHECK = "check"
        HUMAN = "human"
        ALERT = "alert"

    verdict_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    attempt = models.ForeignKey(
        "attempts.ActionAttempt", null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    resolution = models.ForeignKey(
        ResolutionAttempt, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    verdict = models.CharField(max_length=16)
    source = models.CharField(max_length=16, choices=Source.choices)
    given_at = models.DateTimeField()
    # Who: a name, since users and keys may go and a verdict stays.
    given_by = models.CharField(max_length=255)
    note = models.TextField(blank=True)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "verdicts"
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=VERDICTS), name="verdicts_verdict_known"),
            models.CheckConstraint(condition=Q(source__in=["check", "human", "alert"]), name="verdicts_source_known"),
            models.CheckConstraint(
                condition=Q(attempt__isnull=True, resolution__isnull=False)
                | Q(attempt__isnull=False, resolution__isnull=True),
                name="verdicts_on_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["attempt", "given_at"], condition=Q(attempt__isnull=False), name="verdicts_by_attempt"
            ),
            models.Index(
                fields=["resolution", "given_at"], condition=Q(resolution__isnull=False), name="verdicts_by_resolution"
            ),
            models.Index(F("received_at").desc(), F("verdict_id").desc(), name="verdicts_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.given_by}"


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
