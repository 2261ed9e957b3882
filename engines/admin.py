"""The admin's window on the journals of engine instances. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from attempts.read_only_admin import ReadOnlyAdmin, as_uuid, large, moment
from engines.models import EngineJournal


@admin.register(EngineJournal)
class EngineJournalAdmin(ReadOnlyAdmin):
    """Journals, the last heard first. Which numbers are missing is on the page of engines."""

    # As PostgreSQL writes a multirange: {[first,beyond),...}.
    large_text = ("stored", "refused")

    ordering = ("-last_heard_at", "-journal_id")
    list_display = (
        moment("last_heard_at"),
        "engine",
        "engine_version",
        "host",
        "process_id",
        "written",
        moment("closed_at"),
    )
    list_filter = ("last_heard_at",)
    search_fields = ("engine",)
    search_help_text = "A UUID finds the journal; any other text the journals of an engine or a host of that very name."
    fields = (
        "journal_id",
        "engine",
        "engine_version",
        "client_version",
        "host",
        "process_id",
        moment("started_at"),
        moment("first_heard_at"),
        moment("last_heard_at"),
        moment("closed_at"),
        "written",
        large("stored"),
        large("refused"),
        "recorded_by",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        identity = as_uuid(term)
        if identity is not None:
            return queryset.filter(journal_id=identity), False
        return (queryset.filter(Q(engine=term) | Q(host=term)) if term else queryset), False
