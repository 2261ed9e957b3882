"""Template tags of the pages of failure patterns."""

from collections.abc import Sequence
from typing import Any, Final

from django import template

from analytics.patterns.details import PatternBucket

register = template.Library()

# In the units of the drawing: its bars fill so much of what they may.
BAR: Final = 0.8
HEIGHT: Final = 100

WORDS: Final = {
    "acknowledged": "acknowledged",
    "fixed": "marked as fixed",
    "ignored": "ignored",
    "reopened": "reopened",
    "regressed": "seen again after it was fixed: regressed",
    "merged": "took over",
    "merged_into": "became part of",
    "split": "gave a part to",
    "split_from": "was split from",
    "regrouped": "was parted by new masking rules; the other part is",
}


@register.filter
def done(change: str) -> str:
    """What was done to a pattern, in words."""
    return WORDS.get(change, change)


@register.filter
def share(fraction: float) -> str:
    """A fraction as a percentage; less than a thousandth says so."""
    return "< 0.1\u202f%" if 0 < fraction < 0.001 else f"{100 * fraction:.1f}\u202f%"


@register.filter
def unit(bucket: str) -> str:
    """The buckets of a chart, each of them one."""
    return {"15m": "in 15 minutes", "hour": "an hour", "day": "a day", "week": "a week"}[bucket]


@register.inclusion_tag("analytics/_bars.html")
def trend(counts: Sequence[int]) -> dict[str, Any]:
    """Counts as bars, the latest last."""
    return {"bars": _bars(counts), "width": len(counts), "form": "trend"}


@register.inclusion_tag("analytics/_bars.html")
def over_time(buckets: Sequence[PatternBucket]) -> dict[str, Any]:
    """What started in each bucket as bars that tell their figures."""
    bars = _bars([bucket.occurrences for bucket in buckets])
    for bar in bars:
        bar["bucket"] = buckets[bar["place"]]
    return {"bars": bars, "width": len(buckets), "form": "over-time"}


def _bars(counts: Sequence[int]) -> list[dict[str, Any]]:
    most = max(counts, default=0)
    bars = []
    for place, count in enumerate(counts):
        if count:
            # Even one failure among thousands is seen.
            height = max(HEIGHT * count / most, 4)
            x, y = f"{place + (1 - BAR) / 2:.2f}", f"{HEIGHT - height:.1f}"
            bars.append({"place": place, "x": x, "y": y, "width": BAR, "height": f"{height:.1f}"})
    return bars
