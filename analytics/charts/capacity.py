"""Charts of capacity over time: how many attempts run at once, and how long those that are planned wait."""

from collections.abc import Sequence

from analytics.charts.chart import NONE, Chart, drawn_seconds, seconds_axis, seconds_text
from analytics.charts.over_time import Time, line, time_axis
from analytics.from_record.capacity import CapacityBucket


def concurrency_chart(times: Sequence[Time], buckets: Sequence[CapacityBucket], length: str) -> Chart:
    """The mean and the peak of how many ran at once."""
    chart = Chart(name="concurrency", title="Running at once", about="At most, and on average over each step of time.")
    if not any(bucket.concurrency_peak for bucket in buckets):
        chart.empty = "Nothing ran in this window."
        return chart
    means = [bucket.concurrency_mean for bucket in buckets]
    chart.traces = [
        {
            "type": "bar",
            "name": "peak",
            "x": [time.at for time in times],
            "y": [bucket.concurrency_peak for bucket in buckets],
            "width": [time.milliseconds * 0.86 for time in times],
            "marker": {"color": "--progress/30", "line": {"width": 0}},
            "hovertemplate": "%{y:,}",
        },
        line("mean", times, means, [_mean_text(mean) for mean in means], "--progress"),
    ]
    chart.layout = {"xaxis": time_axis(times, length), "yaxis": {"rangemode": "tozero", "nticks": 5}}
    chart.columns = ("", "peak", "mean", "started", "ended")
    chart.rows = [
        (
            time.label,
            f"{bucket.concurrency_peak:,}",
            _mean_text(bucket.concurrency_mean),
            f"{bucket.started:,}",
            f"{bucket.ended:,}",
        )
        for time, bucket in zip(times, buckets, strict=True)
    ]
    return chart


def waiting_chart(times: Sequence[Time], buckets: Sequence[CapacityBucket], length: str) -> Chart:
    """p50 and p95 of the time from planned to started."""
    chart = Chart(
        name="waiting",
        title="Waiting to start",
        about="From when an attempt was told as pending to its start, of those told before they started.",
    )
    if not any(bucket.waiting.n for bucket in buckets):
        chart.empty = "No attempt of this window was told before it started, so none is known to have waited."
        return chart
    p50 = [bucket.waiting.p50 for bucket in buckets]
    p95 = [bucket.waiting.p95 for bucket in buckets]
    chart.traces = [
        line(name, times, [drawn_seconds(each) for each in values], list(map(seconds_text, values)), colour)
        for name, values, colour in (("p50", p50, "--progress"), ("p95", p95, "--lost"))
    ]
    chart.layout = {"xaxis": time_axis(times, length), "yaxis": seconds_axis([*p50, *p95])}
    chart.columns = ("", "p50", "p95", "n")
    chart.rows = [
        (time.label, seconds_text(bucket.waiting.p50), seconds_text(bucket.waiting.p95), f"{bucket.waiting.n:,}")
        for time, bucket in zip(times, buckets, strict=True)
    ]
    return chart


def _mean_text(mean: float | None) -> str:
    """Two digits are enough to plan by; what is little is not nothing."""
    if mean is None:
        return NONE
    return f"{mean:.1f}" if mean >= 10 else f"{mean:.2g}"
