"""Summaries: an answer is the same with all of them, with some, and with none."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from analytics.buckets import bucket_of, bucket_start
from analytics.counting import Span, counted, span_of, stretches, total_of, without
from analytics.histogram import bin_of
from analytics.models import MetricSummary
from analytics.rollups import Counts, Key, add_to_stored
from analytics.summaries.periods import DIMENSIONS, GROUPINGS, SUBJECTS, grouping_with
from analytics.summaries.sealing import SETTLED_AFTER, seal
from analytics.tests.recording import attempt, record_rows, told_more

pytestmark = pytest.mark.django_db

FIRST = datetime(2025, 3, 27, 22, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
VALUES = {
    "action_type": ["restart", "rollback", "scale", ""],
    "incident_type": ["latency", "disk ü", ""],
    "engine": ["a", "b"],
    "engine_version": ["1", "2", ""],
    "environment": ["prod", "test", ""],
}


def rollups(chance: random.Random, count: int, *, days: float) -> dict[Key, Counts]:
    """Rollup rows spread over some days."""
    made: dict[Key, Counts] = {}
    for _ in range(count):
        bucket = span_of(FIRST, FIRST + timedelta(days=days))
        key = Key(
            chance.randrange(*bucket),
            chance.choice(SUBJECTS),
            *(chance.choice(VALUES[name]) for name in DIMENSIONS),
        )
        made[key] = {
            **{name: chance.randrange(1, 9) for name in chance.sample(["success", "failed", "worked", "resolved"], 2)},
            **{bin_: chance.randrange(1, 5) for bin_ in chance.sample(range(150, 260), 3)},
            "duration_microseconds": chance.randrange(1, 10 ** chance.choice([6, 9, 22])),
        }
    return made


def expected(
    stored: dict[Key, Counts], subject: str, spans: list[Span], by: tuple[str, ...], told: dict[str, str]
) -> list[dict[tuple[str, ...], Counts]]:
    """The same by the plainest of ways."""
    found: list[dict[tuple[str, ...], Counts]] = [{} for _ in spans]
    for key, counts in stored.items():
        for position, span in enumerate(spans):
            if (
                span.start <= key.bucket < span.end
                and key.subject == subject
                and all(getattr(key, name) == value for name, value in told.items())
            ):
                group = found[position].setdefault(tuple(getattr(key, name) for name in by), {})
                for slot, count in counts.items():
                    group[slot] = group.get(slot, 0) + count
    return found


def questions(chance: random.Random, days: float) -> Iterator[tuple[str, list[Span], tuple[str, ...], dict[str, str]]]:
    """Spans of all kinds, whole window or many buckets of one length, by any dimensions, narrowed by any."""
    whole = span_of(FIRST - HOUR, FIRST + timedelta(days=days) + HOUR)
    for _ in range(25):
        edges = sorted(chance.sample(range(*whole), 2))
        length = chance.choice([edges[1] - edges[0], 1, 4, 7, 96, 96, 672])
        starts = range(edges[0], edges[1], length) if edges[1] - edges[0] < 300 * length else [edges[0]]
        spans = [Span(start, min(start + length, edges[1])) for start in starts]
        by = tuple(chance.sample(DIMENSIONS, chance.choice([0, 0, 1, 1, 2, 5])))
        narrowed = chance.sample(DIMENSIONS, chance.choice([0, 0, 1, 2]))
        yield chance.choice(SUBJECTS), spans, by, {name: chance.choice(VALUES[name]) for name in narrowed}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sealed", ["all", "some", "none"])
def test_counts_are_the_same_however_much_is_sealed(seed: int, sealed: str) -> None:
    chance = random.Random(seed)
    stored = rollups(chance, 200, days=9)
    add_to_stored(stored)
    if sealed != "none":
        seal()
        assert set(MetricSummary.objects.values_list("grain", flat=True)) == {"hour", "day"}
    if sealed == "some":
        ids = list(MetricSummary.objects.order_by("id").values_list("id", flat=True))
        MetricSummary.objects.filter(id__in=chance.sample(ids, len(ids) // 3)).delete()
    for subject, spans, by, told in questions(chance, 9):
        found = [
            {group: tally.merged() for group, tally in part.items()}
            for part in counted(subject, spans, by=by, told=told)
        ]
        assert found == expected(stored, subject, spans, by, told), (subject, spans, by, told)


@pytest.mark.parametrize("seed", range(2))
def test_a_change_to_a_bucket_unseals_its_hour_and_its_day_only(seed: int) -> None:
    chance = random.Random(seed)
    stored = rollups(chance, 60, days=3)
    add_to_stored(stored)
    seal()
    changed = chance.choice(sorted(stored))
    before = set(MetricSummary.objects.values_list("subject", "grain", "period_start", "grouping"))
    changes: list[Counts] = [{"success": 1}, {"success": -1}]
    for growing in changes:
        seal()
        add_to_stored({changed: growing})
        gone = before - set(MetricSummary.objects.values_list("subject", "grain", "period_start", "grouping"))
        start = bucket_start(changed.bucket)
        hour, day = start.replace(minute=0), start.replace(hour=0, minute=0)
        assert gone == {
            (changed.subject, grain, period, grouping)
            for grain, period in (("hour", hour), ("day", day))
            for grouping in GROUPINGS
        }


def test_what_is_recorded_late_is_counted_at_once() -> None:
    row = attempt(started_at=FIRST)
    record_rows([row, attempt(started_at=FIRST + HOUR)])
    assert seal() == 3  # two hours of one day
    spans = [span_of(FIRST.replace(hour=0, minute=0), FIRST.replace(hour=0, minute=0) + timedelta(days=1))]
    record_rows([told_more(row, status="failed", execution_time_seconds=2.0), attempt(started_at=FIRST)], [row, None])
    assert total_of(counted("attempt", spans)) == {
        "in_progress": 2,
        "failed": 1,
        "duration_microseconds": 2000000,
        bin_of(2): 1,
    }
    assert seal() == 2
    assert seal() == 0


def test_periods_are_summed_up_when_they_have_ended_and_settled() -> None:
    now = timezone.now()
    add_to_stored({Key(bucket_of(at), "attempt", "", "", "", "", ""): {"success": 1} for at in (now, now - 2 * HOUR)})
    seal()
    told = MetricSummary.objects.filter(grouping="everything", subject="attempt")
    for grain, start in told.values_list("grain", "period_start"):
        length = HOUR if grain == "hour" else 24 * HOUR
        assert start + length + SETTLED_AFTER <= now
    assert ("hour", (now - 2 * HOUR).replace(minute=0, second=0, microsecond=0)) in told.values_list(
        "grain", "period_start"
    )


def test_sealing_since_a_time_leaves_what_is_older() -> None:
    record_rows([attempt(started_at=FIRST), attempt(started_at=FIRST + 30 * HOUR)])
    assert seal(since=FIRST + 30 * HOUR) == 2
    assert set(MetricSummary.objects.values_list("period_start", flat=True)) == {
        (FIRST + 30 * HOUR).replace(minute=0),
        (FIRST + 30 * HOUR).replace(minute=0, hour=0),
    }
    assert seal() == 2


def test_queries_do_not_grow_with_the_window(
    django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    add_to_stored(rollups(random.Random(9), 200, days=9))
    seal()
    whole_days = span_of(FIRST.replace(hour=0, minute=0), FIRST.replace(hour=0, minute=0) + timedelta(days=11))
    for days in (1, 9):
        with django_assert_max_num_queries(3):
            counted("attempt", [span_of(FIRST, FIRST + timedelta(days=days))], by=["engine"])
    with django_assert_num_queries(1):
        counted("attempt", [Span(whole_days.start + 96, whole_days.start + 192)])


@pytest.mark.parametrize(
    ("dimensions", "grouping"),
    [
        ([], "total"),
        (["environment"], "environment"),
        (["action_type"], "action_type"),
        (["incident_type", "environment"], "environment+incident_type"),
        (["engine"], "engine"),
        (["engine_version", "engine"], "engine"),
        (["engine_version", "environment"], "environment+engine"),
        (["incident_type", "action_type"], "action_type+incident_type"),
        (["incident_type", "action_type", "environment"], "environment+action_type+incident_type"),
        (["engine", "action_type"], "everything"),
        (DIMENSIONS, "everything"),
    ],
)
def test_the_smallest_grouping_that_tells_apart_what_is_asked(dimensions: list[str], grouping: str) -> None:
    assert grouping_with(dimensions) == grouping


def test_stretches_and_what_is_left_of_them() -> None:
    joined = stretches([(5, 7), (0, 2), (2, 3), (9, 9), (7, 8)])
    assert joined == [(0, 3), (5, 8)]
    assert without(joined, [(1, 2), (5, 6)]) == [(0, 1), (2, 3), (6, 8)]
    assert without(joined, []) == joined
    assert without(joined, joined) == []
