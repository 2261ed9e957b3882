"""Planted thrash, and what only looks like it."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analytics.thrash import Thrash, ThrashAttempt, thrash_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=12)
_numbers = itertools.count(1)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def attempt(start: float, end: float | None, status: str = "failed", **facts: Any) -> ThrashAttempt:
    """An attempt that ran from one minute after noon to another."""
    known = {
        "action_type": "restart_pool",
        "target": "db-1",
        "parameters": "{}",
        "environment": "production",
        "engine": "healer",
        "resolution_id": None,
    }
    return ThrashAttempt(
        attempt_id=UUID(int=next(_numbers)),
        started_at=at(start),
        ended_at=None if end is None else at(end),
        status=status,  # type: ignore[arg-type]
        **(known | facts),
    )


def failures(*ends: float, **facts: Any) -> list[ThrashAttempt]:
    return [attempt(end - 1, end, **facts) for end in ends]


def kinds(attempts: list[ThrashAttempt], **known: Any) -> list[str]:
    return [finding.kind for finding in thrash_in(attempts, now=NIGHT, **known)]


def test_three_failures_in_exactly_thirty_minutes_are_thrash() -> None:
    planted = failures(0, 11, 30)
    assert thrash_in(reversed(planted), now=NIGHT) == [
        Thrash(
            kind="repeated_failure",
            target="db-1",
            environment="production",
            action_type="restart_pool",
            engines=["healer"],
            attempt_ids=[one.attempt_id for one in planted],
            start=at(0),
            end=at(30),
            sentence="restart_pool on db-1 failed 3 times with the same parameters "
            "from 2026-03-01 12:00:00 to 12:30:00 UTC, and never succeeded between.",
        )
    ]


def test_thirty_one_minutes_are_too_long() -> None:
    assert kinds(failures(0, 11, 31)) == []


def test_two_failures_are_too_few() -> None:
    assert kinds(failures(0, 1)) == []


def test_a_success_between_ends_the_row() -> None:
    assert kinds([*failures(0, 5, 10), attempt(6, 7, "success")]) == []
    assert kinds([*failures(0, 5, 10), attempt(11, 12, "success")]) == ["repeated_failure"]


def test_a_success_of_other_work_ends_nothing() -> None:
    others: list[dict[str, Any]] = [{"parameters": '{"force":true}'}, {"target": "db-2"}, {"action_type": "drain"}]
    for other in others:
        assert kinds([*failures(0, 5, 10), attempt(6, 7, "success", **other)]) == ["repeated_failure"]


def test_failures_of_other_work_do_not_add_up() -> None:
    others: list[dict[str, Any]] = [
        {"parameters": '{"force":true}'},
        {"target": "db-2"},
        {"target": None},
        {"action_type": "drain"},
        {"environment": "staging"},
    ]
    for other in others:
        assert kinds([*failures(0, 5), *failures(10, **other)]) == []


def test_who_tells_no_environment_is_in_the_only_one_that_is_told() -> None:
    silent: dict[str, Any] = {"environment": None, "engine": "fixer"}
    met = thrash_in([attempt(8, 15, **silent), attempt(0, 10, "success")], now=NIGHT)
    assert [(finding.kind, finding.environment) for finding in met] == [("overlapping_engines", "production")]
    repeated = [*failures(0, 5), *failures(10, environment=None)]
    assert kinds(repeated) == ["repeated_failure"]
    assert kinds([*repeated, attempt(20, 21, "success", environment="staging")]) == []


def test_no_target_is_a_target_of_its_own_for_failures() -> None:
    found = thrash_in(failures(0, 5, 10, target=None), now=NIGHT)
    assert [finding.sentence.partition(" with")[0] for finding in found] == ["restart_pool failed 3 times"]


def test_only_failures_count() -> None:
    others = [attempt(1, 2, status) for status in ("skipped", "cancelled")]
    assert kinds([*failures(0, 5), *others, attempt(6, None, "in_progress"), attempt(3, None, "pending")]) == []


def test_failures_that_go_on_are_one_finding_and_a_pause_makes_two() -> None:
    planted = failures(0, 14, 28, 42, 56, 70, 200, 210, 220, 300)
    found = thrash_in(planted, now=NIGHT)
    assert [finding.attempt_ids for finding in found] == [
        [one.attempt_id for one in planted[:6]],
        [one.attempt_id for one in planted[6:9]],
    ]


def test_two_engines_at_once_on_one_target() -> None:
    planted = [attempt(0, 10, engine="healer"), attempt(8, 15, "success", engine="fixer", action_type="drain")]
    assert thrash_in(planted, now=NIGHT) == [
        Thrash(
            kind="overlapping_engines",
            target="db-1",
            environment="production",
            action_type=None,
            engines=["fixer", "healer"],
            attempt_ids=[one.attempt_id for one in planted],
            start=at(8),
            end=at(10),
            sentence="fixer and healer worked on db-1 at the same time (2 attempts) "
            "from 2026-03-01 12:08:00 to 12:10:00 UTC.",
        )
    ]


def test_touching_is_no_overlap() -> None:
    assert kinds([attempt(0, 10), attempt(10, 20, engine="fixer")]) == []


def test_what_takes_no_time_overlaps_what_runs_around_it() -> None:
    assert kinds([attempt(0, 10), attempt(5, 5, engine="fixer")]) == ["overlapping_engines"]
    assert kinds([attempt(0, 10), attempt(0, 0, engine="fixer")]) == []
    assert kinds([attempt(0, 10), attempt(10, 10, engine="fixer")]) == []


def test_other_places_do_not_overlap() -> None:
    others: list[dict[str, Any]] = [{"target": "db-2"}, {"environment": "staging"}, {"target": None}]
    for other in others:
        assert kinds([attempt(0, 10), attempt(5, 15, engine="fixer", **other)]) == []
    assert kinds([attempt(0, 10, target=None), attempt(5, 15, engine="fixer", target=None)]) == []


def test_one_engine_may_do_several_things_at_once() -> None:
    assert kinds([attempt(0, 10), attempt(5, 15)]) == []


def test_the_engine_of_the_resolution_stands_for_one_not_told() -> None:
    one, other = UUID(int=1 << 100), UUID(int=2 << 100)
    planted = [attempt(0, 10, engine=None, resolution_id=one), attempt(5, 15, engine=None, resolution_id=other)]
    assert kinds(planted, engine_of={one: "healer", other: "fixer"}) == ["overlapping_engines"]
    assert kinds(planted, engine_of={one: "healer", other: "healer"}) == []
    assert kinds(planted, engine_of={one: "healer"}) == []
    assert kinds(planted) == []


def test_what_runs_overlaps_until_now() -> None:
    planted = [
        attempt(0, None, "in_progress"),
        attempt(60, 61, engine="fixer"),
        attempt(90, None, "in_progress", engine="fixer"),
    ]
    found = thrash_in(planted, now=at(100))
    assert [(finding.start, finding.end, len(finding.attempt_ids)) for finding in found] == [(at(60), at(100), 3)]


def test_lost_contact_lasts_until_it_was_last_heard_of() -> None:
    def lost(heard: float | None) -> list[ThrashAttempt]:
        return [attempt(0, heard, "in_progress", abandoned=True), attempt(60, 61, engine="fixer")]

    assert kinds(lost(61)) == ["overlapping_engines"]
    assert kinds(lost(60)) == []
    assert kinds(lost(None)) == []


def test_what_never_ran_is_in_nobodys_way() -> None:
    for status in ("pending", "skipped"):
        assert kinds([attempt(0, 10), attempt(5, None, status, engine="fixer")]) == []
    assert kinds([attempt(0, 10), attempt(5, 7, "cancelled", engine="fixer")]) == ["overlapping_engines"]


def test_an_end_that_nobody_told_is_not_now() -> None:
    assert kinds([attempt(0, None, "success"), attempt(5, 7, engine="fixer")]) == []


def test_overlaps_that_share_an_attempt_are_one_finding() -> None:
    planted = [
        attempt(0, 20, "success"),
        attempt(2, 4, "success", engine="fixer"),
        attempt(6, 8, "success", engine="fixer"),
        attempt(10, 30, "success"),
        attempt(25, 28, "success", engine="fixer"),
        attempt(40, 50, "success"),
        attempt(45, 60, "success", engine="fixer"),
    ]
    found = thrash_in(planted, now=NIGHT)
    # The fourth runs beside the first, of the same engine; the fifth meets only the fourth.
    assert [(finding.start, finding.end, len(finding.attempt_ids)) for finding in found] == [
        (at(2), at(8), 3),
        (at(25), at(28), 2),
        (at(45), at(50), 2),
    ]


spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from(["healer", "fixer", "other"])), max_size=12
)


@given(spans)
def test_the_attempts_of_overlaps_are_those_that_meet_another_engine(drawn: list[tuple[int, int, str]]) -> None:
    planted = [attempt(start, start + length, "cancelled", engine=engine) for start, length, engine in drawn]

    def meet(one: ThrashAttempt, other: ThrashAttempt) -> bool:
        assert one.ended_at is not None
        assert other.ended_at is not None
        return one.engine != other.engine and one.started_at < other.ended_at and other.started_at < one.ended_at

    found = thrash_in(planted, now=NIGHT)
    named = sorted(attempt_id for finding in found for attempt_id in finding.attempt_ids)
    assert named == [one.attempt_id for one in planted if any(meet(one, other) for other in planted)]
    for finding in found:
        assert len(finding.engines) > 1
        members = [one for one in planted if one.attempt_id in finding.attempt_ids]
        meetings = [
            (max(one.started_at, other.started_at), min(one.ended_at or NIGHT, other.ended_at or NIGHT))
            for one, other in itertools.combinations(members, 2)
            if meet(one, other)
        ]
        assert finding.start == min(start for start, _ in meetings)
        assert finding.end == max(end for _, end in meetings)


def test_ten_thousand_attempts_take_bounded_work() -> None:
    chance = random.Random(1)
    planted = [
        attempt(chance.uniform(0, 600), None, "in_progress", engine=chance.choice(("healer", "fixer")))
        for _ in range(10_000)
    ]
    found = thrash_in(planted, now=NIGHT)
    assert [len(finding.attempt_ids) for finding in found] == [10_000]
