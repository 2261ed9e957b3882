"""Statistics of a window by group and by bucket of time, of attempts and of closed incidents. Writes nothing."""

from collections.abc import Sequence
from typing import Any, Final

from analytics.counting import Groups, counted, grouped, span_of, total_of
from analytics.figures import (
    BucketFigures,
    Figures,
    GroupFigures,
    GroupsLeftOut,
    IncidentBucketFigures,
    IncidentFigures,
    IncidentGroupFigures,
    IncidentStatistics,
    Statistics,
    rate_of,
    shown,
)
from analytics.queries import EVERYTHING, Dimensions, is_exact
from analytics.rollups import ATTEMPT_COUNTS, RESOLUTION_COUNTS, Counts
from analytics.snapshot import one_snapshot
from analytics.sums import all_of, durations_of, rates_of
from analytics.windows import Series

# The dimensions of each grouping. Resolution attempts have no action type, nor have incidents.
GROUP_BY: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "action_type": ("action_type",),
    "incident_type": ("incident_type",),
    "engine": ("engine",),
    "engine_version": ("engine", "engine_version"),
    "environment": ("environment",),
    "action_and_incident_type": ("action_type", "incident_type"),
}
INCIDENT_GROUP_BY: Final = ("none", "incident_type", "environment", "engine", "engine_version")
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000

_STATUSES: Final = {"attempt": ATTEMPT_COUNTS, "resolution": RESOLUTION_COUNTS}


def statistics(
    series: Series,
    *,
    subject: str = "attempt",
    group_by: str = "none",
    dimensions: Dimensions = EVERYTHING,
    limit: int = DEFAULT_LIMIT,
) -> Statistics:
    """The figures of the attempts or resolution attempts that started in a window. At most four queries."""
    names = GROUP_BY[group_by]
    parts, exact = _counted(series, subject, names, dimensions)

    def figures(counts: Counts) -> dict[str, Any]:
        return {
            "by_status": {name: counts.get(name, 0) for name in _STATUSES[subject]},
            "total": all_of(counts),
            **rates_of(counts, subject),
            "durations": durations_of(counts),
        }

    groups, left_out = _most_frequent(parts, names, limit)
    return Statistics(
        subject=subject,
        group_by=group_by,
        window=shown(series.window),
        bucket=series.length,
        timezone=series.zone.key,
        total=Figures(**figures(total_of(parts))),
        groups=[GroupFigures(group=group, **figures(counts)) for group, counts in groups],
        groups_left_out=left_out,
        buckets=[BucketFigures(**at, **figures(counts)) for at, counts in _by_bucket(series, parts)],
        exact=exact,
    )


def incident_statistics(
    series: Series, *, group_by: str = "none", dimensions: Dimensions = EVERYTHING, limit: int = DEFAULT_LIMIT
) -> IncidentStatistics:
    """The figures of the incidents that closed in a window. At most four queries."""
    names = GROUP_BY[group_by]
    parts, exact = _counted(series, "incident", names, dimensions)
    groups, left_out = _most_frequent(parts, names, limit)
    return IncidentStatistics(
        group_by=group_by,
        window=shown(series.window),
        bucket=series.length,
        timezone=series.zone.key,
        total=IncidentFigures(**_of_incidents(total_of(parts))),
        groups=[IncidentGroupFigures(group=group, **_of_incidents(counts)) for group, counts in groups],
        groups_left_out=left_out,
        buckets=[
            IncidentBucketFigures(**times, **_of_incidents(counts)) for times, counts in _by_bucket(series, parts)
        ],
        exact=exact,
    )


def _of_incidents(counts: Counts) -> dict[str, Any]:
    closed = all_of(counts)
    automated = counts.get("resolved", 0)
    return {
        "closed": closed,
        "automated": automated,
        "escalated": counts.get("escalated", 0),
        "failed": counts.get("failed", 0),
        "automation_rate": rate_of(automated, closed),
        "time_to_resolution": durations_of(counts),
    }


def _counted(series: Series, subject: str, names: Sequence[str], dimensions: Dimensions) -> tuple[list[Groups], bool]:
    """The counts of each bucket by group, and whether they are exact."""
    told = dimensions.told() if subject == "attempt" else dimensions._replace(action_type=None).told()
    spans = [span_of(bucket.start, bucket.end) for bucket in series.buckets]
    with one_snapshot():
        return counted(subject, spans, by=names, told=told), is_exact(series.window)


def _most_frequent(
    parts: list[Groups], names: Sequence[str], limit: int
) -> tuple[list[tuple[dict[str, str], Counts]], GroupsLeftOut]:
    """The groups that count most, most frequent first, and what the others are together."""
    if not names:
        return [], GroupsLeftOut(groups=0, total=0)
    totals = [(all_of(counts), group, counts) for group, counts in grouped(parts).items()]
    ordered = sorted((each for each in totals if each[0]), key=lambda each: (-each[0], each[1]))
    return (
        [(dict(zip(names, group, strict=True)), counts) for _, group, counts in ordered[:limit]],
        GroupsLeftOut(groups=len(ordered[limit:]), total=sum(total for total, _, _ in ordered[limit:])),
    )


def _by_bucket(series: Series, parts: list[Groups]) -> list[tuple[dict[str, Any], Counts]]:
    """For each bucket when it is, and what it counts."""
    return [
        (
            {"start": bucket.start, "end": bucket.end, "local_start": bucket.start.astimezone(series.zone)},
            total_of([part]),
        )
        for bucket, part in zip(series.buckets, parts, strict=True)
    ]
