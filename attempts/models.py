"""The record: action attempts, their steps, and the documents that were refused.

The columns of attempts and steps are the fields of records.py; attempts.recording is their only writer. What is
derived from them (metrics, patterns) lives in higher apps.
"""

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Least

from attempts.records import FINAL_STATUSES, OPEN_STATUSES, VERDICTS


def told_text() -> "models.CharField[str | None, str | None]":
    """An optional text fact of up to 255 characters; NULL means "not told"."""
    return models.CharField(max_length=255, null=True, blank=True)


class ActionAttempt(models.Model):
    """One execution of one action. NULL means "not told"; defaults are applied on reading."""

    attempt_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    action_id = models.CharField(max_length=255)
    action_type = models.CharField(max_length=255, blank=True)
    incident_id = models.CharField(max_length=255)
    incident_type = told_text()
    environment = told_text()
    target = told_text()
    engine = told_text()
    engine_version = told_text()
    trace_id = told_text()
    approved_by = told_text()
    reason = models.TextField(null=True, blank=True)
    # A plain UUID, not a foreign key: an attempt may be told before its resolution, and is never refused for it.
    resolution_id = models.UUIDField(null=True, blank=True)
    retry_of = models.UUIDField(null=True, blank=True)
    parameters = models.JSONField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    critical = models.BooleanField(null=True, blank=True)
    expected_seconds = models.FloatField(null=True, blank=True)
    status = models.CharField(max_length=16, null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    execution_time_seconds = models.FloatField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)
    error_type = models.TextField(null=True, blank=True)
    error_details = models.JSONField(null=True, blank=True)
    extra = models.JSONField(null=True, blank=True)

    # Receipt: outside the merge law.
    received_at = models.DateTimeField()
    last_heard_at = models.DateTimeField()
    # No constraint trigger on the hot path: keys are revoked, never deleted.
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

    # Derived: written with the facts, never merged.
    first_step_at = models.DateTimeField(null=True, blank=True)
    fingerprint = models.UUIDField(null=True, blank=True)
    fingerprint_version = models.SmallIntegerField(null=True, blank=True)
    # The latest verdict on it. The verdicts themselves are resolutions.models.Verdict.
    verdict = models.CharField(max_length=16, null=True, blank=True)
    verdict_at = models.DateTimeField(null=True, blank=True)
    effective_started_at = models.GeneratedField(
        expression=Coalesce("started_at", Least("first_step_at", "completed_at"), "received_at"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )

    class Meta:
        db_table = "action_attempts"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__isnull=True) | Q(status__in=[*OPEN_STATUSES, *FINAL_STATUSES]),
                name="action_attempts_status_known",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__range=(0, 1)),
                name="action_attempts_confidence_is_a_fraction",
            ),
            models.CheckConstraint(
                condition=Q(execution_time_seconds__isnull=True) | Q(execution_time_seconds__gte=0),
                name="action_attempts_execution_time_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(expected_seconds__isnull=True) | Q(expected_seconds__gte=0),
                name="action_attempts_expected_seconds_not_negative",
            ),
            models.CheckConstraint(
                condition=~Q(action_id="") & ~Q(incident_id=""),
                name="action_attempts_identities_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(fingerprint__isnull=True, fingerprint_version__isnull=True)
                # "status is not null" is said too: a CHECK lets pass what is neither true nor false.
                | Q(
                    fingerprint__isnull=False, fingerprint_version__isnull=False, status__isnull=False, status="failed"
                ),
                name="action_attempts_only_failures_have_a_fingerprint",
            ),
            models.CheckConstraint(
                condition=Q(verdict__isnull=True, verdict_at__isnull=True)
                | Q(verdict__isnull=False, verdict__in=VERDICTS, verdict_at__isnull=False),
                name="action_attempts_verdict_known",
            ),
        ]
        indexes = [
            models.Index(fields=["effective_started_at", "attempt_id"], name="action_attempts_by_start"),
            models.Index(fields=["incident_id", "effective_started_at"], name="action_attempts_by_incident"),
            models.Index(
                fields=["resolution_id"], condition=Q(resolution_id__isnull=False), name="action_attempts_by_resolution"
            ),
            models.Index(
                fields=["last_heard_at"],
                condition=Q(status__isnull=True) | Q(status__in=OPEN_STATUSES),
                name="action_attempts_open",
            ),
            models.Index(fields=["action_type", "effective_started_at"], name="action_attempts_by_type"),
            models.Index(
                fields=["fingerprint", "effective_started_at"],
                condition=Q(fingerprint__isnull=False),
                name="action_attempts_by_fingerprint",
            ),
            models.Index(
                fields=["incident_type", "effective_started_at"],
                condition=Q(incident_type__isnull=False, status="failed"),
                name="action_attempts_failures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action_type or 'action'} {self.action_id}"


class ActionLog(models.Model):
    """One step of an attempt's log."""

    pk = models.CompositePrimaryKey("attempt_id", "sequence")
    attempt = models.ForeignKey(ActionAttempt, on_delete=models.CASCADE, related_name="logs", db_index=False)
    sequence = models.IntegerField()
    step = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True)
    timestamp = models.DateTimeField(null=True, blank=True)
    details = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "action_logs"
        ordering = ["attempt_id", "sequence"]
        constraints = [
            models.CheckConstraint(condition=Q(sequence__gte=0), name="action_logs_sequence_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.step or ''}"


class ActionLogEntry(models.Model):
    """A step under a key of one column (the view action_log_entries), for what cannot do with two, such as the admin.

    Find one step by attempt and sequence, which are indexed, and not by key, which is computed for every row.
    """

    key = models.TextField(primary_key=True)
    attempt = models.ForeignKey(
        ActionAttempt, on_delete=models.DO_NOTHING, related_name="log_entries", db_constraint=False
    )
    sequence = models.IntegerField()
    step = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True)
    timestamp = models.DateTimeField(null=True, blank=True)
    details = models.JSONField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "action_log_entries"
        ordering = ["attempt_id", "sequence"]
        verbose_name = "step"
        # Not made in the database; it tells Django that the two columns are an order without ties.
        constraints = [models.UniqueConstraint(fields=["attempt", "sequence"], name="action_log_entries_key")]

    def __str__(self) -> str:
        return f"step {self.sequence}"


class Refusal(models.Model):
    """A document that was not applied, kept as it came (redacted), so that nothing an engine said is lost."""

    class Kind(models.TextChoices):
        ACTION_ATTEMPT = "action_attempt"
        RESOLUTION_ATTEMPT = "resolution_attempt"

    class Outcome(models.TextChoices):
        CONFLICT = "conflict"
        REJECTED = "rejected"

    # The digest of kind, reason and document: the same document refused again is counted, not stored again.
    digest = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    # Text, since a rejected document need not carry a valid id, and need not be valid jsonb either.
    document_id = models.CharField(max_length=255, null=True, blank=True)
    code = models.CharField(max_length=32)
    message = models.TextField()
    field = models.CharField(max_length=255, null=True, blank=True)
    path = models.TextField(null=True, blank=True)
    document = models.TextField()
    times = models.IntegerField(default=1)
    first_refused_at = models.DateTimeField()
    last_refused_at = models.DateTimeField()
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

    class Meta:
        db_table = "refusals"
        indexes = [models.Index(F("last_refused_at").desc(), name="refusals_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["action_attempt", "resolution_attempt"]), name="refusals_kind_known"
            ),
            models.CheckConstraint(condition=Q(outcome__in=["conflict", "rejected"]), name="refusals_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.document_id or ''} {self.outcome}"
