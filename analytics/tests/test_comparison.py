"""The nearest success of a failure, and what differs."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from analytics.comparison import (
    LONGEST_VALUE,
    MOST_DIFFERENCES,
    ComparedAttempt,
    Comparison,
    ParameterDifference,
    StepDifference,
    compare,
    nearest,
)
from analytics.step_durations import StepEntry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def attempt(
    parameters: dict[str, Any], start: float = 0, end: float | None = None, *steps: tuple[str, str, float]
) -> ComparedAttempt:
    return ComparedAttempt(
        attempt_id=UUID(int=next(_numbers)),
        parameters=parameters,
        started_at=at(start),
        ended_at=None if end is None else at(end),
        duration_seconds=None if end is None else end - start,
        entries=[StepEntry(name, status, at(seconds)) for name, status, seconds in steps],
    )


def differences(comparison: Comparison) -> dict[str, tuple[str | None, str | None]]:
    return {one.path: (one.failed, one.successful) for one in comparison.parameters}


def changes(comparison: Comparison) -> list[tuple[str | None, str]]:
    return [(step.step, step.change) for step in comparison.steps]


def test_the_fewest_differing_parameters_win() -> None:
    failed = attempt({"mode": "hard", "pool": {"size": 5, "name": "main"}})
    near = attempt({"mode": "hard", "pool": {"size": 9, "name": "main"}}, -5000)
    far = attempt({"mode": "soft", "pool": {"size": 9, "name": "main"}}, -1)
    other = attempt({"mode": "hard"}, -1)
    for candidates in itertools.permutations([far, near, other]):
        assert nearest(failed, candidates) is near


def test_of_equally_different_ones_the_most_recent_wins() -> None:
    failed = attempt({"mode": "hard"})
    for winner, other in [(-10, -20), (10, -20), (100, 1)]:
        candidates = [attempt({"mode": "soft"}, other), attempt({"mode": "soft"}, winner)]
        assert nearest(failed, candidates) is candidates[1]
        assert nearest(failed, reversed(candidates)) is candidates[1]


def test_without_candidates_there_is_none() -> None:
    assert nearest(attempt({}), []) is None


def test_values_are_the_same_when_they_mean_the_same() -> None:
    failed = attempt({"a": 1, "b": [1.5, {"x": 1, "y": None}], "c": Decimal("1e1")})
    same = attempt({"c": 10.0, "b": [Decimal("1.50"), {"y": None, "x": 1.0}], "a": 1.0})
    assert compare(failed, same).differing_parameters == 0
    other = compare(failed, attempt({"a": True, "b": [1.5, {"x": 1}], "c": "10"}))
    assert differences(other) == {
        "a": ("1", "true"),
        "b": ('[15e-1,{"x":1,"y":null}]', '[15e-1,{"x":1}]'),
        "c": ("10", '"10"'),
    }


def test_golden_comparison() -> None:
    failed = attempt(
        {"mode": "hard", "pool": {"size": 5}, "force": None},
        100,
        140,
        ("check", "completed", 100),
        ("drain", "failed", 110),
    )
    successful = attempt(
        {"mode": "hard", "pool": {"size": 9}, "wait": 30},
        0,
        20,
        ("check", "completed", 0),
        ("drain", "completed", 4),
        ("restart", "completed", 14),
    )
    assert compare(failed, successful) == Comparison(
        failed=failed.attempt_id,
        successful=successful.attempt_id,
        seconds_apart=-100,
        same_parameters=1,
        differing_parameters=3,
        parameters=[
            ParameterDifference(path="force", failed="null", successful=None),
            ParameterDifference(path="pool.size", failed="5", successful="9"),
            ParameterDifference(path="wait", failed=None, successful="30"),
        ],
        differing_steps=2,
        steps=[
            StepDifference(
                step="check",
                change="same",
                failed_status="completed",
                successful_status="completed",
                failed_seconds=10,
                successful_seconds=4,
            ),
            StepDifference(
                step="drain",
                change="status",
                failed_status="failed",
                successful_status="completed",
                failed_seconds=30,
                successful_seconds=10,
            ),
            StepDifference(
                step="restart",
                change="missing",
                failed_status=None,
                successful_status="completed",
                failed_seconds=None,
                successful_seconds=6,
            ),
        ],
        failed_seconds=40,
        successful_seconds=20,
    )


def steps(*names: str) -> ComparedAttempt:
    return attempt({}, 0, 9, *((name, "completed", number) for number, name in enumerate(names)))


def test_missing_steps_stand_where_they_were_and_added_ones_where_they_are() -> None:
    found = compare(steps("check", "retry", "restart"), steps("lock", "check", "drain", "restart", "unlock"))
    assert changes(found) == [
        ("lock", "missing"),
        ("check", "same"),
        ("drain", "missing"),
        ("retry", "added"),
        ("restart", "same"),
        ("unlock", "missing"),
    ]


def test_a_step_that_comes_again_is_matched_with_its_like() -> None:
    assert changes(compare(steps("try", "try", "done"), steps("try", "done"))) == [
        ("try", "same"),
        ("try", "added"),
        ("done", "same"),
    ]


def test_very_long_values_are_cut() -> None:
    found = compare(attempt({"script": "x" * 10**6, "list": ["y" * 5000]}), attempt({"script": "x" * (10**6 - 1)}))
    assert {len(one.failed or "") for one in found.parameters} == {LONGEST_VALUE + 3}
    assert all((one.failed or "").endswith("...") for one in found.parameters)


def test_very_many_differences_are_counted_and_cut() -> None:
    many = {f"key{number}": number for number in range(20_000)}
    found = compare(attempt(many), attempt({}))
    assert (found.differing_parameters, len(found.parameters)) == (20_000, MOST_DIFFERENCES)
    assert nearest(attempt(many), [attempt({"key1": 2}, -1), attempt({"key1": 1}, -2)] * 50) is not None


parameters = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 1) | st.booleans() | st.just({"x": 1}) | st.text(max_size=1), max_size=3
)


@given(parameters, st.lists(parameters, min_size=1, max_size=6))
def test_no_candidate_differs_less_than_the_nearest(here: dict[str, Any], others: list[dict[str, Any]]) -> None:
    failed = attempt(here)
    candidates = [attempt(other, -number - 1) for number, other in enumerate(others)]
    found = nearest(failed, candidates)
    assert found is not None
    ranks = [(compare(failed, one).differing_parameters, failed.started_at - one.started_at) for one in candidates]
    assert found is candidates[ranks.index(min(ranks))]


@given(parameters, parameters)
def test_comparing_is_the_same_from_both_sides(one: dict[str, Any], other: dict[str, Any]) -> None:
    there, back = compare(attempt(one), attempt(other)), compare(attempt(other), attempt(one))
    assert differences(there) == {path: (right, left) for path, (left, right) in differences(back).items()}
    assert there.same_parameters == back.same_parameters
    assert compare(attempt(one), attempt(one)).differing_parameters == 0
