"""The answers of metrics and statistics: the one definition of their shape, for API, OpenAPI schema and pages.

A success rate is success / (success + failed), a fraction, null without any; n is that sum. Percentiles are in
seconds, within 5 % of the true value, null without any. exact is false while a bucket of the window is to be recounted.
"""

from datetime import date, datetime

from msgspec import Struct

from analytics.intervals import wilson


class WindowShown(Struct, kw_only=True):
    """start <= effective_started_at < end; the same two bounds select the list behind the figures."""

    name: str
    start: datetime
    end: datetime
    bucket_seconds: int


class Rate(Struct, kw_only=True, frozen=True):
    """A rate with what it rests on: the fraction successes / n, and the ends of its 95 % Wilson interval."""

    successes: int
    n: int
    rate: float | None
    low: float | None
    high: float | None


def rate_of(successes: int, n: int) -> Rate:
    """The rate of successes among n; null without any. Raises ValueError unless 0 <= successes <= n."""
    interval = wilson(successes, n)
    if interval is None:
        return Rate(successes=0, n=0, rate=None, low=None, high=None)
    return Rate(successes=successes, n=n, rate=successes / n, low=interval.low, high=interval.high)


class Durations(Struct, kw_only=True):
    """Percentiles of the known durations of what ended, in seconds; n is how many are known."""

    p50: float | None
    p95: float | None
    p99: float | None
    n: int


class AttemptCounts(Struct, kw_only=True):
    """How many attempts have each status; abandoned ones lost contact and are not in pending or in_progress."""

    pending: int = 0
    in_progress: int = 0
    abandoned: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class ResolutionCounts(Struct, kw_only=True):
    """How many resolution attempts have each status; abandoned ones lost contact and are not in in_progress."""

    in_progress: int = 0
    abandoned: int = 0
    resolved: int = 0
    failed: int = 0
    escalated: int = 0


class ActionTypeFigures(Struct, kw_only=True):
    """The attempts of one action type in the window."""

    action_type: str
    by_status: AttemptCounts
    total: int
    success_rate: float | None
    n: int
    durations: Durations


class AttemptFigures(Struct, kw_only=True):
    """The attempts that started in the window; in_progress is how many run right now, whenever they started."""

    by_status: AttemptCounts
    total: int
    success_rate: float | None
    n: int
    durations: Durations
    in_progress: int


class ResolutionFigures(Struct, kw_only=True):
    """The resolution attempts that started in the window; success_rate is resolved / (resolved + failed)."""

    by_outcome: ResolutionCounts
    total: int
    success_rate: float | None
    n: int
    durations: Durations


class Metrics(Struct, kw_only=True):
    """The answer of GET /api/resolution-monitor/metrics. refusals are not divided by any dimension."""

    window: WindowShown
    attempts: AttemptFigures
    by_action_type: list[ActionTypeFigures]
    resolutions: ResolutionFigures
    refusals: int
    exact: bool


class DayFigures(Struct, kw_only=True):
    """The attempts that started on one local day, as far as it lies in the window: start and end tell how far."""

    date: date
    start: datetime
    end: datetime
    by_status: AttemptCounts
    total: int
    success_rate: float | None
    n: int


class ActionStatistics(Struct, kw_only=True):
    """The answer of GET /api/action-attempts/statistics/. by_day holds every day of the window, empty ones too."""

    days_back: int
    timezone: str
    window: WindowShown
    total_attempts: int
    successful: int
    failed: int
    by_status: AttemptCounts
    success_rate: float | None
    n: int
    durations: Durations
    by_action_type: list[ActionTypeFigures]
    by_day: list[DayFigures]
    exact: bool
