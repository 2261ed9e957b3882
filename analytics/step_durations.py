"""How long the steps of attempts last, and which of them is the bottleneck.

Steps tell when they happened, not how long they took: that is worked out here, for one attempt (spans_of) and for many
(step_durations). Pure; percentiles are exact, of the durations themselves.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec import Struct

MOST_STEPS: Final = 100
# A step whose entry says this has begun, and may be ended by another entry of the same name.
BEGUN: Final = frozenset({"begun", "in_progress", "running", "started"})


class StepEntry(NamedTuple):
    """One entry of an attempt's log, as told: all may be unknown."""

    name: str | None
    status: str | None
    timestamp: datetime | None


class StepSpan(NamedTuple):
    """One step of one attempt: the last status it told, and how long it lasted, in seconds; None is unknown."""

    name: str | None
    status: str | None
    seconds: float | None


class StepFigures(Struct, kw_only=True, frozen=True):
    """The steps of one name. n is how many durations are known; percentiles, mean and total_seconds are of these.

    share is that of the time of all steps; null without any time. Steps inside other steps count in both.
    """

    name: str | None
    n: int
    unknown: int
    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None
    total_seconds: float
    share: float | None


class StepBreakdown(Struct, kw_only=True, frozen=True):
    """The steps of many attempts, those first that take the most time together; beyond MOST_STEPS names they are only
    counted, in names_left_out. bottleneck is the name of the first, null without any time."""

    attempts: int
    steps: list[StepFigures]
    bottleneck: str | None
    names_left_out: int


def spans_of(entries: Sequence[StepEntry], ended_at: datetime | None) -> list[StepSpan]:
    """The steps of one attempt, in order of its log, which is that of the entries.

    A step lasts until the time of the next entry, the last one until the attempt ended. An entry that has BEGUN a step
    and the next one of the same name, if that ends it, are one step, which lasts from the one to the other, whatever is
    between. A duration is unknown where one of its two times is, or where they contradict each other.
    """
    ended_by: dict[int, int] = {}
    open_at: dict[str, int] = {}
    for position, entry in enumerate(entries):
        if entry.name is None:
            continue
        if (entry.status or "").lower() in BEGUN:
            open_at[entry.name] = position
        elif entry.name in open_at:
            ended_by[open_at.pop(entry.name)] = position
    endings = set(ended_by.values())
    nexts = [*(following.timestamp for _, following in pairwise(entries)), ended_at]
    spans = []
    for position, entry in enumerate(entries):
        if position in ended_by:
            ending = entries[ended_by[position]]
            spans.append(StepSpan(entry.name, ending.status, _seconds(entry.timestamp, ending.timestamp)))
        elif position not in endings:
            spans.append(StepSpan(entry.name, entry.status, _seconds(entry.timestamp, nexts[position])))
    return spans


def step_durations(attempts: Iterable[tuple[Sequence[StepEntry], datetime | None]]) -> StepBreakdown:
    """The figures by name of step of the (entries, end of the attempt) of many attempts."""
    known: dict[str | None, list[float]] = defaultdict(list)
    unknown: dict[str | None, int] = defaultdict(int)
    counted = 0
    for entries, ended_at in attempts:
        counted += 1
        for name, _, seconds in spans_of(entries, ended_at):
            if seconds is None:
                unknown[name] += 1
            else:
                known[name].append(seconds)
    totals = {name: math.fsum(known.get(name, ())) for name in known.keys() | unknown.keys()}
    everything = math.fsum(totals.values())
    ordered = sorted(totals, key=lambda name: (-totals[name], name is None, name or ""))
    steps = []
    for name in ordered[:MOST_STEPS]:
        durations = sorted(known.get(name, ()))
        steps.append(
            StepFigures(
                name=name,
                n=len(durations),
                unknown=unknown.get(name, 0),
                p50=_percentile(durations, 0.5),
                p95=_percentile(durations, 0.95),
                p99=_percentile(durations, 0.99),
                mean=totals[name] / len(durations) if durations else None,
                total_seconds=totals[name],
                share=totals[name] / everything if everything else None,
            )
        )
    return StepBreakdown(
        attempts=counted,
        steps=steps,
        bottleneck=ordered[0] if everything else None,
        names_left_out=max(0, len(ordered) - MOST_STEPS),
    )


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def _percentile(ordered: list[float], fraction: float) -> float | None:
    """Interpolated linearly between neighbours, as PostgreSQL's percentile_cont does."""
    if not ordered:
        return None
    rank = fraction * (len(ordered) - 1)
    below = math.floor(rank)
    low, high = ordered[below], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - below)
