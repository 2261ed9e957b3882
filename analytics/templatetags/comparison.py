"""Template tags of the comparison of two attempts."""

from django import template

from attempts.shown import duration

register = template.Library()


@register.filter
def apart(seconds: float) -> str:
    """How far a start lies from another: "12 min 05 s later"."""
    if not seconds:
        return "at the same time"
    return f"{duration(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"
