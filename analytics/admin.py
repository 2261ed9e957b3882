"""The admin's window on what is derived: rollup rows, buckets to recount, failure patterns. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from analytics.models import FailurePattern, MetricRecount, MetricSummary, ResolutionMetric
from attempts.admin import ATTEMPTS
from attempts.read_only_admin import ReadOnlyAdmin, as_uuid, brief, large, listed, moment, named

MAX_FINGERPRINTS = 100  # on the page of a pattern

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


def fingerprints_owned(row: FailurePattern) -> SafeString:
    """The fingerprints of this pattern, each a link to the failures that carry it."""
    owned = list(row.fingerprints.values_list("fingerprint", flat=True).order_by("fingerprint")[: MAX_FINGERPRINTS + 1])
    links = format_html_join(
        "", "<li>{}</li>", ((listed(ATTEMPTS, str(one), fingerprint=one),) for one in owned[:MAX_FINGERPRINTS])
    )
    return format_html("<ul>{}</ul>{}", links, "and more" if len(owned) > MAX_FINGERPRINTS else "")


@admin.register(FailurePattern)
class FailurePatternAdmin(ReadOnlyAdmin):
    """Failure patterns, newest first. Their state is changed through the API and the pages, not here."""

    large_text = ("template",)
    brief = {"template_start": brief("template")}

    ordering = ("-created_at", "-pattern_id")
    list_display = (moment("created_at"), named(lambda row: row.template_start, "template"), "state")
    list_filter = ("state", "created_at")
    search_fields = ("template",)
    search_help_text = (
        "A UUID finds the pattern, or the pattern that owns this fingerprint, by index. Any other text is looked for "
        "in the template, which reads the whole table."
    )
    fields = (
        "pattern_id",
        large("template"),
        "state",
        moment("created_at"),
        named(fingerprints_owned, "fingerprints"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if identity is not None:
            owners = FailurePattern.objects.filter(fingerprints__fingerprint=identity).values("pattern_id")
            return queryset.filter(Q(pattern_id=identity) | Q(pattern_id__in=owners)), False
        return (queryset.filter(template__icontains=term) if term else queryset), False
