"""Every argument of every logging call, with objects whose own code raises or hangs, and words that mean nothing."""

import inspect
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from actionlog_client.attempt import ActionAttempt
from actionlog_client.logger import ActionLogger
from actionlog_client.payload import foreign
from actionlog_client.resolution import ResolutionAttempt
from actionlog_client.testing import InMemoryActionLogger
from attempts.decoding import ATTEMPT_DECODER, decode_document
from attempts.validation import check_attempt, suspicion_of


class Unbound:
    """As a proxy of a web framework outside of a request."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("working outside of request context")


HANGS_SECONDS = 40.0


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "PATIENCE", 0.1)


class Hanging(Exception):
    def __float__(self) -> float:
        time.sleep(HANGS_SECONDS)
        return 0.5

    def __str__(self) -> str:
        time.sleep(HANGS_SECONDS)
        return "late"

    __repr__ = __str__


class Unwilling(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("no")

    __len__ = __bool__ = __eq__ = __iter__  # type: ignore[assignment]


class Incomparable(str):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = str.__hash__


NASTY: dict[str, Any] = {
    "proxy": Unbound(),
    "hanging": Hanging(),
    "list": Unwilling([1]),
    "text": Incomparable("high"),
    "uuid": uuid4(),
    "quote": 'a"b',
    "backslash": 'a\\"b',
    "surrogate": "\ud800",
    "number": 5,
    "bytes": b"x",
    "endless": iter(int, 1),
}


def arguments_of(call: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(call).parameters if name not in ("self", "resolution")]


CALLS = [
    *(("start", name) for name in arguments_of(ActionLogger.start_action_attempt)),
    *(("resolution", name) for name in arguments_of(ActionLogger.resolution)),
    *(
        (verb, name)
        for verb in ("log_step", "mark_success", "mark_failure", "mark_skipped", "mark_cancelled")
        for name in arguments_of(getattr(ActionAttempt, verb))
    ),
    *(
        (verb, name)
        for verb in ("resolved", "failed", "escalated", "close")
        for name in arguments_of(getattr(ResolutionAttempt, verb))
    ),
    ("hide", ""),
]
REQUIRED = {
    "start": {"action_id": "a", "action_type": "restart"},
    "resolution": {"incident_id": "inc"},
    "log_step": {"step": "look"},
    "mark_failure": {"error_message": "no"},
    "mark_skipped": {"reason": "no"},
    "close": {"status": "failed"},
}


@pytest.mark.parametrize("kind", NASTY)
@pytest.mark.parametrize(("verb", "name"), CALLS)
def test_no_argument_makes_a_call_raise_or_wait(verb: str, name: str, kind: str) -> None:
    nasty = NASTY[kind]
    action_logger = InMemoryActionLogger()
    arguments = {**REQUIRED.get(verb, {}), name: nasty}
    began = time.monotonic()
    resolution = action_logger.resolution(**(arguments if verb == "resolution" else {"incident_id": "inc"}))
    attempt = action_logger.start_action_attempt(**(arguments if verb == "start" else REQUIRED["start"]))
    if verb == "hide":
        attempt.hide(nasty)
    elif hasattr(attempt, verb):
        getattr(attempt, verb)(**arguments)
    elif hasattr(resolution, verb):
        getattr(resolution, verb)(**arguments)
    if not attempt.is_final:
        attempt.mark_success()
    resolution.resolved()
    assert time.monotonic() - began < HANGS_SECONDS / 2
    (told,) = action_logger.attempts
    assert told["status"] == attempt.status
    UUID(told["attempt_id"])
    source = msgspec.json.encode(told)
    document, warnings = decode_document(source, ATTEMPT_DECODER, "")
    assert not warnings
    check_attempt(document, suspicion_of(source, [document]))
    assert action_logger.resolutions[0]["status"] in ("resolved", "failed", "escalated")
    action_logger.get_action_attempts_by_incident(nasty)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_exception_whose_text_hangs_is_recorded_with_its_frames(wrapped: bool) -> None:
    action_logger = InMemoryActionLogger()

    def run() -> None:
        with action_logger.start_action_attempt("a", "restart"):
            try:
                raise Hanging
            except Hanging as error:
                if wrapped:
                    raise ValueError("because of it") from error
                raise

    began = time.monotonic()
    with pytest.raises((Hanging, ValueError)):
        run()
    assert time.monotonic() - began < HANGS_SECONDS / 2
    details = action_logger.attempt("a")["error_details"]
    assert "test_nasty_arguments" in details["traceback"]


def test_a_traceback_names_the_exceptions_that_it_came_from() -> None:
    action_logger = InMemoryActionLogger()

    def run() -> None:
        with action_logger.start_action_attempt("a", "restart"):
            try:
                raise KeyError("first")
            except KeyError as error:
                raise ValueError("second") from error

    with pytest.raises(ValueError, match="second"):
        run()
    traceback = action_logger.attempt("a")["error_details"]["traceback"]
    assert "KeyError: 'first'" in traceback
    assert traceback.endswith("ValueError: second\n")


def test_one_secret_may_be_given_as_it_is() -> None:
    action_logger = InMemoryActionLogger()
    attempt = action_logger.start_action_attempt("a", "restart", {"said": "hunter2"}, secrets="hunter2")
    attempt.hide(8675309)
    attempt.mark_failure("hunter2 dialled 8675309")
    assert "hunter2" not in repr(action_logger.attempts)
    assert "8675309" not in repr(action_logger.attempts)


def test_an_id_that_is_none_is_replaced_and_told() -> None:
    action_logger = InMemoryActionLogger()
    attempt = action_logger.start_action_attempt("a", "restart", attempt_id="ticket-17")
    (told,) = action_logger.attempts
    assert told["attempt_id"] == attempt.attempt_id
    assert told["extra"]["unusable attempt_id"] == "ticket-17"
