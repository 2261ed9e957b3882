"""A secret that is known by its value is marked wherever it turns up in what is told of an attempt."""

import json

import pytest

from actionlog_client.testing import InMemoryActionLogger

SECRET = 'correct "horse" ümläut/+'


def test_a_known_secret_is_marked_in_everything_that_is_told() -> None:
    action_logger = InMemoryActionLogger()
    attempt = action_logger.start_action_attempt(
        "a", "t", {"note": f"with {SECRET}", SECRET: 1}, reason=f"try {SECRET}", target=SECRET, secrets=[SECRET]
    )
    attempt.log_step(f"use {SECRET}", SECRET, {"nested": [{"deep": {SECRET}}], "raw": SECRET.encode()})
    attempt.log_step("json", "done", json.dumps({"say": SECRET}))
    try:
        raise RuntimeError(f"refused {SECRET!r}")
    except RuntimeError as error:
        attempt.mark_exception(error)
    text = json.dumps(action_logger.attempts, ensure_ascii=False)
    assert "horse" not in text
    assert text.count("[redacted:") >= 9
    assert "horse" not in str(attempt.error_message)


def test_it_has_the_mark_that_it_has_under_the_name_of_a_secret() -> None:
    action_logger = InMemoryActionLogger()
    action_logger.start_action_attempt("a", "t", {"password": "hunter22", "other": "hunter22"}, secrets=["hunter22"])
    parameters = action_logger.attempt("a")["parameters"]
    assert parameters["password"] == parameters["other"]


def test_a_secret_learned_later_is_marked_from_then_on() -> None:
    action_logger = InMemoryActionLogger()
    attempt = action_logger.start_action_attempt("a", "t")
    attempt.hide("hunter22")
    attempt.mark_success({"said": "it is hunter22."})
    assert action_logger.attempt("a")["result"]["said"].startswith("it is [redacted:")


@pytest.mark.parametrize("secret", ["", "short", "[redacted:0123456789abcdef]"])
def test_what_is_too_short_or_a_mark_already_is_left_alone(secret: str) -> None:
    action_logger = InMemoryActionLogger()
    action_logger.start_action_attempt("a", "t", {"text": f"say {secret}!"}, secrets=[secret])
    assert action_logger.attempt("a")["parameters"]["text"] == f"say {secret}!"


def test_the_digits_of_a_mark_are_never_taken_for_a_secret() -> None:
    action_logger = InMemoryActionLogger()
    action_logger.start_action_attempt("a", "t", {"password": "hunter22"})
    mark = action_logger.attempt("a")["parameters"]["password"]
    action_logger.start_action_attempt("b", "t", {"text": mark}, secrets=[mark[10:18]])
    assert action_logger.attempt("b")["parameters"]["text"] == mark
