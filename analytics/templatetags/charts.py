"""Template tags of charts and of the tables below them. Rates with their intervals: rates.py."""

import json
from typing import Any, Final

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from analytics.charts.chart import NONE, Chart, seconds_text

register = template.Library()

VERDICT_WORDS: Final = {
    "over_confident": "over-confident",
    "under_confident": "under-confident",
    "uneven": "right on average, not at each level",
    "well_calibrated": "well calibrated",
    "too_little_data": "too little data",
}

register.filter("seconds", seconds_text)


@register.filter
def fraction(value: float | None) -> str:
    """0.123, or a dash where it is not known."""
    return NONE if value is None else f"{value:.3f}"


DIFFERENCE_WORDS: Final = {
    "higher": "higher",
    "lower": "lower",
    "chance": "chance could do it",
    "too_few": "too few to tell",
}


@register.filter
def difference_word(difference: str) -> str:
    return DIFFERENCE_WORDS[difference]


@register.filter
def verdict_word(verdict: str) -> str:
    return VERDICT_WORDS[verdict]


@register.inclusion_tag("analytics/_chart.html")
def chart(chart: Chart) -> dict[str, Any]:
    """A chart with its table."""
    figure = json.dumps(chart.figure, allow_nan=False, separators=(",", ":"))
    return {"chart": chart, "figure": figure, "rows": _rows(chart)}


@register.inclusion_tag("analytics/_share.html")
def share_of_time(share: float | None) -> dict[str, str]:
    """A share of a whole, in percent and as a bar."""
    return {} if share is None else {"text": f"{100 * share:.1f}\u202f%", "width": f"{100 * share:.1f}"}


def _rows(chart: Chart) -> SafeString:
    """The rows of its table. Hundreds of them are put together here, since a loop of the template is slow at it."""
    rows = []
    for name, *cells in chart.rows:
        numbers = "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>')
    return mark_safe("".join(rows))  # noqa: S308  # every part is escaped above
