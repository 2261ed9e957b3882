"""A chart as a page carries it, and the texts of its numbers. What is in which chart is beside this module.

Traces and layout are Plotly's, see https://plotly.com/javascript/reference/, but for colours: "--success" is the custom
property of that name of the page, "--success/40" the same with 40 % of opacity.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from analytics.figures import Rate
from attempts.shown import about_duration, percent

NONE: Final = "\N{EN DASH}"
# The marks of a logarithmic axis of seconds; below the first nothing is told apart.
MARKS: Final = {
    0.001: "1 ms",
    0.01: "10 ms",
    0.1: "100 ms",
    0.3: "300 ms",
    1.0: "1 s",
    3.0: "3 s",
    10.0: "10 s",
    30.0: "30 s",
    60.0: "1 min",
    180.0: "3 min",
    600.0: "10 min",
    1_800.0: "30 min",
    3_600.0: "1 h",
    10_800.0: "3 h",
    36_000.0: "10 h",
    86_400.0: "1 d",
    259_200.0: "3 d",
    864_000.0: "10 d",
    8_640_000.0: "100 d",
}
SHORTEST: Final = 0.001
MOST_MARKS: Final = 7


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
    """The 95 % interval in whole percent, such as 52 to 85."""
    if rate.low is None or rate.high is None:
        return NONE
    return f"{100 * rate.low:.0f}\N{EN DASH}{100 * rate.high:.0f}\u202f%"


def seconds_text(seconds: float | None) -> str:
    return about_duration(seconds) or NONE


def seconds_axis(values: Iterable[float | None]) -> dict[str, Any]:
    """A logarithmic axis for these numbers of seconds, whose marks read as durations. It ends at marks."""
    known = [max(value, SHORTEST) for value in values if value is not None] or [1.0]
    below = max(mark for mark in MARKS if mark <= min(known))
    above = min((mark for mark in MARKS if mark >= max(known)), default=max(known))
    marks = [mark for mark in MARKS if below <= mark <= above]
    marks = marks[:: -(-len(marks) // MOST_MARKS)]
    return {
        "type": "log",
        "range": [math.log10(below) - 0.05, math.log10(max(above, below * 3)) + 0.05],
        "tickvals": marks,
        "ticktext": [MARKS[mark] for mark in marks],
    }


def drawn_seconds(seconds: float | None) -> float | None:
    """Where a duration stands on that axis, which has no zero."""
    return None if seconds is None else max(seconds, SHORTEST)
