"""The in-memory double tells a test what a server would have been told."""

import textwrap
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from actionlog_client import testing
from actionlog_client.journal.entries import JournalFull
from actionlog_client.testing import FrozenClock, InMemoryActionLogger


def test_the_example_in_its_documentation_passes() -> None:
    docstring = testing.__doc__ or ""
    example = docstring[docstring.index("    def test_") : docstring.index("No thread")]
    names: dict[str, object] = {"InMemoryActionLogger": InMemoryActionLogger}
    exec(textwrap.dedent(example), names)  # noqa: S102  # our own text
    names["test_a_restart_is_on_record"]()  # type: ignore[operator]


def test_what_was_told_is_there_in_the_servers_names_and_order() -> None:
    action_logger = InMemoryActionLogger(environment="test", engine="remedy", clock=FrozenClock())
    first = action_logger.start_action_attempt("a-1", "restart", {"password": "hunter22"}, "inc_001")
    second = action_logger.start_action_attempt("a-2", "restart", None, "inc_001", retry_of=first)
    second.mark_success({"pid": 7})
    first.log_step("look", "completed", {"pid": 6})
    first.mark_failure("no", error_type="timeout")
    one, two = action_logger.attempts
    assert (one["status"], one["error_type"], one["engine"], one["environment"]) == (
        "failed",
        "timeout",
        "remedy",
        "test",
    )
    assert one["parameters"]["password"].startswith("[redacted:")
    assert one["logs"] == [
        {
            "sequence": 0,
            "step": "look",
            "status": "completed",
            "timestamp": "2026-01-01T00:00:00Z",
            "details": {"pid": 6},
        }
    ]
    assert (two["retry_of"], two["result"], two["parameters"], two["logs"]) == (one["attempt_id"], {"pid": 7}, {}, [])
    assert action_logger.attempt("a-2") == two
    assert action_logger.steps() == action_logger.steps(one["attempt_id"]) == one["logs"]
    shown = action_logger.get_action_attempts_by_incident("inc_001")
    assert [attempt["attempt_id"] for attempt in shown] == [one["attempt_id"], two["attempt_id"]]
    assert shown[0]["error_type"] == one["error_type"]
    assert action_logger.get_action_attempts_by_incident("inc_002") == []


def test_what_it_holds_is_what_the_server_takes() -> None:
    from resolutions.decoding import decode_ingest

    action_logger = InMemoryActionLogger()
    with action_logger.resolution("inc_001", severity="high"), action_logger.start_action_attempt("a", "t"):
        pass
    body = {"action_attempts": action_logger.attempts, "resolution_attempts": action_logger.resolutions}
    assert [told.error for told in decode_ingest(msgspec.json.encode(body), None)] == [None, None]


def test_an_action_never_told_is_named_with_those_that_were() -> None:
    action_logger = InMemoryActionLogger()
    action_logger.start_action_attempt("a-1", "restart")
    with pytest.raises(LookupError, match=r"'a-2'.*\['a-1'\]"):
        action_logger.attempt("a-2")


def test_statistics_are_those_of_what_it_holds() -> None:
    clock = FrozenClock(datetime(2026, 3, 1, tzinfo=UTC))
    action_logger = InMemoryActionLogger(clock=clock)
    action_logger.start_action_attempt("old", "restart").mark_failure("no")
    clock.advance(timedelta(days=8).total_seconds())
    for seconds in (1, 2, 3):
        attempt = action_logger.start_action_attempt("new", "restart")
        clock.advance(seconds)
        attempt.mark_success()
    action_logger.start_action_attempt("new", "flush").mark_failure("no")
    action_logger.start_action_attempt("planned", "flush", status="pending").mark_skipped("no need")
    told = action_logger.get_action_statistics(days_back=7)
    assert (told["total_attempts"], told["successful"], told["failed"]) == (5, 3, 1)
    assert (told["success_rate"], told["n"], told["source"]) == (0.75, 4, "local")
    assert {row["action_type"]: row["success_rate"] for row in told["by_action_type"]} == {"restart": 1.0, "flush": 0.0}
    assert told["by_action_type"][0]["durations"] == {
        "p50": 2.0, "p95": 2.9, "p99": 2.98, "mean": 2.0, "slowest": 3.0, "n": 3
    }  # fmt: skip
    assert action_logger.get_action_statistics(days_back=30)["total_attempts"] == 6


def test_clear_forgets_and_full_refuses() -> None:
    action_logger = InMemoryActionLogger()
    action_logger.start_action_attempt("a", "t").mark_success()
    action_logger.clear()
    assert action_logger.attempts == []
    attempt = action_logger.start_action_attempt("b", "t")
    action_logger.full = True
    with pytest.raises(JournalFull):
        action_logger.start_action_attempt("c", "t")
    attempt.mark_success()
    assert action_logger.attempt("b")["status"] == "success"


def test_a_clock_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        FrozenClock(datetime(2026, 3, 1))  # noqa: DTZ001
