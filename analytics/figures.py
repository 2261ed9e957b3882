"""The answers of metrics and statistics: the one definition of their shape, for API, OpenAPI schema and pages.

A success rate is success / (success + failed), a fraction, null without any; n is that sum. Percentiles are in
seconds, within 5 % of the true value, null without any. exact is false while a bucket of the window is to be recounted.

Each rate is there twice, with its count and its 95 % interval. claimed is what the engines said: success / (success +
failed), of resolution attempts resolved / (resolved + failed). verified is what turned out, as the latest verdict on
each has it: worked / (worked + no_effect + made_worse + reopened); unverified is how many, of any status, have no
verdict that knows. Nothing is inferred from what was not verified.
"""

from datetime import date, datetime

from msgspec import Struct

from analytics.buckets import BUCKET
from analytics.intervals import wilson
from analytics.windows import Window


class WindowShown(Struct, kw_only=True):
    """start <= effective_started_at < end; the same two bounds select the list behind the figures."""

    name: str
    start: datetime
    end: datetime
    bucket_seconds: int


def shown(window: Window) -> WindowShown:
    return WindowShown(name=window.name, start=window.start, end=window.end, bucket_seconds=int(BUCKET.total_seconds()))


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
    """The known durations of what ended, in seconds; n is how many are known, null stands for none.

    mean is exact to the microsecond. slowest is within 4 % of the longest: it is read from a histogram.
    """

    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    slowest: float | None
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
    claimed: Rate
    verified: Rate
    unverified: int
    durations: Durations


class AttemptFigures(Struct, kw_only=True):
    """The attempts that started in the window; in_progress is how many run right now, whenever they started."""

    by_status: AttemptCounts
    total: int
    success_rate: float | None
    n: int
    claimed: Rate
    verified: Rate
    unverified: int
    durations: Durations
    in_progress: int


class ResolutionFigures(Struct, kw_only=True):
    """The resolution attempts that started in the window; success_rate is resolved / (resolved + failed)."""

    by_outcome: ResolutionCounts
    total: int
    success_rate: float | None
    n: int
    claimed: Rate
    verified: Rate
    unverified: int
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
    claimed: Rate
    verified: Rate
    unverified: int


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
    claimed: Rate
    verified: Rate
    unverified: int
    durations: Durations
    by_action_type: list[ActionTypeFigures]
    by_day: list[DayFigures]
    exact: bool


class Figures(Struct, kw_only=True):
    """What some attempts, or resolution attempts, add up to. by_status names every status of theirs, zeros too."""

    by_status: dict[str, int]
    total: int
    claimed: Rate
    verified: Rate
    unverified: int
    durations: Durations


class GroupFigures(Figures, kw_only=True):
    """Those that have these values of the dimensions grouped by; '' stands for one that was not told."""

    group: dict[str, str]


class BucketFigures(Figures, kw_only=True):
    """Those that started in one bucket of time, as far as it lies in the window: start <= effective_started_at < end.

    local_start is the same moment as start, as the clocks of the time zone showed it.
    """

    start: datetime
    end: datetime
    local_start: datetime


class GroupsLeftOut(Struct, kw_only=True):
    """How many groups are not listed, and how much they count together: the smallest, beyond the limit."""

    groups: int
    total: int


class Statistics(Struct, kw_only=True):
    """The answer of GET /api/statistics/: what started in a window, in all, by group and by bucket of time.

    groups is empty without grouping, the most frequent first. buckets holds every bucket of the window, empty ones too.
    """

    subject: str
    group_by: str
    window: WindowShown
    bucket: str
    timezone: str
    total: Figures
    groups: list[GroupFigures]
    groups_left_out: GroupsLeftOut
    buckets: list[BucketFigures]
    exact: bool


class IncidentFigures(Struct, kw_only=True):
    """What some closed incidents add up to. Closed: an attempt to resolve it has ended, and none is open.

    closed = automated + escalated + failed. automated: the last attempt resolved it, and none was escalated; escalated:
    any was; failed: the rest. automation_rate is automated / closed. time_to_resolution is from the first start to the
    last end as resolved, of those that were resolved at all; its mean is the mean time to resolution.
    """

    closed: int
    automated: int
    escalated: int
    failed: int
    automation_rate: Rate
    time_to_resolution: Durations


class IncidentGroupFigures(IncidentFigures, kw_only=True):
    """Those whose last resolution attempt has these values; '' stands for one that was not told."""

    group: dict[str, str]


class IncidentBucketFigures(IncidentFigures, kw_only=True):
    """Those that closed in one bucket of time, as far as it lies in the window; as in BucketFigures."""

    start: datetime
    end: datetime
    local_start: datetime


class IncidentStatistics(Struct, kw_only=True):
    """The answer of GET /api/statistics/incidents/: the incidents that closed in a window.

    As Statistics is, but by the end of an incident's last resolution attempt, and with the dimensions of that attempt.
    """

    group_by: str
    window: WindowShown
    bucket: str
    timezone: str
    total: IncidentFigures
    groups: list[IncidentGroupFigures]
    groups_left_out: GroupsLeftOut
    buckets: list[IncidentBucketFigures]
    exact: bool
