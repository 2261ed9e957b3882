"""Counts of spans of time, read from summaries where there are any and from the rollups for the rest. Writes nothing.

All figures that rollups answer are read here. What they are made into is figures.py.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from analytics.buckets import bucket_of, bucket_start, ceil_to_bucket
from analytics.rollups import COUNTS, MICROSECONDS, Counts
from analytics.summaries.content import Group, decoded, positions_of
from analytics.summaries.periods import DAY, GRAINS, HOUR, buckets_in, grouping_with, period_of
from analytics.tally import Tally

# Up to so many stretches of time are looked up one by one; beyond, all from the first to the last is gone through.
STRETCHES_LOOKED_UP: Final = 200


Groups = dict[Group, Tally]


class Span(NamedTuple):
    """Whole buckets by their numbers: start <= bucket < end."""

    start: int
    end: int


def span_of(start: datetime, end: datetime) -> Span:
    """The buckets that begin at start or later and before end."""
    return Span(bucket_of(ceil_to_bucket(start)), bucket_of(ceil_to_bucket(end)))


def counted(
    subject: str, spans: Sequence[Span], *, by: Sequence[str] = (), told: Mapping[str, str] | None = None
) -> list[Groups]:
    """For each span, {values of the dimensions in `by`: tally}; only what has `told` as its dimensions.

    Spans are in order and do not overlap. What counts nothing may be missing or zero. At most three queries.
    """
    reading = _Reading(subject, spans, tuple(by), dict(told or {}))
    days, hours = _cover(spans)
    reading.add_summaries({DAY: days, HOUR: hours})
    # The hours of a day without a summary of its own may have theirs.
    reading.add_summaries({HOUR: {hour: days[day] for day in reading.missing(DAY, days) for hour in _hours_of(day)}})
    reading.add_rollups()
    return reading.found


def total_of(parts: Iterable[Groups]) -> Counts:
    """All counts of these, whatever their group."""
    total = Tally()
    for part in parts:
        for tally in part.values():
            total.add(tally)
    return total.merged()


def grouped(parts: Iterable[Groups]) -> dict[Group, Counts]:
    """The counts of each group over all of these."""
    found: dict[Group, Tally] = {}
    for part in parts:
        for group, tally in part.items():
            if group not in found:
                found[group] = Tally()
            found[group].add(tally)
    return {group: tally.merged() for group, tally in found.items()}


Periods = dict[int, int]  # {number of a period: position of the span that it lies in}


def _cover(spans: Sequence[Span]) -> tuple[Periods, Periods]:
    """The whole days that lie in each span, and the whole hours beside them."""
    days: Periods = {}
    hours: Periods = {}
    for position, span in enumerate(spans):
        first_day, last_day = _whole(DAY, span.start, span.end)
        days.update(dict.fromkeys(range(first_day, last_day), position))
        edges = [(span.start, span.end)]
        if first_day < last_day:
            edges = [(span.start, first_day * GRAINS[DAY]), (last_day * GRAINS[DAY], span.end)]
        for start, end in edges:
            hours.update(dict.fromkeys(range(*_whole(HOUR, start, end)), position))
    return days, hours


def _whole(grain: str, start: int, end: int) -> tuple[int, int]:
    """The first period that lies whole within these buckets, and the first after them that does not."""
    size = GRAINS[grain]
    return -(-start // size), end // size


def _hours_of(day: int) -> range:
    start, end = buckets_in(DAY, day)
    return range(start // GRAINS[HOUR], end // GRAINS[HOUR])


def stretches(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same parts of a line, none empty, in order and those that touch made one. They do not overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        elif start < end:
            joined.append((start, end))
    return joined


def without(whole: Iterable[tuple[int, int]], parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What remains of some stretches without parts of them. Both are in order and joined."""
    left = []
    removed = iter([*parts, (sys.maxsize, sys.maxsize)])
    next_start, next_end = next(removed)
    for start, end in whole:
        while next_start < end:
            left.append((start, next_start))
            start = next_end
            next_start, next_end = next(removed)
        left.append((start, end))
    return stretches(left)


