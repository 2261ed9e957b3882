"""The reliability curve: how often came true what was said with so much confidence."""

from typing import Any, Final

from analytics.calibration import Calibration
from analytics.charts.chart import NONE, Chart, interval_text, rate_text

COLOURS: Final = {"claimed": "--progress", "verified": "--success"}


def reliability_chart(claimed: Calibration, verified: Calibration) -> Chart:
    """Both curves beside the diagonal, on which an engine lies whose confidence is true."""
    chart = Chart(
        name="reliability",
        title="Reliability curve",
        about="On the dotted line confidence is true. Below it the engine is over-confident, above it under-confident. "
        "Bars are 95 % intervals; the larger a point, the more outcomes.",
    )
    curves = [("claimed", claimed), ("verified", verified)]
    if not any(calibration.n for _, calibration in curves):
        chart.empty = "Nothing in this window carried a confidence and came to an end."
        return chart
    chart.traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "as said",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": "--edge", "width": 1.5, "dash": "dot"},
            "hoverinfo": "skip",
        },
        *(_curve(name, calibration) for name, calibration in curves if calibration.n),
    ]
    whole = {"range": [-0.02, 1.02], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    chart.layout = {
        "hovermode": "closest",
        "margin": {"l": 8, "r": 24, "t": 8, "b": 40},
        "xaxis": {**whole, "title": {"text": "said: mean confidence"}},
        "yaxis": {**whole, "title": {"text": "came true"}},
    }
    chart.columns = ("confidence", "said", "claimed", "95 % interval", "n", "verified", "95 % interval", "n")
    chart.rows = [
        (
            f"{100 * said.above:.0f}\N{EN DASH}{100 * said.to:.0f}\u202f%",
            NONE if said.mean_confidence is None else f"{100 * said.mean_confidence:.1f}\u202f%",
            *(rate_text(said.observed), interval_text(said.observed), f"{said.observed.n:,}"),
            *(rate_text(found.observed), interval_text(found.observed), f"{found.observed.n:,}"),
        )
        for said, found in zip(claimed.curve, verified.curve, strict=True)
    ]
    return chart


def _curve(name: str, calibration: Calibration) -> dict[str, Any]:
    points = [point for point in calibration.curve if point.observed.n]
    most = max(point.observed.n for point in points)
    rates = [point.observed for point in points]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [point.mean_confidence for point in points],
        "y": [rate.rate for rate in rates],
        "line": {"color": COLOURS[name], "width": 1.5},
        "marker": {"color": COLOURS[name], "size": [6 + 10 * (rate.n / most) ** 0.5 for rate in rates], "opacity": 1},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [(rate.high or 0) - (rate.rate or 0) for rate in rates],
            "arrayminus": [(rate.rate or 0) - (rate.low or 0) for rate in rates],
            "color": f"{COLOURS[name]}/55",
            "thickness": 1.5,
            "width": 3,
        },
        "text": [f"{rate_text(rate)} ({interval_text(rate)}) of {rate.n:,}" for rate in rates],
        "hovertemplate": "said %{x:.1%}<br>%{text}",
    }
