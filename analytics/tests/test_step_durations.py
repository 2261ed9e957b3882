"""How long steps last, by hand, and what is unknown."""

import statistics
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.step_durations import MOST_STEPS, StepEntry, StepSpan, spans_of, step_durations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def entry(name: str | None, seconds: float | None, status: str | None = "completed") -> StepEntry:
    return StepEntry(name, status, None if seconds is None else at(seconds))


def test_a_step_lasts_until_the_next_and_the_last_until_the_end() -> None:
    assert spans_of([entry("check", 0), entry("drain", 2), entry("restart", 7, "failed")], at(17)) == [
        StepSpan("check", "completed", 2),
        StepSpan("drain", "completed", 5),
        StepSpan("restart", "failed", 10),
    ]


def test_beginning_and_end_of_a_step_are_one() -> None:
    entries = [
        entry("check", 0, "in_progress"),
        entry("check", 2),
        entry("restart", 3, "started"),
        entry("wait", 4),
        entry("restart", 9, "failed"),
    ]
    # Nobody worked from 2 to 3 and from 9 on; the waiting was inside the restart.
    assert spans_of(entries, at(20)) == [
        StepSpan("check", "completed", 2),
        StepSpan("restart", "failed", 6),
        StepSpan("wait", "completed", 5),
    ]


def test_a_step_that_begins_again_is_two() -> None:
    entries = [entry("try", 0, "running"), entry("try", 3, "running"), entry("try", 4), entry("try", 6)]
    assert spans_of(entries, at(9)) == [
        StepSpan("try", "running", 3),
        StepSpan("try", "completed", 1),
        StepSpan("try", "completed", 3),
    ]


def test_a_step_that_begins_and_never_ends_lasts_until_the_next() -> None:
    assert spans_of([entry("a", 0, "in_progress"), entry("b", 4)], None) == [
        StepSpan("a", "in_progress", 4),
        StepSpan("b", "completed", None),
    ]


def test_unknown_and_contradicting_times_are_unknown_durations() -> None:
    entries = [entry("a", 0), entry("b", None), entry("c", 5), entry("d", 4), entry(None, 9, None)]
    assert [span.seconds for span in spans_of(entries, at(10))] == [None, None, None, 5, 1]
    assert spans_of([], at(1)) == []


def test_steps_without_a_name_do_not_end_each_other() -> None:
    assert [span.seconds for span in spans_of([entry(None, 0, "started"), entry(None, 2)], at(3))] == [2, 1]


def test_golden_breakdown() -> None:
    found = step_durations(
        [
            ([entry("check", 0), entry("restart", 1)], at(11)),  # 1, 10
            ([entry("check", 0), entry("restart", 2)], at(22)),  # 2, 20
            ([entry("check", 0), entry("restart", 3)], None),  # 3, unknown
        ]
    )
    restart, check = found.steps
    assert (found.attempts, found.bottleneck, found.names_left_out) == (3, "restart", 0)
    assert (restart.name, restart.n, restart.unknown, restart.total_seconds) == ("restart", 2, 1, 30)
    assert (restart.p50, restart.p95) == pytest.approx((15, 19.5))
    assert restart.share == pytest.approx(30 / 36)
    assert (check.n, check.unknown) == (3, 0)
    assert (check.p50, check.p95) == pytest.approx((2, 2.9))


def test_without_times_there_is_no_bottleneck() -> None:
    found = step_durations([([entry("a", None)], None), ([entry("b", 0)], at(0))])
    assert found.bottleneck is None
    assert [(step.name, step.n, step.unknown, step.share) for step in found.steps] == [
        ("a", 0, 1, None),
        ("b", 1, 0, None),
    ]
    assert step_durations([]).steps == []


def test_very_many_names_are_only_counted() -> None:
    found = step_durations([([entry(f"pod {number}", 0)], at(number)) for number in range(MOST_STEPS + 7)])
    assert (len(found.steps), found.names_left_out) == (MOST_STEPS, 7)
    assert found.bottleneck == found.steps[0].name == f"pod {MOST_STEPS + 6}"


entries_of_attempts = st.lists(
    st.builds(
        entry,
        st.sampled_from(["a", "b", None]),
        st.none() | st.integers(0, 50),
        st.sampled_from(["in_progress", "completed", "failed", None]),
    ),
    max_size=12,
)


@given(entries_of_attempts, st.none() | st.integers(0, 50).map(at))
def test_every_step_is_counted_once(entries: list[StepEntry], ended_at: datetime | None) -> None:
    spans = spans_of(entries, ended_at)
    assert len(entries) / 2 <= len(spans) <= len(entries)
    assert {span.name for span in spans} == {one.name for one in entries}
    found = step_durations([(entries, ended_at)])
    assert sum(step.n + step.unknown for step in found.steps) == len(spans)
    known = [span.seconds for span in spans if span.seconds is not None]
    assert sum(step.total_seconds for step in found.steps) == pytest.approx(sum(known))
    for step in found.steps:
        durations = [span.seconds for span in spans if span.name == step.name and span.seconds is not None]
        assert step.p50 == (statistics.median(durations) if durations else None)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=12))
def test_the_steps_of_a_plain_log_fill_the_time_from_its_first_to_its_end(times: list[int]) -> None:
    times.sort()
    spans = spans_of([entry("step", seconds) for seconds in times], at(100))
    assert sum(span.seconds or 0 for span in spans) == 100 - times[0]
