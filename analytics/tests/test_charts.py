"""Charts, held against the figures that they are made of."""

import json
import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.calibration import calibration_of, count_confidences
from analytics.charts.chart import NONE, interval_text, rate_text, seconds_axis
from analytics.charts.over_time import (
    MOST_MARKS,
    Time,
    durations_over_time,
    rates_over_time,
    throughput_over_time,
    time_of,
)
from analytics.charts.reliability import reliability_chart
from analytics.figures import Durations, Rate, rate_of

NO_RATE = rate_of(0, 0)


def times(count: int) -> list[Time]:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    return [
        time_of(start + timedelta(hours=hour), start + timedelta(hours=hour + 1), ZoneInfo("UTC"), "hour")
        for hour in range(count)
    ]


def test_a_bucket_is_drawn_where_the_clocks_of_its_zone_have_it() -> None:
    start = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    of_day = time_of(start, start + timedelta(days=1), ZoneInfo("Asia/Kolkata"), "day")
    assert of_day == Time("2026-11-23T12:00:00", 86_400_000, "Mon 23 Nov", "23 Nov")
    of_quarter = time_of(start, start + timedelta(minutes=15), ZoneInfo("Asia/Kolkata"), "15m")
    assert (of_quarter.at, of_quarter.label) == ("2026-11-23T00:00:00", "23 Nov 00:00")


def test_a_week_is_named_by_its_monday_also_when_it_lies_in_the_window_in_part() -> None:
    wednesday = datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert time_of(wednesday, wednesday + timedelta(days=2), ZoneInfo("UTC"), "week").label == "week of 23 Nov"


def test_where_there_is_no_rate_neither_the_line_nor_the_band_goes_on() -> None:
    claimed = [rate_of(1, 2), rate_of(3, 4), NO_RATE, rate_of(5, 5)]
    band, line = rates_over_time(times(4), claimed, [NO_RATE] * 4, length="hour", word="Success rate").traces
    assert line["y"] == [0.5, 0.75, None, 1.0]
    at = [time.at for time in times(4)]
    # Two polygons, each there along the upper ends and back along the lower ones.
    assert band["x"] == [at[0], at[1], at[1], at[0], None, at[3], at[3], None]
    assert band["y"] == [
        claimed[0].high,
        claimed[1].high,
        claimed[1].low,
        claimed[0].low,
        None,
        1.0,
        claimed[3].low,
        None,
    ]


def test_the_verified_rate_is_drawn_once_something_was_verified() -> None:
    claimed = [rate_of(1, 2)]
    without = rates_over_time(times(1), claimed, [NO_RATE], length="hour", word="Success rate")
    beside = rates_over_time(times(1), claimed, [rate_of(0, 1)], length="hour", word="Success rate")
    assert [trace.get("name") for trace in without.traces] == [None, "claimed"]
    assert [trace.get("name") for trace in beside.traces] == [None, "claimed", None, "verified"]


def test_the_table_of_rates_says_what_is_drawn() -> None:
    chart = rates_over_time(
        times(2), [rate_of(7, 10), NO_RATE], [NO_RATE, rate_of(1, 4)], length="hour", word="Success rate"
    )
    assert [list(row) for row in chart.rows] == [
        ["23 Nov 00:00", "70.0\u202f%", "40\N{EN DASH}89\u202f%", "10", NONE, NONE, "0"],
        ["23 Nov 01:00", NONE, NONE, "0", "25.0\u202f%", "5\N{EN DASH}70\u202f%", "4"],
    ]
    assert len(chart.columns) == len(chart.rows[0])


def test_throughput_stacks_the_statuses_that_occur_and_adds_them_up_in_the_table() -> None:
    counts = [{"success": 1200, "failed": 3, "skipped": 0}, {"success": 0, "failed": 1, "skipped": 0}]
    chart = throughput_over_time(times(2), counts, length="hour", what="Attempts")
    assert {trace["name"]: trace["y"] for trace in chart.traces} == {"success": [1200, 0], "failed": [3, 1]}
    assert [list(row) for row in chart.rows] == [
        ["23 Nov 00:00", "1,203", "1,200", "3"],
        ["23 Nov 01:00", "1", "0", "1"],
    ]


def known(p50: float, p95: float) -> Durations:
    return Durations(p50=p50, p95=p95, p99=p95, mean=p50, slowest=p95, n=10)


NONE_KNOWN = Durations(p50=None, p95=None, p99=None, mean=None, slowest=None, n=0)


def test_durations_have_gaps_where_none_is_known_and_no_zero_on_their_scale() -> None:
    chart = durations_over_time(times(3), [known(0, 90), NONE_KNOWN, known(2, 3)], length="hour")
    assert [trace["y"] for trace in chart.traces] == [[0.001, None, 2], [90, None, 3]]
    assert list(chart.rows[1]) == ["23 Nov 01:00", NONE, NONE, NONE, NONE, NONE, "0"]
    assert list(chart.rows[0])[:3] == ["23 Nov 00:00", "0 ms", "1 min 30 s"]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e10)), max_size=6))
def test_an_axis_of_seconds_holds_every_value_between_marks_that_can_be_read(values: list[float | None]) -> None:
    axis = seconds_axis(values)
    low, high = axis["range"]
    assert low < high
    assert all(low <= math.log10(max(value, 0.001)) <= high for value in values if value is not None)
    assert 1 <= len(axis["tickvals"]) == len(axis["ticktext"]) <= MOST_MARKS


@pytest.mark.parametrize("empty", [[], [NO_RATE]])
def test_a_chart_of_nothing_says_so_and_draws_nothing(empty: list[Rate]) -> None:
    count = len(empty)
    charts = [
        rates_over_time(times(count), empty, empty, length="hour", word="Success rate"),
        throughput_over_time(times(count), [{"success": 0}] * count, length="hour", what="Attempts"),
        durations_over_time(times(count), [NONE_KNOWN] * count, length="hour"),
        reliability_chart(calibration_of({}), calibration_of({})),
    ]
    assert all(chart.empty and not chart.traces and not chart.rows for chart in charts)


def test_the_reliability_curve_has_a_point_for_each_bin_with_outcomes() -> None:
    claimed = calibration_of(count_confidences([(0.95, True)] * 8 + [(0.95, False)] * 2 + [(0.35, False)] * 4))
    chart = reliability_chart(claimed, calibration_of({}))
    diagonal, curve = chart.traces
    assert (diagonal["x"], diagonal["y"]) == ([0, 1], [0, 1])
    assert curve["x"] == pytest.approx([0.35, 0.95])
    assert curve["y"] == [0.0, 0.8]
    high = rate_of(8, 10).high
    assert high is not None
    assert curve["error_y"]["array"][1] == pytest.approx(high - 0.8)
    assert len(chart.rows) == 10
    assert list(chart.rows[9])[:5] == [
        "90\N{EN DASH}100\u202f%",
        "95.0\u202f%",
        "80.0\u202f%",
        interval_text(rate_of(8, 10)),
        "10",
    ]


def test_every_figure_is_json_without_numbers_that_json_has_not() -> None:
    chart = rates_over_time(times(2), [rate_of(0, 3), NO_RATE], [NO_RATE] * 2, length="hour", word="Success rate")
    assert json.loads(json.dumps(chart.figure, allow_nan=False)) == chart.figure


def test_a_rate_that_is_only_near_to_all_or_nothing_does_not_read_as_that() -> None:
    assert rate_text(rate_of(9_999, 10_000)) == "99.9\u202f%"
    assert rate_text(NO_RATE) == interval_text(NO_RATE) == NONE