class _Reading:
    """The counts found so far of some spans."""

    def __init__(self, subject: str, spans: Sequence[Span], by: tuple[str, ...], told: Mapping[str, str]) -> None:
        self.subject = subject
        self.spans = spans
        self.by = by
        self.told = told
        self.grouping = grouping_with({*by, *told})
        self.found: list[Groups] = [{} for _ in spans]
        self._summed_up: dict[str, set[int]] = {HOUR: set(), DAY: set()}

    def missing(self, grain: str, periods: Iterable[int]) -> list[int]:
        """Which of these have no summary."""
        return [period for period in periods if period not in self._summed_up[grain]]

    def add_summaries(self, wanted: Mapping[str, Periods]) -> None:
        """Add what is summed up of these periods, {grain: periods}. One query, none for no periods."""
        if not any(wanted.values()):
            return
        values = positions_of(self.by, self.grouping)
        conditions = list(zip(positions_of(self.told, self.grouping), self.told.values(), strict=True))
        for grain, start, content in self._contents(wanted):
            period = period_of(grain, start)
            position = wanted[grain].get(period)
            if position is None:
                continue
            self._summed_up[grain].add(period)
            for entry in decoded(content):
                if all(entry.values[place] == value for place, value in conditions):
                    tally = self._tally(position, tuple([entry.values[place] for place in values]))
                    tally.add_counts(entry.counts)
                    tally.add_bins(entry.first_bin, entry.bins)

    def _tally(self, position: int, group: Group) -> Tally:
        groups = self.found[position]
        tally = groups.get(group)
        if tally is None:
            tally = groups[group] = Tally()
        return tally

    def _contents(self, wanted: Mapping[str, Periods]) -> list[Any]:
        either = []
        parameters: list[Any] = [self.subject, self.grouping]
        for grain, periods in wanted.items():
            if periods:
                condition, bounds = _within(
                    "period_start",
                    stretches(buckets_in(grain, period) for period in periods),
                )
                either.append(f"grain = %s AND {condition}")
                parameters += [grain, *bounds]
        return _rows(
            "SELECT grain, period_start, content FROM metric_summaries"  # noqa: S608
            f" WHERE subject = %s AND grouping = %s AND ({' OR '.join(either)})",
            parameters,
        )

    def add_rollups(self) -> None:
        """Add the rollup rows that no summary told. One query, none when all was summed up."""
        summed_up = (buckets_in(grain, period) for grain, periods in self._summed_up.items() for period in periods)
        left = without(stretches(self.spans), stretches(summed_up))
        if not left:
            return
        where, bounds = _within("bucket_start", left)
        conditions = ["subject = %s", *(f"{name} = %s" for name in self.told), where]
        names = "".join(f", {name}" for name in self.by)
        # What a group counts is in one row, and each bin of its histogram in another.
        statement = f"""
            WITH selected AS MATERIALIZED (
                SELECT width_bucket(bucket_start, %s::timestamptz[]) - 1 AS position {names},
                       {", ".join(COUNTS)}, durations
                FROM resolution_metrics WHERE {" AND ".join(conditions)}
            )
            SELECT position, NULL AS bin {names}, {", ".join(map(_summed, COUNTS))}
            FROM selected GROUP BY position {names}
            UNION ALL
            SELECT position, bin {names}, sum(count)::bigint {", NULL" * (len(COUNTS) - 1)}
            FROM (
                SELECT position {names}, generate_subscripts(durations, 1) AS bin, unnest(durations) AS count
                FROM selected
            ) AS histogram WHERE count > 0 GROUP BY position, bin {names}
        """  # noqa: S608  # names of our own columns
        starts = [bucket_start(span.start) for span in self.spans]
        end = 2 + len(self.by)
        for row in _rows(statement, [starts, self.subject, *self.told.values(), *bounds]):
            position, duration_bin = row[:2]
            tally = self._tally(position, tuple(row[2:end]))
            if duration_bin is None:
                tally.add_counts({name: int(total) for name, total in zip(COUNTS, row[end:], strict=True) if total})
            else:
                tally.add_bin(duration_bin, row[end])


def _summed(count: str) -> str:
    return f"sum({count})" if count == MICROSECONDS else f"sum({count})::bigint"


def _within(column: str, parts: Sequence[tuple[int, int]]) -> tuple[str, list[Any]]:
    """The condition that a time lies in one of these stretches of buckets, with its parameters."""
    if len(parts) <= STRETCHES_LOOKED_UP:
        either = " OR ".join([f"{column} >= %s AND {column} < %s"] * len(parts))
        return f"({either})", [bucket_start(edge) for part in parts for edge in part]
    edges = [bucket_start(edge) for part in parts for edge in part]
    # After an odd number of edges lies what is wanted.
    return (
        f"({column} >= %s AND {column} < %s AND width_bucket({column}, %s::timestamptz[]) %% 2 = 1)",
        [edges[0], edges[-1], edges],
    )


def _rows(statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[Any] = cursor.fetchall()
    return found
