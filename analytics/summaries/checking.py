"""Whether the summaries are what the rollups add up to; those that are not are removed, and so made anew.

A day is compared with the sum of its rollups and not of its hours: a wrong hour would hide a wrong day.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Min

from analytics.models import MetricSummary
from analytics.rebuild import stored_rollups
from analytics.snapshot import one_snapshot
from analytics.summaries.content import Group, encoded, in_all_groupings
from analytics.summaries.periods import DAY, DIMENSIONS, GRAINS, HOUR, period_of, period_start
from analytics.tally import Tally

ONE_DAY = timedelta(days=1)


class DayChecked(NamedTuple):
    """What the check of one day found: how many summaries it has, and those that are wrong, by name."""

    start: datetime
    summaries: int
    wrong: list[str]


def check_summaries(
    *, repair: bool, start: datetime | None = None, end: datetime | None = None
) -> Iterator[DayChecked]:
    """Compare all summaries of each day that has any and touches start <= time < end (None: all there are).

    With repair, those that are wrong are removed: what has no summary is read from the rollups.
    """
    reached = period_start(DAY, period_of(DAY, start)) if start else None
    while (day := _next_day(reached)) is not None and (end is None or day < end):
        with one_snapshot():
            checked, ids = _look(day)
        if repair and ids:
            # A summary that was made anew meanwhile has another id.
            MetricSummary.objects.filter(id__in=ids).delete()
        yield checked
        reached = day + ONE_DAY


def _next_day(since: datetime | None) -> datetime | None:
    summaries = MetricSummary.objects.all() if since is None else MetricSummary.objects.filter(period_start__gte=since)
    first = summaries.aggregate(first=Min("period_start"))["first"]
    return None if first is None else period_start(DAY, period_of(DAY, first))


def _look(day: datetime) -> tuple[DayChecked, list[int]]:
    """What is wrong with the summaries of a day, and their ids."""
    expected = _expected(day)
    nothing = _contents({})
    wrong = {}
    rows = MetricSummary.objects.filter(period_start__gte=day, period_start__lt=day + ONE_DAY).order_by("id")
    count = 0
    for row in rows.iterator():
        count += 1
        place = (row.subject, row.grain, period_of(row.grain, row.period_start))
        well_placed = row.period_start == period_start(row.grain, place[2])
        if not well_placed or row.content != expected.get(place, nothing).get(row.grouping):
            wrong[row.id] = str(row)
    return DayChecked(day, count, list(wrong.values())), list(wrong)


def _contents(groups: dict[Group, Tally]) -> dict[str, str]:
    return {grouping: encoded(part) for grouping, part in in_all_groupings(groups).items()}


def _expected(day: datetime) -> dict[tuple[str, str, int], dict[str, str]]:
    """{(subject, grain, period): {grouping: content}} of a day and its hours, from the rollups."""
    found: dict[tuple[str, str, int], dict[Group, Tally]] = {}
    for row in stored_rollups(day, day + ONE_DAY):
        for grain in (HOUR, DAY):
            groups = found.setdefault((row.key.subject, grain, row.key.bucket // GRAINS[grain]), {})
            groups.setdefault(tuple([getattr(row.key, name) for name in DIMENSIONS]), Tally()).add_merged(row.counts)
    return {place: _contents(groups) for place, groups in found.items()}
