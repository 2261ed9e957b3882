"""A signal handler, or a destructor, that logs while its own thread is in the midst of a logging call."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from actionlog_client import ActionLogger
from actionlog_client.attempt import ActionAttempt

PACKAGE = str(Path(__file__).resolve().parent.parent)


def interrupted_at_every_line(call: Callable[[], None], handler: Callable[[], None]) -> None:
    """Run call in a thread, and handler in its midst: once at each line of this package and of threading."""
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE) and name != threading.__file__:
            return None
        place = (name, frame.f_lineno)
        if event == "line" and place not in seen:
            seen.add(place)
            handler()
        return trace

    raised: list[BaseException] = []

    def run() -> None:
        sys.settrace(trace)
        try:
            call()
        except BaseException as error:
            raised.append(error)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(120)
    assert not thread.is_alive(), "it waits for itself"
    assert not raised
    assert len(seen) > 50


def test_a_handler_may_log_at_any_moment(tmp_path: Path) -> None:
    with ActionLogger("http://127.0.0.1:9", None, tmp_path, json_store="") as action_logger:
        action_logger.start_action_attempt("first", "restart", {}, "inc").mark_success()
        running: list[ActionAttempt] = []

        def call() -> None:
            with action_logger.resolution("inc") as resolution:
                running.append(resolution.start_action_attempt("a", "restart", {"n": 1}))
                running[0].log_step("step", "done", {"n": 1})
                running[0].mark_success({"n": 1})

        def handler() -> None:
            action_logger.start_action_attempt("other", "restart", {}, "inc").mark_success()
            if running:
                running[0].log_step("interrupted")

        interrupted_at_every_line(call, handler)
        assert running[0].status == "success"


def test_a_handler_may_end_the_attempt_that_is_just_being_ended(tmp_path: Path) -> None:
    """As one for SIGTERM does. One outcome is told, whichever was first."""
    with ActionLogger("", journal_dir=tmp_path, json_store="") as action_logger:
        ending = action_logger.start_action_attempt("a", "restart", {}, "inc")
        interrupted_at_every_line(ending.mark_success, lambda: ending.mark_cancelled("told to stop"))
        (told,) = action_logger.get_action_attempts_by_incident("inc")
        assert told["status"] == ending.status == "cancelled"
        assert "outcome told again" in [step["step"] for step in told["logs"]]


def test_a_handler_may_log_while_the_first_entry_is_written(tmp_path: Path) -> None:
    """The threads behind a logger begin once, whoever comes in between."""
    before = set(threading.enumerate())
    action_logger = ActionLogger("http://127.0.0.1:9", None, tmp_path, json_store="")
    attempt = action_logger.start_action_attempt("a", "restart", {}, "inc")
    attempt.mark_success()
    action_logger.close(0)
    interrupted_at_every_line(lambda: attempt.log_step("the first of a new journal"), lambda: attempt.log_step("more"))
    names = [thread.name for thread in set(threading.enumerate()) - before]
    assert names.count("actionlog-courier") <= 2  # the one before may still be at its last request
    action_logger.close(1)
