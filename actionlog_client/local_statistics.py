"""The figures of local attempts, with the names and definitions of the server's /api/action-attempts/statistics/. Pure.

A success rate is success / (success + failed), a fraction, None without any; n is that sum. Durations are in seconds,
of what succeeded or failed, and exact here, where the server's are within 5 %. Intervals, and what verdicts say, the
server alone tells.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from actionlog_client.local_attempts import LocalAttempt

STATUSES: Final = ("pending", "in_progress", "abandoned", "success", "failed", "skipped", "cancelled")
_TIMED: Final = frozenset({"success", "failed"})
# Windows snap to these, as the server's do.
_BUCKET: Final = timedelta(minutes=15)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The server's longest window.
MOST_DAYS: Final = 3660


class _Tally:
    """What is counted of some attempts."""

    def __init__(self) -> None:
        self.by_status: Counter[str] = Counter()
        self.durations: list[float] = []

    def add(self, attempt: LocalAttempt) -> None:
        status = attempt.effective_status
        self.by_status[status] += 1
        if status in _TIMED and (duration := attempt.duration_seconds) is not None:
            self.durations.append(duration)

    def rated(self) -> dict[str, Any]:
        successful = self.by_status["success"]
        n = successful + self.by_status["failed"]
        return {
            "by_status": {status: self.by_status[status] for status in STATUSES},
            "success_rate": successful / n if n else None,
            "n": n,
        }

    def timed(self) -> dict[str, Any]:
        ordered = sorted(self.durations)
        named = {f"p{percent}": _percentile(ordered, percent / 100) for percent in (50, 95, 99)}
        return {
            **named,
            "mean": sum(ordered) / len(ordered) if ordered else None,
            "slowest": ordered[-1] if ordered else None,
            "n": len(ordered),
        }

    def total(self) -> int:
        return self.by_status.total()


def window_start(days_back: int, now: datetime) -> datetime:
    """The beginning of the window that the figures of days_back cover."""
    return _floored(now - timedelta(days=_days(days_back)))


def statistics_of(attempts: Iterable[LocalAttempt], days_back: int, now: datetime) -> dict[str, Any]:
    """The figures of the attempts that started in the last days_back times 24 hours, days by UTC."""
    days_back = _days(days_back)
    start, end = window_start(days_back, now), _floored(now) + _BUCKET
    everything = _Tally()
    by_type: defaultdict[str, _Tally] = defaultdict(_Tally)
    by_day: defaultdict[date, _Tally] = defaultdict(_Tally)
    for attempt in attempts:
        started_at = attempt.effective_started_at
        if started_at is not None and start <= started_at < end:
            for tally in (everything, by_type[attempt.action_type or ""], by_day[started_at.date()]):
                tally.add(attempt)
    return {
        "days_back": days_back,
        "timezone": "UTC",
        "window": {
            "name": f"{days_back}d",
            "start": _text(start),
            "end": _text(end),
            "bucket_seconds": int(_BUCKET.total_seconds()),
        },
        "total_attempts": everything.total(),
        "successful": everything.by_status["success"],
        "failed": everything.by_status["failed"],
        **everything.rated(),
        "durations": everything.timed(),
        "by_action_type": _most_frequent_first(by_type),
        "by_day": [_day(day, by_day[day], start, end) for day in _days_of(start, end)],
        "exact": True,
    }


def _most_frequent_first(by_type: dict[str, _Tally]) -> list[dict[str, Any]]:
    return [
        {"action_type": name, "total": tally.total(), **tally.rated(), "durations": tally.timed()}
        for name, tally in sorted(by_type.items(), key=lambda each: (-each[1].total(), each[0]))
    ]


def _day(day: date, tally: _Tally, start: datetime, end: datetime) -> dict[str, Any]:
    midnight = datetime.combine(day, time(), UTC)
    return {
        "date": day.isoformat(),
        "start": _text(max(start, midnight)),
        "end": _text(min(end, midnight + timedelta(days=1))),
        "total": tally.total(),
        **tally.rated(),
    }


def _days_of(start: datetime, end: datetime) -> list[date]:
    """The days that a window touches; a window that ends at midnight does not touch the next one."""
    return [start.date() + timedelta(days=number) for number in range(math.ceil((end - _midnight(start)) / _ONE_DAY))]


_ONE_DAY: Final = timedelta(days=1)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), UTC)


def _percentile(ordered: Sequence[float], fraction: float) -> float | None:
    """Interpolated linearly between the two nearest, as PostgreSQL's percentile_cont does."""
    if not ordered:
        return None
    rank = fraction * (len(ordered) - 1)
    below = math.floor(rank)
    if rank == below:
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (rank - below)


def _floored(moment: datetime) -> datetime:
    return _EPOCH + (moment - _EPOCH) // _BUCKET * _BUCKET


def _days(days_back: int) -> int:
    """Raises ValueError for a window that the server does not have either."""
    if not 1 <= days_back <= MOST_DAYS:
        raise ValueError(f"days_back is a number of days from 1 to {MOST_DAYS}, not {days_back!r}.")
    return days_back


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
