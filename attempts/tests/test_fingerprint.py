import pytest
from hypothesis import given
from hypothesis import strategies as st

from attempts.fingerprint import fingerprint, masked_message

FAILURE = ("restart_pool", "Timeout", "no answer from 10.0.0.1 after 30 s")


def test_failures_that_differ_in_details_have_one_fingerprint() -> None:
    assert fingerprint("restart_pool", "Timeout", "no answer from 10.9.8.7 after 5 minutes") == fingerprint(*FAILURE)


def test_output_around_the_informative_line_does_not_count() -> None:
    text = "Restarting\n" * 7 + "Traceback (most recent call last):\n  File 'a', line {}\nPoolError: busy for 3 s\n"
    assert fingerprint("a", None, text.format(1)) == fingerprint("a", None, "PoolError: busy for 9 s")


@pytest.mark.parametrize(
    "other",
    [
        ("clear_cache", *FAILURE[1:]),
        ("restart_pool", "Refused", FAILURE[2]),
        ("restart_pool", None, FAILURE[2]),
        ("restart_pool", "Timeout", "no reply from 10.0.0.1 after 30 s"),
        ("restart_pool", "Timeout", None),
    ],
)
def test_failures_that_differ_in_more_have_others(other: tuple[str, str | None, str | None]) -> None:
    assert fingerprint(*other) != fingerprint(*FAILURE)


def test_no_message_and_one_without_content_are_the_same() -> None:
    assert fingerprint("a", "Timeout", None) == fingerprint("a", "Timeout", "") == fingerprint("a", "Timeout", " \n")
    assert masked_message(None) == ""


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_failure_has_a_fingerprint_that_stays(action: str, error: str | None, message: str | None) -> None:
    assert fingerprint(action, error, message) == fingerprint(action, error, message)
