"""The admin's window on failure patterns: what they own, what is counted, what was done to them. Read-only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from analytics.models import FailureFingerprint, FailurePattern, FailurePatternKey, PatternChange, Regrouping
from attempts.admin import ATTEMPTS
from attempts.read_only_admin import ReadOnlyAdmin, as_uuid, brief, in_utc, large, linked, listed, moment, named

MAX_FINGERPRINTS = 100  # on the page of a pattern
MAX_COUNTS = 100  # buckets, and incidents, on the page of a fingerprint
PATTERN = "analytics_failurepattern"


def fingerprints_owned(row: FailurePattern) -> SafeString:
    """The fingerprints of this pattern, each a link to the failures that carry it."""
    owned = list(row.fingerprints.values_list("fingerprint", flat=True).order_by("fingerprint")[: MAX_FINGERPRINTS + 1])
    links = format_html_join(
        "", "<li>{}</li>", ((listed(ATTEMPTS, str(one), fingerprint=one),) for one in owned[:MAX_FINGERPRINTS])
    )
    return format_html("<ul>{}</ul>{}", links, "and more" if len(owned) > MAX_FINGERPRINTS else "")


def history(row: FailurePattern) -> SafeString:
    """What was done to it, each a link to the change."""
    return listed("analytics_patternchange", "what was done to it", pattern=str(row.pattern_id))


@admin.register(FailurePattern)
class FailurePatternAdmin(ReadOnlyAdmin):
    """Failure patterns, newest first. Their state is changed through the API and the pages, not here."""

    large_text = ("template",)
    brief = {"template_start": brief("template")}

    ordering = ("-created_at", "-pattern_id")
    list_display = (
        moment("created_at"),
        named(lambda row: row.template_start, "template"),
        "state",
        "occurrences",
        "incidents",
        moment("last_seen"),
    )
    list_filter = ("state", "created_at")
    search_fields = ("template",)
    search_help_text = (
        "A UUID finds the pattern, or the pattern that owns this fingerprint, by index. Any other text is looked for "
        "in the template, which reads the whole table."
    )
    fields = (
        "pattern_id",
        "action_type",
        large("template"),
        "state",
        moment("state_changed_at"),
        "state_changed_by",
        moment("fixed_at"),
        "merged_into",
        "occurrences",
        "incidents",
        moment("first_seen"),
        moment("last_seen"),
        moment("created_at"),
        named(fingerprints_owned, "fingerprints"),
        named(history, "history"),
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


def counts_by_time(row: FailureFingerprint) -> SafeString:
    """The latest buckets in which failures with this fingerprint started."""
    counts = row.counts.order_by("-bucket_start").values_list("bucket_start", "occurrences")[:MAX_COUNTS]
    items = ((in_utc(bucket), occurrences) for bucket, occurrences in counts)
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", items))


def counts_by_incident(row: FailureFingerprint) -> SafeString:
    """The incidents that have most of its failures."""
    counts = row.incidents.order_by("-occurrences", "incident_id").values_list("incident_id", "occurrences")
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", counts[:MAX_COUNTS]))


class OfPatterns(ReadOnlyAdmin):
    """Searched by id only: of the row itself, or of its pattern."""

    # As in ReadOnlyAdmin; a class between needs it said again.
    list_display: Any = ("__str__",)
    fields: ClassVar[Any] = None

    search_fields = ("pattern_id",)
    search_help_text = "A UUID finds the row, or those of a pattern, by index."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if identity is None:
            return (queryset.none() if term else queryset), False
        own = Q(pk=identity) if self.model is not PatternChange else Q()
        return queryset.filter(own | Q(pattern_id=identity)) if own else queryset.filter(pattern_id=identity), False


@admin.register(FailureFingerprint)
class FailureFingerprintAdmin(OfPatterns):
    """Fingerprints, each with what is counted of it by time and by incident."""

    large_text = ("masked", "error_type")
    brief = {"masked_start": brief("masked")}

    ordering = ("fingerprint",)
    list_display = (
        "fingerprint",
        named(lambda row: row.masked_start, "masked message"),
        "action_type",
        "occurrences",
        moment("last_seen"),
        "recount_due",
    )
    list_filter = ("recount_due",)
    fields = (
        "fingerprint",
        linked("pattern_id", PATTERN, "pattern"),
        linked("key_id", "analytics_failurepatternkey", "key"),
        "version",
        "action_type",
        large("error_type"),
        large("masked"),
        "occurrences",
        moment("first_seen"),
        moment("last_seen"),
        "recount_due",
        named(counts_by_time, "by time"),
        named(counts_by_incident, "by incident"),
    )


@admin.register(FailurePatternKey)
class FailurePatternKeyAdmin(OfPatterns):
    """Keys: which pattern an unseen fingerprint joins."""

    ordering = ("pattern_key",)
    list_display = ("pattern_key", linked("pattern_id", PATTERN, "pattern"), "version")
    fields = ("pattern_key", linked("pattern_id", PATTERN, "pattern"), "version")


@admin.register(PatternChange)
class PatternChangeAdmin(OfPatterns):
    """What was done to patterns, newest first."""

    large_json = ("details",)
    large_text = ("note",)

    ordering = ("-id",)
    list_display = (
        moment("changed_at"),
        "change",
        "from_state",
        "to_state",
        "changed_by",
        linked("pattern_id", PATTERN, "pattern"),
        linked("other_pattern_id", PATTERN, "other pattern"),
    )
    list_filter = ("change", "changed_at")
    fields = (
        linked("pattern_id", PATTERN, "pattern"),
        "change",
        "from_state",
        "to_state",
        linked("other_pattern_id", PATTERN, "other pattern"),
        "fingerprints",
        large("details"),
        moment("changed_at"),
        "changed_by",
        large("note"),
    )


@admin.register(Regrouping)
class RegroupingAdmin(ReadOnlyAdmin):
    """How far history is regrouped under each version of the masking rules."""

    ordering = ("-version",)
    list_display = ("version", moment("decided_at"), moment("finished_at"))
    search_fields = ("version",)
    fields = ("version", moment("decided_at"), moment("finished_at"))
