"""The admin's window on resolution attempts, verdicts, the live feed's log and imported files. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Func, IntegerField, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from attempts.admin import ATTEMPTS, RESOLUTIONS, STARTED, incident, whole_incident
from attempts.models import ActionAttempt
from attempts.read_only_admin import (
    LOST_CONTACT,
    ReadOnlyAdmin,
    StartedFilter,
    as_uuid,
    brief,
    in_utc,
    in_words,
    large,
    link,
    linked,
    listed,
    moment,
    named,
    outcome,
    seconds,
)
from attempts.records import VERDICTS as VERDICT_VALUES
from resolutions.models import FeedEntry, ImportedFile, ResolutionAttempt, Verdict
from resolutions.queries import STATUS_CONDITIONS
from resolutions.records import SEVERITIES
from resolutions.rows import ResolutionRow

VERDICTS = "resolutions_verdict"
MAX_ATTEMPTS = 200  # attempts on the page of a resolution attempt
MAX_IDS = 100  # ids of each kind on the page of a feed entry


def resolution_duration(row: ResolutionAttempt) -> str:
    return seconds(
        ResolutionRow(row.resolution_id, started_at=row.started_at, completed_at=row.completed_at).duration_seconds
    )


def attempts_made(row: ResolutionAttempt) -> SafeString:
    """The attempts of this session in time order, the first MAX_ATTEMPTS of them."""
    attempts = (
        ActionAttempt.objects.filter(resolution_id=row.resolution_id)
        .only("attempt_id", "action_type", "action_id", "status", "abandoned_at", "effective_started_at")
        .order_by("effective_started_at", "attempt_id")[:MAX_ATTEMPTS]
    )
    lines = format_html_join(
        "",
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (
                in_utc(attempt.effective_started_at),
                outcome(attempt),
                attempt.action_type,
                link(reverse(f"admin:{ATTEMPTS}_change", args=[attempt.attempt_id]), attempt.action_id),
            )
            for attempt in attempts
        ),
    )
    return format_html(
        "<table><tbody>{}</tbody></table>{}",
        lines,
        listed(ATTEMPTS, "all attempts of this resolution attempt", resolution_id=row.resolution_id),
    )


class OutcomeFilter(admin.SimpleListFilter):
    """By status as people read it: a session with which contact was lost is no longer in progress."""

    title = "status"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, LOST_CONTACT if status == "abandoned" else in_words(status)) for status in STATUS_CONDITIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ResolutionAttempt]) -> QuerySet[ResolutionAttempt]:
        condition = STATUS_CONDITIONS.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class SeverityFilter(admin.SimpleListFilter):
    """By severity, without asking the table which ones there are."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(severity, severity) for severity in SEVERITIES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ResolutionAttempt]) -> QuerySet[ResolutionAttempt]:
        value = self.value()
        return queryset if value is None else queryset.filter(severity=value)


