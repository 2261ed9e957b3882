"""The tables of failure patterns. Who owns which fingerprint, what is counted of each, and what was done to a pattern.

Everything is counted by fingerprint, so that a merge or a split moves whole fingerprints and counts nothing anew; the
totals of a pattern are sums over those that it owns. Locks are taken in this order: pattern keys, fingerprints,
patterns, each in the order of their ids; a fingerprint's lock covers its counts and its incidents.

The totals change with every failure that is recorded, so no index holds them: an update then stays on its page and
touches no index. There are some thousand patterns at most, which a list sorts faster than it would read an index.
"""

import uuid

from django.db import models
from django.db.models import F, Q


class FailurePattern(models.Model):
    """One way in which things fail. Patterns own sets of fingerprints; the record is never touched by regrouping.

    One that was merged into another owns nothing any more, and stays so that its id still leads somewhere.
    """

    class State(models.TextChoices):
        NEW = "new"
        ACKNOWLEDGED = "acknowledged"
        FIXED = "fixed"
        IGNORED = "ignored"
        REGRESSED = "regressed"

    pattern_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Of the failure that founded it. A pattern into which others were merged has those of its fingerprints.
    action_type = models.CharField(max_length=255, blank=True)
    template = models.TextField()
    created_at = models.DateTimeField()

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    state_changed_at = models.DateTimeField(null=True, blank=True)
    # A name, since users and keys may go. "actionlog" where it was the recorder.
    state_changed_by = models.CharField(max_length=255, blank=True)
    # When it was last said to be fixed. A failure that starts later makes it regressed.
    fixed_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")

    occurrences = models.BigIntegerField(default=0)
    incidents = models.BigIntegerField(default=0)
    # The earliest and the latest effective start of its failures.
    first_seen = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "failure_patterns"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["new", "acknowledged", "fixed", "ignored", "regressed"]),
                name="failure_patterns_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["fixed", "regressed"]) | Q(fixed_at__isnull=False),
                name="failure_patterns_fixed_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(occurrences=0, incidents=0, first_seen__isnull=True, last_seen__isnull=True)
                | Q(
                    incidents__gt=0,
                    incidents__lte=F("occurrences"),
                    first_seen__isnull=False,
                    last_seen__isnull=False,
                    first_seen__lte=F("last_seen"),
                ),
                name="failure_patterns_totals_agree",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | (Q(occurrences=0) & ~Q(merged_into=F("pattern_id"))),
                name="failure_patterns_merged_owns_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.template[:80]


class FailurePatternKey(models.Model):
    """Which pattern an unseen fingerprint joins: the owner of the key that its words make (templates.pattern_key)."""

    pattern_key = models.UUIDField(primary_key=True)
    pattern = models.ForeignKey(FailurePattern, on_delete=models.PROTECT, related_name="keys")
    # Of the masking rules, attempts.fingerprint.VERSION.
    version = models.SmallIntegerField()

    class Meta:
        db_table = "failure_pattern_keys"

    def __str__(self) -> str:
        return str(self.pattern_key)


class FailureFingerprint(models.Model):
    """Which pattern a fingerprint belongs to, each to one, and what is counted of it."""

    fingerprint = models.UUIDField(primary_key=True)
    # Of the masking rules, attempts.fingerprint.VERSION. The three that follow are what it is a digest of.
    version = models.SmallIntegerField()
    action_type = models.CharField(max_length=255, blank=True)
    error_type = models.TextField(blank=True)
    masked = models.TextField(blank=True)
    key = models.ForeignKey(
        FailurePatternKey, on_delete=models.PROTECT, related_name="fingerprints", db_column="pattern_key"
    )
    pattern = models.ForeignKey(FailurePattern, on_delete=models.PROTECT, related_name="fingerprints")

    occurrences = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    # Its counts by time were repaired, and its totals and incidents, and its pattern's, are not yet.
    recount_due = models.BooleanField(default=False)

    class Meta:
        db_table = "failure_fingerprints"
        constraints = [
            models.CheckConstraint(
                condition=Q(occurrences=0, first_seen__isnull=True, last_seen__isnull=True)
                | Q(
                    occurrences__gt=0,
                    first_seen__isnull=False,
                    last_seen__isnull=False,
                    first_seen__lte=F("last_seen"),
                ),
                name="failure_fingerprints_totals_agree",
            ),
        ]

    def __str__(self) -> str:
        return str(self.fingerprint)


