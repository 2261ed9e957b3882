"""The admin's window on what is derived: rollup rows and buckets to recount. Read-only. Patterns: pattern_admin.py."""

from django.contrib import admin

from analytics import pattern_admin as pattern_admin
from analytics.models import MetricRecount, MetricSummary, ResolutionMetric
from attempts.read_only_admin import ReadOnlyAdmin, brief, large, moment, named

COUNTS = (
    "pending",
    "in_progress",
    "abandoned",
    "success",
    "failed",
    "skipped",
    "cancelled",
    "resolved",
    "escalated",
    "worked",
    "no_effect",
    "made_worse",
    "reopened",
)


@admin.register(ResolutionMetric)
class ResolutionMetricAdmin(ReadOnlyAdmin):
    """Rollup rows, latest bucket first."""

    # As PostgreSQL writes an array, [first bin:last bin]={counts}: the subscript is the bin.
    large_text = ("durations",)

    ordering = ("-bucket_start", "-dimensions_digest")
    list_display = (
        moment("bucket_start"),
        "subject",
        "action_type",
        "incident_type",
        "engine",
        "engine_version",
        "environment",
        *COUNTS,
    )
    list_filter = ("subject", "bucket_start")
    search_fields = ("action_type", "incident_type", "engine", "environment")
    search_help_text = (
        "Looks for every word in action type, incident type, engine and environment, which reads the whole table."
    )
    fields = (
        moment("bucket_start"),
        "subject",
        "action_type",
        "incident_type",
        "engine",
        "engine_version",
        "environment",
        "dimensions_digest",
        *COUNTS,
        "duration_microseconds",
        large("durations"),
    )


@admin.register(MetricRecount)
class MetricRecountAdmin(ReadOnlyAdmin):
    """Buckets whose figures are not exact until they are recounted."""

    large_text = ("reason",)
    brief = {"reason_start": brief("reason")}

    ordering = ("-bucket_start",)
    list_display = (moment("bucket_start"), named(lambda row: row.reason_start, "reason"), moment("noted_at"))
    search_fields = ("reason",)
    search_help_text = "Looks for every word in the reason, which reads the whole table."
    fields = (moment("bucket_start"), large("reason"), moment("noted_at"))


@admin.register(MetricSummary)
class MetricSummaryAdmin(ReadOnlyAdmin):
    """What hours and days that have ended add up to, latest first."""

    large_text = ("content",)

    ordering = ("-period_start", "-id")
    list_display = (moment("period_start"), "grain", "subject", "grouping", moment("sealed_at"))
    list_filter = ("grain", "subject", "period_start")
    search_fields = ("grouping",)
    search_help_text = "Looks for every word in the grouping, which reads the whole table."
    fields = (moment("period_start"), "grain", "subject", "grouping", large("content"), moment("sealed_at"))
