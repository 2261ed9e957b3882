"""Metrics and statistics, read from the rollups. Shared by API and pages; nothing here writes.

Only two figures are not rollups: what is in progress right now, and what was refused.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Q

from analytics.counting import counted, grouped, span_of, total_of
from analytics.figures import (
    ActionStatistics,
    ActionTypeFigures,
    AttemptFigures,
    DayFigures,
    Metrics,
    ResolutionCounts,
    ResolutionFigures,
    shown,
)
from analytics.models import MetricRecount
from analytics.rollups import RESOLUTION_COUNTS, Counts
from analytics.snapshot import one_snapshot
from analytics.summaries.content import Group
from analytics.sums import all_of, attempt_counts_of, durations_of, rated
from analytics.windows import LocalDay, Window, local_days, window_named
from attempts.models import ActionAttempt, Refusal


class Dimensions(NamedTuple):
    """What the figures are narrowed to; None for all. Resolution attempts have no action type."""

    environment: str | None = None
    incident_type: str | None = None
    engine: str | None = None
    action_type: str | None = None
    engine_version: str | None = None

    def told(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value is not None}


EVERYTHING = Dimensions()


def metrics(window: Window, dimensions: Dimensions = EVERYTHING) -> Metrics:
    """The figures of the attempts and resolution attempts that started in a window, and what is in progress now."""
    span = [span_of(window.start, window.end)]
    with one_snapshot():
        by_type = counted("attempt", span, by=["action_type"], told=dimensions.told())
        of_resolutions = counted("resolution", span, told=dimensions._replace(action_type=None).told())
        in_progress = in_progress_now(dimensions)
        refusals = Refusal.objects.filter(last_refused_at__gte=window.start, last_refused_at__lt=window.end).count()
        exact = is_exact(window)
    attempts = total_of(by_type)
    resolutions = total_of(of_resolutions)
    return Metrics(
        window=shown(window),
        attempts=AttemptFigures(
            by_status=attempt_counts_of(attempts),
            total=all_of(attempts),
            **rated(attempts, "attempt"),
            durations=durations_of(attempts),
            in_progress=in_progress,
        ),
        by_action_type=_by_action_type(grouped(by_type)),
        resolutions=ResolutionFigures(
            by_outcome=ResolutionCounts(**{name: resolutions.get(name, 0) for name in RESOLUTION_COUNTS}),
            total=all_of(resolutions),
            **rated(resolutions, "resolution"),
            durations=durations_of(resolutions),
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
        by_day = counted(
            "attempt", [span_of(day.start, day.end) for day in days], by=["action_type"], told=dimensions.told()
        )
        exact = is_exact(window)
    attempts = total_of(by_day)
    return ActionStatistics(
        days_back=days_back,
        timezone=zone.key,
        window=shown(window),
        total_attempts=all_of(attempts),
        successful=attempts.get("success", 0),
        failed=attempts.get("failed", 0),
        by_status=attempt_counts_of(attempts),
        **rated(attempts, "attempt"),
        durations=durations_of(attempts),
        by_action_type=_by_action_type(grouped(by_day)),
        by_day=[_day(day, total_of([found])) for day, found in zip(days, by_day, strict=True)],
        exact=exact,
    )


def in_progress_now(dimensions: Dimensions = EVERYTHING) -> int:
    """How many attempts run at this moment, whenever they started; those that lost contact are not among them."""
    running = Q(status__isnull=True) | Q(status="in_progress")  # implies the condition of action_attempts_open
    return ActionAttempt.objects.filter(running, abandoned_at__isnull=True, **dimensions.told()).count()


def is_exact(window: Window) -> bool:
    """Whether no bucket of the window waits to be recounted."""
    return not MetricRecount.objects.filter(bucket_start__gte=window.start, bucket_start__lt=window.end).exists()


def _by_action_type(by_type: Mapping[Group, Counts]) -> list[ActionTypeFigures]:
    """The most frequent action type first."""
    figures = [
        ActionTypeFigures(
            action_type=action_type,
            by_status=attempt_counts_of(counts),
            total=total,
            **rated(counts, "attempt"),
            durations=durations_of(counts),
        )
        for (action_type,), counts in by_type.items()
        if (total := all_of(counts))
    ]
    return sorted(figures, key=lambda of_type: (-of_type.total, of_type.action_type))


def _day(day: LocalDay, counts: Counts) -> DayFigures:
    return DayFigures(
        date=day.date,
        start=day.start,
        end=day.end,
        by_status=attempt_counts_of(counts),
        total=all_of(counts),
        **rated(counts, "attempt"),
    )
