"""Template tags that show what was recorded. What they show, and how, is in attempts.shown."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from msgspec import Raw

from attempts import shown
from attempts.addresses import incident_address as incident_address_of

register = template.Library()

register.filter("readable", shown.readable)
register.filter("duration", shown.duration)
register.filter("about_duration", shown.about_duration)
register.filter("offset_from", shown.offset)
register.filter("incident_address", incident_address_of)
register.filter("exact_time", shown.exact_time)
register.filter("machine_time", shown.machine_time)

VERDICT_WORDS = {"worked": "worked", "no_effect": "no effect", "made_worse": "made worse", "unknown": "not known"}
WORDS = {"in_progress": "in progress", "lost_contact": "lost contact"}
STEP_CLASSES = {
    **dict.fromkeys(("success", "succeeded", "completed", "done", "ok"), "success"),
    **dict.fromkeys(("failed", "failure", "error", "timeout"), "failed"),
    **dict.fromkeys(("started", "running", "in_progress"), "in_progress"),
}


@register.simple_tag
def moment(value: datetime | None, form: str = "ago") -> str | SafeString:
    """A time. form "ago" is made relative by page.js, "clock" stays the time of day, "full" the whole time in UTC."""
    if value is None:
        return ""
    exact = shown.exact_time(value)
    text = shown.exact_time(value, "milliseconds")
    if form == "clock":
        text = text[11:-4]
    return format_html(
        '<time class="{}" datetime="{}" title="{}">{}</time>', form, shown.machine_time(value), exact, text
    )


@register.simple_tag
def running_since(value: datetime) -> SafeString:
    """The time that has gone by since then; page.js keeps it running."""
    exact = shown.exact_time(value)
    return format_html(
        '<time class="running" datetime="{}" title="since {}">since {}</time>',
        shown.machine_time(value),
        exact,
        exact[11:19],
    )


@register.inclusion_tag("attempts/_status.html")
def status_of(record: Any) -> dict[str, str]:
    """The status of an attempt or a resolution attempt: lost contact where an open one went silent."""
    return status("lost_contact" if record.is_abandoned else record.status)


@register.inclusion_tag("attempts/_status.html", name="status")
def status(name: str) -> dict[str, str]:
    return {"name": name, "word": WORDS.get(name, name)}


@register.inclusion_tag("attempts/_verified.html")
def verified_of(record: Any, anchor: bool = False, swapped: bool = False) -> dict[str, Any]:
    """What the latest verdict says of an attempt or a resolution attempt, beside its status; nothing where none knows.

    anchor: under an id of its own, once a page, where a verdict that is given can put it anew (swapped).
    """
    known = record.verdict is not None and record.verdict != "unknown"
    word = VERDICT_WORDS[record.verdict] if known else ""
    return {
        "id": getattr(record, "attempt_id", None) or record.resolution_id,
        "verdict": record.verdict,
        "word": word,
        "told": f"claimed {WORDS.get(record.status, record.status)}, verified {word}",
        "anchor": anchor,
        "swapped": swapped,
    }


@register.simple_tag
def verdict_word(verdict: str) -> SafeString:
    return format_html('<span class="tag {}">{}</span>', verdict, VERDICT_WORDS.get(verdict, verdict))


@register.filter
def value_of(raw: Raw) -> shown.ShownValue:
    """A free-form value for a page that shows one record."""
    return shown.shown_value(raw)


@register.filter
def brief_value_of(raw: Raw) -> shown.ShownValue:
    """A free-form value for a page that shows many."""
    return shown.shown_value(raw, limit=shown.LIST_LIMIT)


@register.filter
def text_of(text: str | None) -> shown.ShownValue:
    return shown.shown_text(text)


@register.filter
def brief_text_of(text: str | None) -> shown.ShownValue:
    return shown.shown_text(text, limit=shown.LIST_LIMIT)


@register.simple_tag
def percent(part: int, whole: int) -> str:
    return shown.percent(part, whole)


@register.filter
def step_class(status: str | None) -> str:
    """Steps tell their status in words of their own; the usual ones are coloured like those of attempts."""
    return STEP_CLASSES.get((status or "").strip().lower(), "")


@register.simple_tag
def new_id() -> UUID:
    """An id for the example of a first attempt: one that can be sent as it stands."""
    return uuid4()
