"""Template tags of the dashboard's figures."""

from typing import Any, Final

from django import template
from msgspec.structs import asdict

from analytics.figures import AttemptCounts, ResolutionCounts

register = template.Library()

# What we call it, where the figures' name for it is another.
SHOWN_AS: Final = {"abandoned": "lost_contact"}
# What a success rate is made of; all else is counted apart.
SHARED: Final = ("success", "failed")


@register.filter
def by_name(counts: AttemptCounts | ResolutionCounts) -> list[tuple[str, int]]:
    """(status, count), outcomes first."""
    told = asdict(counts)
    order = sorted(told, key=lambda name: name in ("pending", "in_progress", "abandoned"))
    return [(SHOWN_AS.get(name, name), told[name]) for name in order]


@register.inclusion_tag("analytics/_shares.html")
def shares(counts: AttemptCounts, form: str = "shares") -> dict[str, Any]:
    """The success rate as a bar."""
    told = [(name, getattr(counts, name)) for name in SHARED]
    whole = sum(count for _, count in told)
    left = 0.0
    parts = []
    for name, count in told:
        if count:
            width = 100 * count / whole
            parts.append({"name": name, "left": f"{left:.2f}", "width": f"{width:.2f}"})
            left += width
    return {"shares": parts, "form": form}