@admin.register(ResolutionAttempt)
class ResolutionAttemptAdmin(ReadOnlyAdmin):
    """Resolution attempts, newest first."""

    large_json = ("recommended_actions", "summary", "extra", "versions")
    large_text = ("title", "root_cause")
    brief = {"title_start": brief("title")}

    ordering = ("-effective_started_at", "-resolution_id")
    sortable_by = (STARTED,)
    list_display = (
        STARTED,
        named(outcome, "status"),
        "severity",
        named(lambda row: row.title_start, "title"),
        incident,
        "service",
        "environment",
        "engine",
        named(resolution_duration, "duration"),
    )
    list_filter = (OutcomeFilter, StartedFilter, SeverityFilter)
    search_fields = ("resolution_id",)  # shows the box; get_search_results searches
    search_help_text = (
        "A UUID finds the resolution attempt, the exact name of an incident its resolution attempts: both by index. "
        "Any other text is looked for in title, service, incident type, engine and root cause, which reads the whole "
        "table."
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "resolution_id",
                    named(outcome, "status"),
                    large("title"),
                    "severity",
                    "service",
                    "confidence",
                    large("recommended_actions"),
                    large("summary"),
                    large("root_cause"),
                )
            },
        ),
        (
            "Belongs to",
            {"fields": (incident, whole_incident, "incident_type", "environment", "engine", "engine_version")},
        ),
        (
            "Verified",
            {
                "fields": (
                    "verdict",
                    moment("verdict_at"),
                    linked("reopened_by", RESOLUTIONS),
                    moment("reopened_at"),
                    named(lambda row: listed(VERDICTS, "all verdicts", resolution=row.pk), "verdicts"),
                )
            },
        ),
        ("Action attempts", {"fields": (named(attempts_made, "action attempts"),)}),
        (
            "Times",
            {
                "fields": (
                    moment("effective_started_at"),
                    moment("started_at"),
                    moment("completed_at"),
                    named(resolution_duration, "duration"),
                    moment("updated_at"),
                    large("versions"),
                    moment("received_at"),
                    moment("last_heard_at"),
                    moment("abandoned_at"),
                    "recorded_by",
                )
            },
        ),
        ("Not in the format", {"fields": (large("extra"),)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if not term:
            return queryset, False
        if identity is not None:
            return queryset.filter(resolution_id=identity), False
        if ResolutionAttempt.objects.filter(incident_id=term).exists():
            return queryset.filter(incident_id=term), False
        return queryset.filter(
            Q(title__icontains=term)
            | Q(service__icontains=term)
            | Q(incident_type__icontains=term)
            | Q(engine__icontains=term)
            | Q(root_cause__icontains=term)
        ), False


class VerdictFilter(admin.SimpleListFilter):
    """By what was found out, without asking the table what there is."""

    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verdict, in_words(verdict)) for verdict in VERDICT_VALUES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verdict]) -> QuerySet[Verdict]:
        value = self.value()
        return queryset if value is None else queryset.filter(verdict=value)


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    """Verdicts, the last received first."""

    large_text = ("note",)
    brief = {"note_start": brief("note")}

    ordering = ("-received_at", "-verdict_id")
    list_display = (
        moment("received_at"),
        named(lambda row: in_words(row.verdict), "verdict"),
        "source",
        "given_by",
        moment("given_at"),
        named(lambda row: "action attempt" if row.attempt_id else "resolution attempt", "on"),
        named(lambda row: row.note_start, "note"),
    )
    list_filter = (VerdictFilter, "source", "received_at")
    search_fields = ("verdict_id",)  # shows the box; get_search_results searches
    search_help_text = (
        "A UUID finds the verdict, or those on the attempt or resolution attempt of this id, by index. Any other text "
        "is looked for in note and giver, which reads the whole table."
    )
    fields = (
        "verdict_id",
        named(lambda row: in_words(row.verdict), "verdict"),
        "source",
        "given_by",
        large("note"),
        linked("attempt_id", ATTEMPTS, "action attempt"),
        linked("resolution_id", RESOLUTIONS, "resolution attempt"),
        moment("given_at"),
        moment("received_at"),
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in ("attempt", "resolution") or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if not term:
            return queryset, False
        if identity is not None:
            return queryset.filter(Q(pk=identity) | Q(attempt_id=identity) | Q(resolution_id=identity)), False
        return queryset.filter(Q(note__icontains=term) | Q(given_by__icontains=term)), False


def ids_named(column: str, page: str, title: str) -> Any:
    """A column that links to the rows a feed entry names, the first MAX_IDS of them."""

    def show(row: FeedEntry) -> SafeString:
        ids = getattr(row, column)
        links = format_html_join(
            "", "<li>{}</li>", ((link(reverse(f"admin:{page}_change", args=[one]), one),) for one in ids[:MAX_IDS])
        )
        return format_html("<ul>{}</ul>{}", links, f"and {len(ids) - MAX_IDS:,} more" if len(ids) > MAX_IDS else "")

    return named(show, title)


def cardinality(column: str) -> Func:
    return Func(F(column), function="cardinality", output_field=IntegerField())


@admin.register(FeedEntry)
class FeedEntryAdmin(ReadOnlyAdmin):
    """What each recording transaction changed, newest first."""

    # Arrays of up to 10,000 ids: deferred in lists, which show how many there are.
    brief = {"attempts": cardinality("attempt_ids"), "resolutions": cardinality("resolution_ids")}

    ordering = ("-revision",)
    list_display = (
        "revision",
        moment("created_at"),
        named(lambda row: row.attempts, "action attempts"),
        named(lambda row: row.resolutions, "resolution attempts"),
    )
    list_filter = ("created_at",)
    search_fields = ("revision",)
    search_help_text = (
        "A number finds the revision, by index. A UUID finds the entries that name this attempt or resolution attempt, "
        "which reads the whole table (seven days)."
    )
    fields = (
        "revision",
        moment("created_at"),
        ids_named("attempt_ids", ATTEMPTS, "action attempts"),
        ids_named("resolution_ids", RESOLUTIONS, "resolution attempts"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("attempt_ids", "resolution_ids")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if not term:
            return queryset, False
        if identity is not None:
            return queryset.filter(Q(attempt_ids__contains=[identity]) | Q(resolution_ids__contains=[identity])), False
        return (queryset.filter(revision=int(term)) if term.isdecimal() and len(term) < 19 else queryset.none()), False


@admin.register(ImportedFile)
class ImportedFileAdmin(ReadOnlyAdmin):
    """Files that `manage.py import_action_logs` looked at, last imported first."""

    large_text = ("path", "reason")
    brief = {"path_start": brief("path"), "why": brief("reason")}

    ordering = ("-imported_at", "-digest")
    list_display = (
        moment("imported_at"),
        "outcome",
        named(lambda row: row.path_start, "path"),
        named(lambda row: row.why, "why"),
        "size",
    )
    list_filter = ("outcome", "imported_at")
    search_fields = ("path", "reason")
    search_help_text = "Looks for every word in path and reason, which reads the whole table."
    fields = (
        large("path"),
        "outcome",
        large("reason"),
        moment("imported_at"),
        "size",
        "mtime_ns",
        "ctime_ns",
    )
