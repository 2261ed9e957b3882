"""Charts whose horizontal axis is time, in buckets of a time zone: rates, throughput, durations."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from analytics.charts.chart import (
    Chart,
    drawn_seconds,
    interval_text,
    rate_text,
    seconds_axis,
    seconds_text,
)
from analytics.figures import Durations, Rate

NOTHING_STARTED: Final = "Nothing started in this window. Choose a longer one, or another environment."
# How a bucket is named in tables, and (in the words of d3) below the pointer.
LABELS: Final = {"15m": "%-d %b %H:%M", "hour": "%-d %b %H:%M", "day": "%a %-d %b", "week": "week of %-d %b"}
HOVER: Final = {"15m": "%-d %b %H:%M", "hour": "%-d %b %H:00", "day": "%a %-d %b", "week": "week %V"}
MOST_MARKS: Final = 7
# Each status has its own colour, which is that of its rows, from the bottom up.
STATUS_COLOURS: Final = {
    "success": "--success",
    "resolved": "--success",
    "failed": "--failed",
    "escalated": "--escalated",
    "skipped": "--line-strong",
    "cancelled": "--edge",
    "abandoned": "--lost",
    "pending": "--progress/40",
    "in_progress": "--progress",
}
WORDS: Final = {"abandoned": "lost contact", "in_progress": "in progress"}


class Time(NamedTuple):
    """A bucket of time as the clocks of its zone show it: where it is drawn, how wide, and what it is called."""

    at: str
    milliseconds: float
    label: str
    mark: str


def time_of(start: datetime, end: datetime, zone: ZoneInfo, length: str) -> Time:
    """Drawn in the middle of the bucket, so that bars and lines of one bucket stand over each other."""
    local = start.astimezone(zone).replace(tzinfo=None)
    span = end - start
    # The middle of a quarter of an hour would read as a time of its own.
    middle = local if length == "15m" else local + span / 2
    begins = local - timedelta(days=local.weekday()) if length == "week" else local
    mark = "%-d %b" if length in ("day", "week") else "%H:%M<br>%-d %b"
    return Time(middle.isoformat(), span.total_seconds() * 1000, begins.strftime(LABELS[length]), begins.strftime(mark))


class Bucket(Protocol):
    """Whatever is told by bucket of time."""

    start: datetime
    end: datetime


def times_of(buckets: Iterable[Bucket], timezone: str, length: str) -> list[Time]:
    zone = ZoneInfo(timezone)
    return [time_of(bucket.start, bucket.end, zone, length) for bucket in buckets]


def time_axis(times: Sequence[Time], length: str) -> dict[str, Any]:
    """An axis with some of these buckets marked."""
    marked = times[:: -(-len(times) // MOST_MARKS)]
    return {
        "type": "date",
        "hoverformat": HOVER[length],
        "tickvals": [time.at for time in marked],
        "ticktext": [time.mark for time in marked],
        "showgrid": False,
    }


def line(
    name: str, times: Sequence[Time], values: Sequence[float | None], texts: Sequence[str], colour: str
) -> dict[str, Any]:
    """One line; texts are what is read of its points."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [time.at for time in times],
        "y": values,
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5, "color": colour},
        "text": texts,
        "hovertemplate": "%{text}",
    }


