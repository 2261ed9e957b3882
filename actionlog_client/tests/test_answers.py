"""Whose fault an answer says it is."""

import pytest

from actionlog_client.delivery.answers import Fault, fault_of_request, fault_of_result
from actionlog_client.delivery.transport import Refusal, Reply, Result

OURS = b'{"error": {"code": "invalid", "message": "no"}}'


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 408, 429, 502, 503, 504, 599])
def test_the_way_and_the_server_are_at_fault(status: int) -> None:
    assert fault_of_request(Reply(status, OURS)) is Fault.WAY


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_only_the_servers_own_word_is_the_last_on_a_document(status: int) -> None:
    assert fault_of_request(Reply(status, OURS)) is Fault.CONTENT
    for foreign in (b"<html>", b"", b'{"error": "no"}', b'{"detail": "no"}', b'{"error": {}}'):
        assert fault_of_request(Reply(status, foreign)) is Fault.UNCLEAR


@pytest.mark.parametrize("body", [OURS, b"<html>"])
def test_a_fault_within_the_server_says_nothing_about_a_document(body: bytes) -> None:
    assert fault_of_request(Reply(500, body)) is Fault.UNCLEAR


@pytest.mark.parametrize(
    ("outcome", "code", "fault"),
    [
        ("created", "", None),
        ("unchanged", "", None),
        ("conflict", "conflict", Fault.CONTENT),
        ("rejected", "invalid", Fault.CONTENT),
        ("rejected", "internal", Fault.UNCLEAR),
        ("forbidden", "forbidden", Fault.UNCLEAR),
        ("unauthorized", "unauthorized", Fault.WAY),
    ],
)
def test_results_of_documents(outcome: str, code: str, fault: Fault | None) -> None:
    assert fault_of_result(Result(outcome, error=Refusal(code) if code else None)) is fault
