"""The admin's window on the record: action attempts with their steps, steps by themselves, refusals. Read-only."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from attempts.models import ActionAttempt, ActionLogEntry, Refusal
from attempts.queries import STATUS_CONDITIONS
from attempts.read_only_admin import (
    LOST_CONTACT,
    NOTHING,
    ReadOnly,
    ReadOnlyAdmin,
    StartedFilter,
    as_uuid,
    brief,
    in_words,
    large,
    linked,
    listed,
    moment,
    named,
    outcome,
    seconds,
    shown_json,
    shown_text,
)
from attempts.rows import AttemptRow

MAX_STEPS = 200  # steps on the page of an attempt
MAX_STEP_SHOWN = 2_000  # characters of one value of a step there

ATTEMPTS = "attempts_actionattempt"
STEPS = "attempts_actionlogentry"
RESOLUTIONS = "resolutions_resolutionattempt"

STARTED = moment("effective_started_at", "started")


def attempt_duration(row: ActionAttempt) -> str:
    return seconds(
        AttemptRow(
            row.attempt_id,
            started_at=row.started_at,
            completed_at=row.completed_at,
            execution_time_seconds=row.execution_time_seconds,
        ).duration_seconds
    )


def same_incident(row: Any) -> SafeString:
    """The incident's name, as a link to its attempts."""
    return listed(ATTEMPTS, row.incident_id, incident_id=row.incident_id)


def incident_account(row: Any) -> SafeString:
    """Where the rest of this incident is."""
    return format_html_join(
        " · ",
        "{}",
        [
            (listed(RESOLUTIONS, "resolution attempts", incident_id=row.incident_id),),
            (listed(ATTEMPTS, "action attempts", incident_id=row.incident_id),),
        ],
    )


incident = named(same_incident, "incident")
whole_incident = named(incident_account, "of this incident")


class OutcomeFilter(admin.SimpleListFilter):
    """By status as people read it: an attempt with which contact was lost is no longer in progress."""

    title = "status"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, LOST_CONTACT if status == "abandoned" else in_words(status)) for status in STATUS_CONDITIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ActionAttempt]) -> QuerySet[ActionAttempt]:
        condition = STATUS_CONDITIONS.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class StepsShown(BaseInlineFormSet):  # type: ignore[type-arg]
    """The first MAX_STEPS steps: an attempt may have many thousands, and the list of steps pages through them."""

    @cached_property
    def first(self) -> QuerySet[Any]:
        return super().get_queryset()[:MAX_STEPS]

    def get_queryset(self) -> QuerySet[Any]:
        # The same object each time: the formset asks for it once for every form, and a new one would be a new query.
        return self.first


class StepInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """The steps of an attempt, on its page. Over the view: an inline of a model with two key columns has no links."""

    model = ActionLogEntry
    formset = StepsShown
    ordering = ("sequence",)
    extra = 0
    show_change_link = True
    verbose_name_plural = f"steps (the first {MAX_STEPS}; all of them through the link above)"
    fields = readonly_fields = (  # type: ignore[assignment]
        "sequence",
        moment("timestamp"),
        large("step"),
        large("status"),
        large("details"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        shown = {**shown_text(("step", "status"), MAX_STEP_SHOWN), **shown_json(("details",), MAX_STEP_SHOWN)}
        rows: QuerySet[Any] = super().get_queryset(request).defer("step", "status", "details").annotate(**shown)
        return rows


@admin.register(ActionAttempt)
class ActionAttemptAdmin(ReadOnlyAdmin):
    """Attempts, newest first."""

    large_json = ("parameters", "result", "error_details", "extra")
    large_text = ("reason", "error_message", "error_type")
    brief = {"error": brief("error_message")}

    ordering = ("-effective_started_at", "-attempt_id")
    sortable_by = (STARTED,)
    list_display = (
        STARTED,
        named(outcome, "status"),
        "action_type",
        "action_id",
        incident,
        "environment",
        "engine",
        named(attempt_duration, "duration"),
        named(lambda row: row.error, "error"),
    )
    list_filter = (OutcomeFilter, StartedFilter, "critical")
    search_fields = ("attempt_id",)  # shows the box; get_search_results searches
    search_help_text = (
        "A UUID finds the attempt or the attempts of a resolution, the exact name of an incident its attempts: both by "
        "index. Any other text is looked for in action id, action type, target, engine, trace id, error type and error "
        "message, which reads the whole table."
    )
    inlines = (StepInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "attempt_id",
                    named(outcome, "status"),
                    "action_type",
                    "action_id",
                    "target",
                    "critical",
                    "confidence",
                    "approved_by",
                    large("reason"),
                    large("parameters"),
                )
            },
        ),
        (
            "Belongs to",
            {
                "fields": (
                    incident,
                    whole_incident,
                    "incident_type",
                    "environment",
                    linked("resolution_id", RESOLUTIONS),
                    linked("retry_of", ATTEMPTS),
                    named(lambda row: listed(ATTEMPTS, row.action_id, action_id=row.action_id), "tries of this action"),
                    "engine",
                    "engine_version",
                    "trace_id",
                )
            },
        ),
        (
            "Times",
            {
                "fields": (
                    moment("effective_started_at"),
                    moment("started_at"),
                    moment("completed_at"),
                    named(attempt_duration, "duration"),
                    "expected_seconds",
                    moment("received_at"),
                    moment("last_heard_at"),
                    moment("abandoned_at"),
                    "recorded_by",
                )
            },
        ),
        (
            "Outcome",
            {
                "fields": (
                    large("error_type"),
                    large("error_message"),
                    large("error_details"),
                    large("result"),
                    large("extra"),
                    "fingerprint",
                    "fingerprint_version",
                )
            },
        ),
        ("Steps", {"fields": (named(lambda row: listed(STEPS, "all steps", attempt_id=row.attempt_id), "steps"),)}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if not term:
            return queryset, False
        if identity is not None:
            return queryset.filter(Q(attempt_id=identity) | Q(resolution_id=identity)), False
        if ActionAttempt.objects.filter(incident_id=term).exists():
            return queryset.filter(incident_id=term), False
        return queryset.filter(
            Q(action_id=term)
            | Q(action_type__icontains=term)
            | Q(target__icontains=term)
            | Q(engine__icontains=term)
            | Q(trace_id=term)
            | Q(error_type__icontains=term)
            | Q(error_message__icontains=term)
        ), False


@admin.register(ActionLogEntry)
class ActionLogEntryAdmin(ReadOnlyAdmin):
    """Steps, in the order of their attempts' ids: newest first, as far as engines use UUIDv7."""

    large_json = ("details",)
    large_text = ("step", "status")
    brief = {"step_start": brief("step"), "status_start": brief("status")}

    ordering = ("-attempt_id", "sequence")
    list_display = (
        "sequence",
        named(lambda row: row.step_start, "step"),
        named(lambda row: row.status_start, "status"),
        moment("timestamp"),
        linked("attempt_id", ATTEMPTS, "attempt"),
    )
    search_fields = ("attempt_id",)
    search_help_text = (
        "A UUID finds the steps of an attempt, by index. Any other text is looked for in step and status, which reads "
        "the whole table."
    )
    fields = (
        linked("attempt_id", ATTEMPTS, "attempt"),
        "sequence",
        moment("timestamp"),
        large("step"),
        large("status"),
        large("details"),
    )

    def one(self, object_id: str) -> dict[str, Any]:
        attempt_id, _, sequence = object_id.partition(":")
        if not sequence.isdecimal() or len(sequence) > 10:
            raise ValidationError("The id of a step is attempt_id:sequence.")
        return {"attempt_id": UUID(attempt_id), "sequence": int(sequence)}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if not term:
            return queryset, False
        if identity is not None:
            return queryset.filter(attempt_id=identity), False
        return queryset.filter(Q(step__icontains=term) | Q(status__icontains=term)), False


def refused_row(row: Refusal) -> object:
    """The id the refused document told, as a link to the row it was meant for when it can be one."""
    identity = as_uuid(row.document_id or "")
    if identity is None:
        return row.document_id or NOTHING
    page = ATTEMPTS if row.kind == Refusal.Kind.ACTION_ATTEMPT else RESOLUTIONS
    show = linked("document_id", page)
    return show(row)


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    """Documents that were not applied, last refused first."""

    large_text = ("message", "path", "document")
    brief = {"why": brief("message")}

    ordering = ("-last_refused_at", "-digest")
    list_display = (
        moment("last_refused_at"),
        "kind",
        "outcome",
        "code",
        "field",
        named(lambda row: row.why, "why"),
        "times",
    )
    list_filter = ("kind", "outcome", "last_refused_at")
    search_fields = ("document_id", "code", "field", "message")
    search_help_text = "Looks for every word in document id, code, field and message, which reads the whole table."
    fields = (
        "kind",
        named(refused_row, "document id"),
        "outcome",
        "code",
        "field",
        large("path"),
        large("message"),
        "times",
        moment("first_refused_at"),
        moment("last_refused_at"),
        "recorded_by",
        large("document"),
    )
