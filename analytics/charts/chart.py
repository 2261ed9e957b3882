"""A chart as a page carries it, and the texts of its numbers. What is in which chart is beside this module.

Traces and layout are Plotly's, see https://plotly.com/javascript/reference/, but for colours: "--success" is the custom
property of that name of the page, "--success/40" the same with 40 % of opacity.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from analytics.figures import Rate
from attempts.shown import about_duration, percent

NONE = "–"
# Where a number of seconds is drawn on a logarithmic scale; below the first nothing is told apart.
SECONDS_SHOWN = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0, 8_640_000.0)


class Chart(Struct, kw_only=True):
    """One chart. columns and rows are its table: the first column names the row.

    empty says why nothing is drawn and what to do; the chart then has no table either.
    """

    name: str
    title: str
    about: str
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    empty: str = ""

    @property
    def figure(self) -> dict[str, Any]:
        return {"traces": self.traces, "layout": self.layout}


def rate_text(rate: Rate) -> str:
    """71.4 %, or a dash without any."""
    return percent(rate.successes, rate.n) or NONE


def interval_text(rate: Rate) -> str:
    """The 95 % interval in whole percent: 52–85 %."""
    if rate.low is None or rate.high is None:
        return NONE
    return f"{100 * rate.low:.0f}–{100 * rate.high:.0f}\u202f%"


def seconds_text(seconds: float | None) -> str:
    return about_duration(seconds) or NONE


def seconds_axis(values: Sequence[float | None]) -> dict[str, Any]:
    """A logarithmic axis for these numbers of seconds, whose marks read as durations."""
    known = [max(value, SECONDS_SHOWN[0]) for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    below = max((mark for mark in SECONDS_SHOWN if mark <= low), default=SECONDS_SHOWN[0])
    above = min((mark for mark in SECONDS_SHOWN if mark >= high), default=high)
    marks = [mark for mark in SECONDS_SHOWN if below <= mark <= above]
    return {"type": "log", "tickvals": marks, "ticktext": [about_duration(mark) for mark in marks]}


def drawn_seconds(seconds: float | None) -> float | None:
    """Where a duration stands on that axis, which has no zero."""
    return None if seconds is None else max(seconds, SECONDS_SHOWN[0])
