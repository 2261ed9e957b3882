"""Template tags that show a rate with what it rests on."""

from typing import Any

from django import template

from analytics.advice.answer import SimilarIncidents
from analytics.charts.chart import interval_text, rate_text
from analytics.figures import Rate

register = template.Library()


@register.inclusion_tag("analytics/_rate.html")
def rate(found: Rate) -> dict[str, Any]:
    """A rate with its 95 % interval, in figures and as a bar. Wide bars are little evidence."""
    if found.rate is None or found.low is None or found.high is None:
        return {"rate": found}
    return {
        "rate": found,
        "text": rate_text(found),
        "interval": interval_text(found),
        "left": f"{100 * found.low:.1f}",
        "width": f"{max(100 * (found.high - found.low), 1):.1f}",
        "at": f"{100 * found.rate:.1f}",
    }


@register.filter
def rate_in_words(found: Rate) -> str:
    """71.4 % (52-85 %), n = 21: where there is no room for a bar."""
    return f"{rate_text(found)} ({interval_text(found)}), n = {found.n:,}"


@register.filter
def ends(similar: SimilarIncidents) -> list[tuple[str, int]]:
    """(outcome, how many), without those that never came to be."""
    told = [("resolved", similar.resolved), ("failed", similar.failed), ("escalated", similar.escalated)]
    return [(name, count) for name, count in told if count]


@register.filter
def verdict_words(verdict: str) -> str:
    """no_effect as people write it."""
    return verdict.replace("_", " ")
