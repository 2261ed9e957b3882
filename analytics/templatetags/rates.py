"""Template tags that show a rate with what it rests on."""

from typing import Any

from django import template

from analytics.advice.answer import SimilarIncidents
from analytics.figures import Rate

register = template.Library()


@register.inclusion_tag("analytics/_rate_line.html")
def rate(found: Rate) -> dict[str, Any]:
    """The rate, its 95 % interval as a bar and in percent, and n. Wide bars are little evidence."""
    if found.rate is None or found.low is None or found.high is None:
        return {"rate": found}
    return {
        "rate": found,
        "low": f"{100 * found.low:.0f}",
        "high": f"{100 * found.high:.0f}",
        "left": f"{100 * found.low:.2f}",
        "width": f"{100 * (found.high - found.low):.2f}",
        # The mark is as thick as 2 of about 96 pixels.
        "at": f"{98 * found.rate:.2f}",
    }


@register.filter
def ends(similar: SimilarIncidents) -> list[tuple[str, int]]:
    """(outcome, how many), without those that never came to be."""
    told = [("resolved", similar.resolved), ("failed", similar.failed), ("escalated", similar.escalated)]
    return [(name, count) for name, count in told if count]


@register.filter
def verdict_words(verdict: str) -> str:
    """no_effect as people write it."""
    return verdict.replace("_", " ")
