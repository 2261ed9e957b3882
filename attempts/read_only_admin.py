"""How the admin shows the record, for every app that has tables of it: to be read, never to be changed.

The record has its own sole writers; the admin is a window. What a page may cost is bounded here: lists neither read
the large columns nor count beyond MAX_COUNTED rows, and the page of one row cuts what is longer than MAX_SHOWN.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import F, Func, Model, QuerySet, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Left, Length
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from attempts.records import OPEN_STATUSES

MAX_SHOWN: Final = 100_000  # characters of one value on the page of one row
MAX_BRIEF: Final = 120  # characters of one text in a list
MAX_COUNTED: Final = 10_000  # rows that a list counts and pages through

SPANS: Final = ((1, "hour"), (24, "24 hours"), (7 * 24, "7 days"), (30 * 24, "30 days"))
LOST_CONTACT: Final = "lost contact"  # how "abandoned" is shown
NOTHING: Final = "—"  # for what was not told

Shown = Callable[[Any], object]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to MAX_COUNTED rows: counting millions to show the newest fifty would read the whole table."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows[:MAX_COUNTED].count()


class ReadOnly:
    """Nobody adds, changes or deletes here, whatever permissions they hold; who may view is Django's question."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A list and a page for each row of one table of the record.

    large_json and large_text name the columns that can hold megabytes: no list reads them, and the page of one row
    shows them through the columns made by large().
    """

    # Any: Django takes functions as columns, which django-stubs does not say everywhere.
    list_display: Any = ("__str__",)
    sortable_by: ClassVar[Any] = ()
    fields: ClassVar[Any] = None
    fieldsets: ClassVar[Any] = None

    large_json: tuple[str, ...] = ()
    large_text: tuple[str, ...] = ()
    # Short forms for the list: {annotation: expression}.
    brief: dict[str, Combinable] = {}

    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    empty_value_display = NOTHING

    class Media:
        css = {"all": ["attempts/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).defer(*self.large_json, *self.large_text)
        return rows.annotate(**self.brief) if self.brief else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row with this id, its large columns as text cut to MAX_SHOWN; None when there is none."""
        try:
            found = self.one(object_id)
        except (ValidationError, ValueError):
            return None
        shown = {**shown_json(self.large_json), **shown_text(self.large_text)}
        return self.get_queryset(request).filter(**found).annotate(**shown).first()

    def one(self, object_id: str) -> dict[str, Any]:
        """The filter that finds one row. Raises ValidationError or ValueError when this is no id."""
        return {"pk": self.model._meta.pk.to_python(object_id)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            listed = response.context_data.get("cl")
            if listed is not None and listed.result_count >= MAX_COUNTED:
                response.context_data["subtitle"] = (
                    f"The first {MAX_COUNTED:,} rows; narrow the list by a filter or a search to see others."
                )
        return response


def shown_json(names: tuple[str, ...], limit: int = MAX_SHOWN) -> dict[str, Combinable]:
    """Annotations for large(): jsonb laid out by PostgreSQL itself, so that numbers keep every digit."""
    return _shown({name: Func(F(name), function="jsonb_pretty", output_field=TextField()) for name in names}, limit)


def shown_text(names: tuple[str, ...], limit: int = MAX_SHOWN) -> dict[str, Combinable]:
    """Annotations for large(): text as it is."""
    return _shown({name: Cast(F(name), TextField()) for name in names}, limit)


def _shown(texts: dict[str, Any], limit: int) -> dict[str, Combinable]:
    return {
        **{f"{name}_shown": Left(text, limit) for name, text in texts.items()},
        **{f"{name}_length": Length(text) for name, text in texts.items()},
    }


def large(name: str) -> Shown:
    """The column of one row's page that shows a large value: escaped, and saying so where it is cut."""

    def show(row: Model) -> str:
        text, length = getattr(row, f"{name}_shown", None), getattr(row, f"{name}_length", None)
        if text is None or length is None:
            return NOTHING
        if length <= len(text):
            return format_html('<pre class="recorded">{}</pre>', text)
        return format_html(
            '<pre class="recorded">{}</pre><p class="help">The first {} of {} characters.</p>',
            text,
            f"{len(text):,}",
            f"{length:,}",
        )

    return named(show, name.replace("_", " "))


def brief(name: str) -> Left:
    """The start of a text without limit, for lists."""
    return Left(name, MAX_BRIEF)


def named(show: Shown, title: str, order: str | None = None) -> Shown:
    """A column of the admin under a title. order is the column it is sorted by, none when it is not."""
    show.short_description = title  # type: ignore[attr-defined]
    show.__name__ = title.replace(" ", "_")
    if order is not None:
        show.admin_order_field = order  # type: ignore[attr-defined]
    return show


def linked(name: str, page: str, title: str | None = None) -> Shown:
    """A column that links to the row this id names in another admin page, by URL name.

    Such a row need not exist (yet): ids are told, and not held by foreign keys. The admin then says so.
    """

    def show(row: Model) -> str:
        value = getattr(row, name)
        return NOTHING if value is None else link(reverse(f"admin:{page}_change", args=[quote(str(value))]), value)

    return named(show, title or name.replace("_", " "))


def listed(page: str, text: str, **filters: Any) -> SafeString:
    """A link to an admin list under these filters."""
    return link(f"{reverse(f'admin:{page}_changelist')}?{urlencode(filters)}", text)


def link(address: str, text: object) -> SafeString:
    """An HTML link, both parts escaped."""
    return format_html('<a href="{}">{}</a>', address, text)


def outcome(row: Any) -> str:
    """The status as people read it. An engine that went silent is "lost contact": its outcome is unknown."""
    status = row.status or "in_progress"
    if row.abandoned_at is not None and status in OPEN_STATUSES:
        return LOST_CONTACT
    return in_words(status)


def in_words(status: str) -> str:
    return status.replace("_", " ")


def as_uuid(term: str) -> UUID | None:
    """The UUID that this search term is, or None."""
    try:
        return UUID(term.strip())
    except ValueError:
        return None


def seconds(value: float | None) -> str:
    """A duration for people."""
    return NOTHING if value is None else f"{value:,.3f} s"


def moment(name: str, title: str | None = None) -> Shown:
    """A column for a time, sortable where a list allows it: UTC to the millisecond, as accounts of incidents need."""

    def show(row: Model) -> str:
        value: datetime | None = getattr(row, name)
        return NOTHING if value is None else in_utc(value)

    return named(show, title or name.replace("_", " "), order=name)


def in_utc(time: datetime) -> str:
    """A time for people who compare it with logs."""
    return time.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


class StartedFilter(admin.SimpleListFilter):
    """By the effective start, which is indexed. Django's own date filter does not know generated columns."""

    title = "start"
    parameter_name = "started"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(f"{hours}h", f"last {text}") for hours, text in SPANS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        hours = {f"{hours}h": hours for hours, _ in SPANS}.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(effective_started_at__gte=timezone.now() - timedelta(hours=hours))