class FailureCount(models.Model):
    """How many failures of a fingerprint started in one 15-minute bucket. Where there were none there is no row."""

    pk = models.CompositePrimaryKey("fingerprint", "bucket_start")
    # No constraint trigger on the hot path: the fingerprint is locked when its counts are written.
    fingerprint = models.ForeignKey(
        FailureFingerprint,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        db_column="fingerprint",
        related_name="counts",
    )
    bucket_start = models.DateTimeField()
    occurrences = models.BigIntegerField()

    class Meta:
        db_table = "failure_counts"
        constraints = [models.CheckConstraint(condition=Q(occurrences__gt=0), name="failure_counts_some")]
        indexes = [models.Index(fields=["bucket_start"], name="failure_counts_by_time")]

    def __str__(self) -> str:
        return f"{self.bucket_start:%Y-%m-%d %H:%M} {self.occurrences}"


class FailureIncident(models.Model):
    """How many failures of a fingerprint an incident has. Where there are none there is no row."""

    pk = models.CompositePrimaryKey("fingerprint", "incident_id")
    fingerprint = models.ForeignKey(
        FailureFingerprint,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        db_column="fingerprint",
        related_name="incidents",
    )
    incident_id = models.CharField(max_length=255)
    occurrences = models.BigIntegerField()

    class Meta:
        db_table = "failure_incidents"
        constraints = [models.CheckConstraint(condition=Q(occurrences__gt=0), name="failure_incidents_some")]
        indexes = [models.Index(fields=["incident_id"], name="failure_incidents_by_incident")]

    def __str__(self) -> str:
        return f"{self.incident_id} {self.occurrences}"


class PatternChange(models.Model):
    """One thing that was done to a pattern: by whom, when, and what it was before. Never changed, never removed."""

    class Change(models.TextChoices):
        ACKNOWLEDGED = "acknowledged"
        FIXED = "fixed"
        IGNORED = "ignored"
        REOPENED = "reopened"
        REGRESSED = "regressed"
        # Of fingerprints: what came from another pattern, and what went to another.
        MERGED = "merged"
        MERGED_INTO = "merged_into"
        SPLIT = "split"
        SPLIT_FROM = "split_from"
        REGROUPED = "regrouped"

    pattern = models.ForeignKey(FailurePattern, on_delete=models.PROTECT, db_index=False, related_name="changes")
    change = models.CharField(max_length=16, choices=Change.choices)
    from_state = models.CharField(max_length=16, choices=FailurePattern.State.choices)
    to_state = models.CharField(max_length=16, choices=FailurePattern.State.choices)
    other_pattern = models.ForeignKey(
        FailurePattern, null=True, blank=True, on_delete=models.PROTECT, related_name="changes_of_others"
    )
    # How many fingerprints moved. Which they were is in details.
    fingerprints = models.IntegerField(default=0)
    details = models.JSONField(null=True, blank=True)
    changed_at = models.DateTimeField()
    # A name, since users and keys may go. "actionlog" where it was the recorder.
    changed_by = models.CharField(max_length=255)
    note = models.TextField(blank=True)

    class Meta:
        db_table = "pattern_changes"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    change__in=[
                        "acknowledged",
                        "fixed",
                        "ignored",
                        "reopened",
                        "regressed",
                        "merged",
                        "merged_into",
                        "split",
                        "split_from",
                        "regrouped",
                    ]
                ),
                name="pattern_changes_change_known",
            ),
            models.CheckConstraint(
                condition=Q(from_state__in=["new", "acknowledged", "fixed", "ignored", "regressed"])
                & Q(to_state__in=["new", "acknowledged", "fixed", "ignored", "regressed"]),
                name="pattern_changes_states_known",
            ),
            models.CheckConstraint(condition=Q(fingerprints__gte=0), name="pattern_changes_fingerprints_not_negative"),
        ]
        indexes = [models.Index(fields=["pattern", "id"], name="pattern_changes_by_pattern")]

    def __str__(self) -> str:
        return f"{self.changed_at:%Y-%m-%d %H:%M} {self.change}"


class Regrouping(models.Model):
    """How far the failures of earlier masking rules are regrouped under a version of them, so that it can go on."""

    # attempts.fingerprint.VERSION
    version = models.SmallIntegerField(primary_key=True)
    # When it was decided which pattern owns what; from then on failures move.
    decided_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "pattern_regroupings"
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("decided_at")),
                name="pattern_regroupings_decided_first",
            ),
        ]

    def __str__(self) -> str:
        return f"masking rules {self.version}"
