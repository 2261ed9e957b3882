"""Metrics and statistics, read from the rollups. Shared by API and pages; nothing here writes.

Only two figures are not rollups: what is in progress right now, and what was refused.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from analytics.buckets import BUCKET
from analytics.figures import (
    ActionStatistics,
    ActionTypeFigures,
    AttemptCounts,
    AttemptFigures,
    DayFigures,
    Durations,
    Metrics,
    ResolutionCounts,
    ResolutionFigures,
    WindowShown,
)
from analytics.histogram import percentile
from analytics.models import MetricRecount
from analytics.rollups import ATTEMPT_COUNTS, RESOLUTION_COUNTS, STATUS_COUNTS, Counts
from analytics.snapshot import one_snapshot
from analytics.windows import LocalDay, Window, local_days, window_named
from attempts.models import ActionAttempt, Refusal


class Dimensions(NamedTuple):
    """What the figures are narrowed to; None for all. Resolution attempts have no action type."""

    environment: str | None = None
    incident_type: str | None = None
    engine: str | None = None
    action_type: str | None = None

    def told(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value is not None}


EVERYTHING = Dimensions()


def metrics(window: Window, dimensions: Dimensions = EVERYTHING) -> Metrics:
    """The figures of the attempts and resolution attempts that started in a window, and what is in progress now."""
    with one_snapshot():
        by_type = _counts_by_type("attempt", window, dimensions)
        resolutions = _total(_counts_by_type("resolution", window, dimensions._replace(action_type=None)).values())
        in_progress = in_progress_now(dimensions)
        refusals = Refusal.objects.filter(last_refused_at__gte=window.start, last_refused_at__lt=window.end).count()
        exact = is_exact(window)
    attempts = _total(by_type.values())
    rate, n = _success_rate(attempts, "success")
    resolved_rate, resolved_n = _success_rate(resolutions, "resolved")
    return Metrics(
        window=_shown(window),
        attempts=AttemptFigures(
            by_status=_attempt_counts(attempts),
            total=_sum(attempts),
            success_rate=rate,
            n=n,
            durations=_durations(attempts),
            in_progress=in_progress,
        ),
        by_action_type=_by_action_type(by_type),
        resolutions=ResolutionFigures(
            by_outcome=ResolutionCounts(**{name: resolutions.get(name, 0) for name in RESOLUTION_COUNTS}),
            total=_sum(resolutions),
            success_rate=resolved_rate,
            n=resolved_n,
            durations=_durations(resolutions),
        ),
        refusals=refusals,
        exact=exact,
    )


def action_statistics(
    *, days_back: int, zone: ZoneInfo, now: datetime, dimensions: Dimensions = EVERYTHING
) -> ActionStatistics:
    """The figures of the attempts of the last days_back times 24 hours, by action type and by day of a time zone."""
    window = window_named(f"{days_back}d", now=now)
    days = local_days(window, zone)
    with one_snapshot():
        by_type = _counts_by_type("attempt", window, dimensions)
        by_day = _counts_by_day(days, window, dimensions)
        exact = is_exact(window)
    attempts = _total(by_type.values())
    rate, n = _success_rate(attempts, "success")
    return ActionStatistics(
        days_back=days_back,
        timezone=zone.key,
        window=_shown(window),
        total_attempts=_sum(attempts),
        successful=attempts.get("success", 0),
        failed=attempts.get("failed", 0),
        by_status=_attempt_counts(attempts),
        success_rate=rate,
        n=n,
        durations=_durations(attempts),
        by_action_type=_by_action_type(by_type),
        by_day=[_day(day, by_day[position]) for position, day in enumerate(days)],
        exact=exact,
    )


def in_progress_now(dimensions: Dimensions = EVERYTHING) -> int:
    """How many attempts run at this moment, whenever they started; those that lost contact are not among them."""
    running = Q(status__isnull=True) | Q(status="in_progress")  # implies the condition of action_attempts_open
    return ActionAttempt.objects.filter(running, abandoned_at__isnull=True, **dimensions.told()).count()


def is_exact(window: Window) -> bool:
    """Whether no bucket of the window waits to be recounted."""
    return not MetricRecount.objects.filter(bucket_start__gte=window.start, bucket_start__lt=window.end).exists()


def _selected(subject: str, window: Window, dimensions: Dimensions) -> tuple[str, list[Any]]:
    """The rollup rows of a window, as a FROM clause, with its parameters."""
    told = dimensions.told()
    conditions = ["subject = %s", "bucket_start >= %s", "bucket_start < %s", *(f"{name} = %s" for name in told)]
    return (
        f"FROM resolution_metrics WHERE {' AND '.join(conditions)}",
        [subject, window.start, window.end, *told.values()],
    )


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


# The SQL is put together from the names of this module's own columns; every value is a parameter.
_SUMS = ", ".join(f"sum({name})::bigint" for name in STATUS_COUNTS)


def _counts_by_type(subject: str, window: Window, dimensions: Dimensions) -> dict[str, Counts]:
    """{action_type: counts and bins} of the attempts, or {'': ...} of the resolution attempts."""
    selected, parameters = _selected(subject, window, dimensions)
    found: dict[str, Counts] = {}
    for action_type, *sums in _rows(f"SELECT action_type, {_SUMS} {selected} GROUP BY action_type", parameters):
        counts: Counts = {name: count for name, count in zip(STATUS_COUNTS, sums, strict=True) if count}
        if counts:
            found[action_type] = counts
    bins = (
        "SELECT action_type, bin, sum(count)::bigint FROM ("  # noqa: S608
        f"SELECT action_type, generate_subscripts(durations, 1) AS bin, unnest(durations) AS count {selected}"
        ") AS histogram WHERE count > 0 GROUP BY action_type, bin"
    )
    for action_type, duration_bin, count in _rows(bins, parameters):
        found.setdefault(action_type, {})[duration_bin] = count
    return found


def _counts_by_day(days: Sequence[LocalDay], window: Window, dimensions: Dimensions) -> dict[int, Counts]:
    """{position in days: counts}, zero for a day without any."""
    selected, parameters = _selected("attempt", window, dimensions)
    statement = f"SELECT width_bucket(bucket_start, %s::timestamptz[]) - 1, {_SUMS} {selected} GROUP BY 1"
    found: dict[int, Counts] = defaultdict(dict)
    for position, *sums in _rows(statement, [[day.start for day in days], *parameters]):
        found[position].update(zip(STATUS_COUNTS, sums, strict=True))
    return found


def _total(parts: Iterable[Counts]) -> Counts:
    total: Counts = defaultdict(int)
    for part in parts:
        for slot, count in part.items():
            total[slot] += count
    return total


def _sum(counts: Counts) -> int:
    return sum(counts.get(name, 0) for name in STATUS_COUNTS)


def _success_rate(counts: Counts, success: str) -> tuple[float | None, int]:
    """success / (success + failed), and that sum."""
    succeeded = counts.get(success, 0)
    n = succeeded + counts.get("failed", 0)
    return (succeeded / n if n else None), n


def _durations(counts: Counts) -> Durations:
    bins = {slot: count for slot, count in counts.items() if isinstance(slot, int)}
    return Durations(
        p50=percentile(bins, 0.50),
        p95=percentile(bins, 0.95),
        p99=percentile(bins, 0.99),
        n=sum(bins.values()),
    )


def _attempt_counts(counts: Counts) -> AttemptCounts:
    return AttemptCounts(**{name: counts.get(name, 0) for name in ATTEMPT_COUNTS})


def _by_action_type(by_type: dict[str, Counts]) -> list[ActionTypeFigures]:
    """The most frequent action type first."""
    figures = []
    for action_type, counts in by_type.items():
        rate, n = _success_rate(counts, "success")
        figures.append(
            ActionTypeFigures(
                action_type=action_type,
                by_status=_attempt_counts(counts),
                total=_sum(counts),
                success_rate=rate,
                n=n,
                durations=_durations(counts),
            )
        )
    return sorted(figures, key=lambda of_type: (-of_type.total, of_type.action_type))


def _day(day: LocalDay, counts: Counts) -> DayFigures:
    rate, n = _success_rate(counts, "success")
    return DayFigures(
        date=day.date,
        start=day.start,
        end=day.end,
        by_status=_attempt_counts(counts),
        total=_sum(counts),
        success_rate=rate,
        n=n,
    )


def _shown(window: Window) -> WindowShown:
    return WindowShown(name=window.name, start=window.start, end=window.end, bucket_seconds=int(BUCKET.total_seconds()))
