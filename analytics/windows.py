"""Windows of time, snapped to buckets, so that a number and the list behind it agree; and the local days in them.

A window is half open: what started at `start` or later and before `end` is in it. The moment asked from is always an
argument; no clock is read here.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from analytics.buckets import BUCKET, ceil_to_bucket, floor_to_bucket

MAX_DAYS: Final = 3660
BUCKET_LENGTHS: Final = ("15m", "hour", "day", "week")
MAX_BUCKETS: Final = 2500
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_NAME: Final = re.compile(r"([1-9][0-9]{0,7})([mhd])", re.ASCII)


class Window(NamedTuple):
    """A span of whole buckets: start <= effective start < end, in UTC."""

    name: str
    start: datetime
    end: datetime


class LocalDay(NamedTuple):
    """A day of a time zone, as far as it lies in a window."""

    date: date
    start: datetime
    end: datetime


def window_named(name: str, *, now: datetime) -> Window:
    """The window that ends with the bucket of `now` and reaches back as far as its name says: 90m, 24h, 7d, 30d.

    It starts with the bucket in which that moment lies. Raises ValueError, with what would be right, for another name.
    """
    match = _NAME.fullmatch(name)
    length = int(match[1]) * _UNITS[match[2]] if match else None
    if length is None or length > timedelta(days=MAX_DAYS):
        raise ValueError(
            f"A window is a number of minutes, hours or days, such as 90m, 24h or 30d, of at most {MAX_DAYS} days."
        )
    return Window(name, floor_to_bucket(now - length), floor_to_bucket(now) + BUCKET)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ValueError for any other text."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder of zones, such as "America"
        raise ValueError("A time zone is an IANA name, such as UTC, Asia/Kolkata or America/New_York.") from None


def local_days(window: Window, zone: ZoneInfo) -> list[LocalDay]:
    """The days of a time zone that a window touches, in order. The first and last may lie in it only in part."""
    days = []
    day = window.start.astimezone(zone).date()
    start = window.start
    while start < window.end:
        next_day = day + timedelta(days=1)
        end = min(_midnight(next_day, zone), window.end)
        # A zone that crosses the date line skips a day: that day has no time in it.
        if end > start:
            days.append(LocalDay(day, start, end))
            start = end
        day = next_day
    return days


class LocalBucket(NamedTuple):
    """A bucket of time as clocks of a time zone tell it, as far as it lies in a window: start <= time < end, in UTC."""

    start: datetime
    end: datetime


class Series(NamedTuple):
    """A window, and the buckets of time that it is shown in: of a time zone, and of one of BUCKET_LENGTHS."""

    window: Window
    zone: ZoneInfo
    length: str
    buckets: Sequence[LocalBucket]


def window_between(start: datetime, end: datetime) -> Window:
    """The window of the whole 15-minute buckets that touch start <= time < end. Raises ValueError for no such span."""
    if not start < end:
        raise ValueError("The end of a window lies after its start.")
    if end - start > timedelta(days=MAX_DAYS):
        raise ValueError(f"A window is at most {MAX_DAYS} days long.")
    return Window("custom", floor_to_bucket(start), ceil_to_bucket(end))


def series_of(window: Window, zone: ZoneInfo, length: str | None = None) -> Series:
    """The buckets of a window; None for a length that suits it. Raises ValueError when there would be too many."""
    length = length or bucket_length_for(window)
    return Series(window, zone, length, local_buckets(window, zone, length))


def bucket_length_for(window: Window) -> str:
    """The length of bucket that makes a readable series of a window: one of BUCKET_LENGTHS."""
    length = window.end - window.start
    return (
        "15m"
        if length <= timedelta(hours=4)
        else "hour"
        if length <= timedelta(days=3)
        else ("day" if length <= timedelta(days=190) else "week")
    )


def local_buckets(window: Window, zone: ZoneInfo, length: str) -> list[LocalBucket]:
    """The buckets of a time zone that a window touches, in order and without gaps. length is one of BUCKET_LENGTHS.

    Hours and days begin as the clocks of the zone have it: a day has 23 to 25 hours where they are changed, and the
    hour that is told twice is two buckets. Weeks begin on Monday (ISO 8601). The first and last may lie in the window
    only in part. Raises ValueError, with what to do, when there would be more than MAX_BUCKETS.
    """
    buckets: list[LocalBucket] = []
    start = window.start
    while start < window.end:
        if len(buckets) == MAX_BUCKETS:
            raise ValueError(f"The window has more than {MAX_BUCKETS} such buckets. Ask for longer ones or less time.")
        end = min(_next_bucket(start, zone, length), window.end)
        buckets.append(LocalBucket(start, end))
        start = end
    return buckets


def _next_bucket(start: datetime, zone: ZoneInfo, length: str) -> datetime:
    """When the bucket after that of start begins."""
    if length == "15m":
        return start + BUCKET
    local = start.astimezone(zone)
    if length == "hour":
        return start + timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)
    return _midnight(local.date() + timedelta(days=1 if length == "day" else 7 - local.weekday()), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day. Where a clock jumps over midnight, that is the moment of the jump."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