def rates_over_time(
    times: Sequence[Time], claimed: Sequence[Rate], verified: Sequence[Rate], *, length: str, word: str
) -> Chart:
    """The claimed rate with the band of its 95 % intervals, and the verified one where anything was verified."""
    chart = Chart(
        name="rates",
        title=f"{word} over time",
        about="The band is the 95 % interval: how far off the rate may be, with so few.",
    )
    if not any(rate.n for rate in (*claimed, *verified)):
        chart.empty = "Nothing ended in this window, so there is no rate yet."
        return chart
    traces = _band(times, claimed, "--progress", "claimed")
    if any(rate.n for rate in verified):
        traces += _band(times, verified, "--success", "verified")
    chart.traces = traces
    chart.layout = {
        "xaxis": time_axis(times, length),
        "yaxis": {"range": [-0.02, 1.02], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    }
    chart.columns = ("", "claimed", "95 % interval", "n", "verified", "95 % interval", "n")
    chart.rows = [
        (time.label, *(text for rate in both for text in (rate_text(rate), interval_text(rate), f"{rate.n:,}")))
        for time, *both in zip(times, claimed, verified, strict=True)
    ]
    return chart


def _band(times: Sequence[Time], rates: Sequence[Rate], colour: str, name: str) -> list[dict[str, Any]]:
    """The line of a rate over the polygons of its interval, with a gap wherever there is no rate."""
    across: list[str | None] = []
    up: list[float | None] = []
    run: list[tuple[str, Rate]] = []
    for time, rate in [*zip(times, rates, strict=True), (None, None)]:
        if time is not None and rate is not None and rate.n:
            run.append((time.at, rate))
        elif run:
            across += [*(at for at, _ in run), *(at for at, _ in reversed(run)), None]
            up += [*(each.high for _, each in run), *(each.low for _, each in reversed(run)), None]
            run = []
    texts = [f"{rate_text(rate)} ({interval_text(rate)}), n = {rate.n:,}" for rate in rates]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": across,
            "y": up,
            "fill": "toself",
            "fillcolor": f"{colour}/16",
            # A bucket alone has an interval without width: its edge shows it.
            "line": {"color": f"{colour}/30", "width": 1},
            "hoverinfo": "skip",
            "showlegend": False,
        },
        line(name, times, [rate.rate for rate in rates], texts, colour),
    ]


def throughput_over_time(
    times: Sequence[Time], by_status: Sequence[dict[str, int]], *, length: str, what: str
) -> Chart:
    """How many started, one upon the other by what became of them."""
    chart = Chart(name="throughput", title=f"{what} by outcome", about="By when they started.")
    names = [name for name in STATUS_COLOURS if any(counts.get(name) for counts in by_status)]
    if not names:
        chart.empty = NOTHING_STARTED
        return chart
    chart.traces = [
        {
            "type": "bar",
            "name": WORDS.get(name, name),
            "x": [time.at for time in times],
            "y": [counts.get(name, 0) for counts in by_status],
            "width": [time.milliseconds * 0.86 for time in times],
            "marker": {"color": STATUS_COLOURS[name], "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        }
        for name in names
    ]
    chart.layout = {
        "barmode": "stack",
        "xaxis": time_axis(times, length),
        "yaxis": {"rangemode": "tozero", "tickformat": ",d", "nticks": 5},
    }
    chart.columns = ("", "started", *(WORDS.get(name, name) for name in names))
    chart.rows = [
        (time.label, f"{sum(counts.values()):,}", *(f"{counts.get(name, 0):,}" for name in names))
        for time, counts in zip(times, by_status, strict=True)
    ]
    return chart


def durations_over_time(
    times: Sequence[Time],
    durations: Sequence[Durations],
    *,
    length: str,
    name: str = "durations",
    title: str = "Durations over time",
    about: str = "Half take no longer than p50, 19 of 20 no longer than p95.",
    empty: str = "Nothing of known duration ended in this window.",
) -> Chart:
    """p50 and p95, on a logarithmic scale: seconds and hours are both there to be seen."""
    chart = Chart(name=name, title=title, about=about)
    if not any(each.n for each in durations):
        chart.empty = empty
        return chart
    lines = (
        ("p50", [each.p50 for each in durations], "--progress"),
        ("p95", [each.p95 for each in durations], "--lost"),
    )
    chart.traces = [
        line(name, times, [drawn_seconds(value) for value in values], list(map(seconds_text, values)), colour)
        for name, values, colour in lines
    ]
    chart.layout = {
        "xaxis": time_axis(times, length),
        "yaxis": seconds_axis([value for _, values, _ in lines for value in values]),
    }
    chart.columns = ("", "p50", "p95", "p99", "mean", "slowest", "n")
    chart.rows = [
        (
            time.label,
            *(map(seconds_text, (each.p50, each.p95, each.p99, each.mean, each.slowest))),
            f"{each.n:,}",
        )
        for time, each in zip(times, durations, strict=True)
    ]
    return chart
