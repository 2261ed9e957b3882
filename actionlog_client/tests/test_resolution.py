"""Resolution attempts: what they give their attempts, and how they end."""

import pytest

from actionlog_client import current_resolution
from actionlog_client.resolution import TIMELINE_ENTRIES
from actionlog_client.testing import FrozenClock, InMemoryActionLogger


@pytest.fixture
def action_logger() -> InMemoryActionLogger:
    return InMemoryActionLogger(environment="production", engine="remedy", clock=FrozenClock())


def test_attempts_in_its_block_belong_to_it(action_logger: InMemoryActionLogger) -> None:
    with action_logger.resolution(
        "inc_001",
        incident_type="database_down",
        severity="high",
        service="orders",
        confidence=0.8,
        recommended_actions=["restart"],
    ) as resolution:
        assert current_resolution() is resolution
        action_logger.start_action_attempt("a", "restart").mark_success()
        resolution.start_action_attempt("b", "verify", {"n": 1}).mark_success()
    assert current_resolution() is None
    (told,) = action_logger.resolutions
    for attempt in action_logger.attempts:
        assert attempt["resolution_id"] == told["resolution_id"] == resolution.resolution_id
        assert (attempt["incident_id"], attempt["incident_type"]) == ("inc_001", "database_down")
    assert (told["severity"], told["service"], told["confidence"]) == ("high", "orders", 0.8)
    assert (told["engine"], told["environment"], told["status"]) == ("remedy", "production", "resolved")
    summary = told["summary"]
    assert (summary["actions_attempted"], summary["actions_successful"], summary["overall_success"]) == (2, 2, True)
    assert (summary["confidence"], summary["timeline_left_out"]) == (0.8, 0)
    assert [entry["action_id"] for entry in summary["timeline"]] == ["a", "b"]
    assert told["updated_at"] == "2026-01-01T00:00:00Z"


def test_a_retry_that_works_makes_the_action_a_success(action_logger: InMemoryActionLogger) -> None:
    with action_logger.resolution("inc") as resolution:
        first = resolution.start_action_attempt("a", "restart")
        first.mark_failure("no")
        resolution.start_action_attempt("a", "restart", retry_of=first).mark_success()
        resolution.start_action_attempt("b", "page", status="pending").mark_skipped("not needed")
    (told,) = action_logger.resolutions
    assert told["status"] == "resolved"
    assert {name: told["summary"][f"actions_{name}"] for name in ("attempted", "successful", "failed", "skipped")} == {
        "attempted": 2,
        "successful": 1,
        "failed": 1,
        "skipped": 1,
    }


def test_a_session_whose_action_failed_is_no_resolution(action_logger: InMemoryActionLogger) -> None:
    with action_logger.resolution("inc") as resolution:
        resolution.start_action_attempt("a", "restart").mark_failure("no")
    assert action_logger.resolutions[0]["status"] == "failed"


def test_a_session_in_which_nothing_ran_is_escalated(action_logger: InMemoryActionLogger) -> None:
    with action_logger.resolution("inc") as resolution:
        resolution.start_action_attempt("a", "restart", status="pending").mark_skipped("refused")
    (told,) = action_logger.resolutions
    assert told["status"] == "escalated"
    assert told["summary"]["overall_success"] is False
    assert told["summary"]["escalation_reason"]


def test_an_exception_fails_the_session_and_is_raised_on(action_logger: InMemoryActionLogger) -> None:
    with pytest.raises(RuntimeError), action_logger.resolution("inc"):
        raise RuntimeError("the engine broke")
    (told,) = action_logger.resolutions
    assert told["status"] == "failed"
    assert told["summary"]["error"]["type"] == "RuntimeError"


def test_the_first_end_told_stays(action_logger: InMemoryActionLogger) -> None:
    with action_logger.resolution("inc") as resolution:
        resolution.escalated("needs a human", root_cause="bad disk", summary={"ticket": "T-1"})
        resolution.resolved()
    (told,) = action_logger.resolutions
    assert (told["status"], told["root_cause"]) == ("escalated", "bad disk")
    assert (told["summary"]["ticket"], told["summary"]["escalation_reason"]) == ("T-1", "needs a human")


async def test_async_blocks_keep_apart(action_logger: InMemoryActionLogger) -> None:
    import asyncio

    async def resolve(number: int) -> None:
        async with action_logger.resolution(f"inc-{number}"):
            await asyncio.sleep(0.001 * (3 - number))
            action_logger.start_action_attempt(f"a-{number}", "restart").mark_success()

    await asyncio.gather(*(resolve(number) for number in range(3)))
    assert {attempt["action_id"]: attempt["incident_id"] for attempt in action_logger.attempts} == {
        f"a-{number}": f"inc-{number}" for number in range(3)
    }


def test_a_long_session_counts_all_and_says_how_many_its_timeline_leaves_out(
    action_logger: InMemoryActionLogger,
) -> None:
    with action_logger.resolution("inc") as resolution:
        for number in range(TIMELINE_ENTRIES + 5):
            resolution.start_action_attempt(f"a{number}", "restart").mark_success()
    assert resolution.summary is not None
    assert resolution.summary["actions_successful"] == TIMELINE_ENTRIES + 5
    assert resolution.summary["timeline_left_out"] == 5
