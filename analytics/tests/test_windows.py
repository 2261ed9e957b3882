"""Windows, their snapping to buckets, and local days."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from analytics.buckets import bucket_of, bucket_start, ceil_to_bucket, floor_to_bucket
from analytics.windows import Window, local_days, window_named, zone_named

NOW = datetime(2025, 6, 15, 10, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("90m", datetime(2025, 6, 15, 8, 30, tzinfo=UTC)),
        ("24h", datetime(2025, 6, 14, 10, 0, tzinfo=UTC)),
        ("7d", datetime(2025, 6, 8, 10, 0, tzinfo=UTC)),
        ("3660d", datetime(2015, 6, 8, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_window_covers_its_length_in_whole_buckets(name: str, start: datetime) -> None:
    assert window_named(name, now=NOW) == Window(name, start, datetime(2025, 6, 15, 10, 15, tzinfo=UTC))


def test_a_window_asked_for_at_a_bucket_boundary_holds_the_bucket_that_begins() -> None:
    window = window_named("15m", now=datetime(2025, 6, 15, 10, 0, tzinfo=UTC))
    assert (window.start.time().isoformat(), window.end.time().isoformat()) == ("09:45:00", "10:15:00")


@pytest.mark.parametrize(
    "name", ["", "24", "h", "0h", "-1h", "1.5h", "24 h", "24H", "3661d", "99999999d", "٣h", "24h\n"]
)
def test_another_name_of_a_window_is_refused_with_what_would_be_right(name: str) -> None:
    with pytest.raises(ValueError, match="such as 90m, 24h or 30d"):
        window_named(name, now=NOW)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000]
)
def test_another_name_of_a_time_zone_is_refused_with_what_would_be_right(name: str) -> None:
    with pytest.raises(ValueError, match="IANA name"):
        zone_named(name)


def test_buckets_are_exact_to_the_microsecond() -> None:
    boundary = datetime(2199, 12, 31, 23, 45, tzinfo=UTC)
    assert bucket_of(boundary - timedelta(microseconds=1)) == bucket_of(boundary) - 1
    assert bucket_start(bucket_of(boundary)) == boundary == floor_to_bucket(boundary) == ceil_to_bucket(boundary)
    assert ceil_to_bucket(boundary + timedelta(microseconds=1)) == boundary + timedelta(minutes=15)
    assert bucket_of(datetime(1969, 12, 31, 23, 59, tzinfo=UTC)) == -1


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_local_days_are_whole_buckets_and_leave_no_gap(zone: str) -> None:
    window = window_named("400d", now=NOW)
    days = local_days(window, ZoneInfo(zone))
    assert days[0].start == window.start
    assert days[-1].end == window.end
    for day, following in pairwise(days):
        assert day.end == following.start == floor_to_bucket(following.start)
        assert following.start.astimezone(ZoneInfo(zone)).time().isoformat() == "00:00:00"
        assert following.date == day.date + timedelta(days=1)


def test_days_on_which_clocks_change_are_as_long_as_they_were() -> None:
    window = Window("", datetime(2025, 3, 8, tzinfo=UTC), datetime(2025, 11, 4, tzinfo=UTC))
    lengths = {day.date: day.end - day.start for day in local_days(window, ZoneInfo("America/New_York"))}
    assert lengths[date(2025, 3, 9)] == timedelta(hours=23)
    assert lengths[date(2025, 11, 2)] == timedelta(hours=25)


def test_a_day_begins_with_the_jump_where_clocks_jump_over_midnight() -> None:
    window = Window("", datetime(2025, 9, 6, tzinfo=UTC), datetime(2025, 9, 9, tzinfo=UTC))
    starts = {day.date: day.start for day in local_days(window, ZoneInfo("America/Santiago"))}
    assert starts[date(2025, 9, 7)] == datetime(2025, 9, 7, 4, 0, tzinfo=UTC)


def test_a_day_that_a_zone_skipped_is_not_in_the_list() -> None:
    window = Window("", datetime(2011, 12, 28, tzinfo=UTC), datetime(2012, 1, 2, tzinfo=UTC))
    days = [day.date for day in local_days(window, ZoneInfo("Pacific/Apia"))]
    assert date(2011, 12, 30) not in days
    assert {date(2011, 12, 29), date(2011, 12, 31)} <= set(days)
