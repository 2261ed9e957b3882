"""Requests become submissions: the good documents of any request as they would alone, each bad one rejected alone."""

import json
import time
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.errors import ApiError
from attempts.limits import limits
from attempts.submissions import Submission
from attempts.validation import Fault
from resolutions.decoding import MOST_WARNINGS, decode_completion, decode_ingest, decode_single, decode_steps
from resolutions.splitting import split_lists

ID = uuid.UUID("018f2f6e-1111-7000-8000-00000000000a")
DEEP = limits().nesting * 20

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.sampled_from(['"[', "\\", "]},", '\\"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
lists_of_levels = st.integers(1, 90).map(lambda levels: json.loads("[" * levels + "]" * levels))


def document(**facts: Any) -> dict[str, Any]:
    return {"attempt_id": str(ID), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


def source(json_text: str) -> bytes:
    return (json.dumps(document())[:-1] + f', "result": {json_text}}}').encode()


BAD = {
    "half a surrogate pair": source('"\\udcff"'),
    "nested deep": source("[" * DEEP + "]" * DEEP),
    "nested deep among brackets in strings": source('["]",' * DEEP + '"[[["' + "]" * DEEP),
    "nested too deep": source("[" * (limits().nesting + 1) + "]" * (limits().nesting + 1)),
    "not JSON": source("[NaN}"),
    "two values": b"{} {}",
    "no object": b"7",
    "a list": b"[[], {}]",
    "an unknown status": source('1, "status": "done"'),
    "no identities": b'{"attempt_id": "018f2f6e-1111-7000-8000-00000000000a"}',
}
good_documents = st.builds(
    lambda result, reason, ascii_only, indent: json.dumps(
        document(result=result, reason=reason), ensure_ascii=ascii_only, indent=indent
    ).encode(),
    json_values | lists_of_levels,
    st.text().filter(str.isprintable),
    st.booleans(),
    st.sampled_from([None, 1]),
)


def only(submissions: list[Submission[Any]]) -> Submission[Any]:
    (submission,) = submissions
    return submission


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.just(True), good_documents) | st.tuples(st.just(False), st.sampled_from(list(BAD.values()))))
)
def test_good_documents_are_decoded_as_alone_and_bad_ones_rejected_alone(parts: list[tuple[bool, bytes]]) -> None:
    body = b'{ "action_attempts" : [ ' + b" ,\n".join(part for _, part in parts) + b' ], "resolution_attempts":[]}\n'
    submissions = decode_ingest(body, None)
    assert len(submissions) == len(parts)
    for position, ((good, part), submission) in enumerate(zip(parts, submissions, strict=True)):
        if good:
            alone = only(decode_ingest(b'{"action_attempts": [' + part + b"]}", None))
            assert submission.outcome is None
            assert submission.document == alone.document == decode_single("action_attempt", part, None).document
        else:
            assert submission.outcome == "rejected"
            assert submission.error is not None
            assert submission.error["path"].startswith(f"action_attempts[{position}]")


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_beside_a_bad_document_a_good_one_keeps_its_very_bytes(bad: bytes) -> None:
    good = source('{"path": "a\\/b", "size": 1.50e1}')
    kept = decode_ingest(b'{"action_attempts": [' + good + b"," + bad + b"]}", None)[0]
    assert kept.document is not None
    assert bytes(kept.document.result) == b'{"path": "a\\/b", "size": 1.50e1}'


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"actions": []}', "actions"),
        (b'{"action_attempts": [7], "action_attempts": []}', "action_attempts"),
        (b'{"action_attempts": [], "action_attempts": []}', "action_attempts"),
        (b'{"action_attempts": null}', "action_attempts"),
        (b'{"action_attempts": [{}, ]}', None),
        (b'{"action_attempts": [, {}]}', None),
        (b'{"action_attempts": [{}}', None),
        (b'{"action_attempts": [{]}', None),
        (b'{"action_attempts": [{"a": "b]}', None),
        (b'{"action_attempts": [NaN]}}', None),
        (b'{"action_attempts": [NaN]} x', None),
        (b'{"action_attempts": [NaN],}', None),
        (b'{"action_attempts": ' + b"[" * DEEP, None),
    ],
)
def test_a_request_that_cannot_be_split_is_refused_whole(body: bytes, path: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        decode_ingest(body, None)
    assert (refused.value.status, refused.value.path) == (400, path)


SIZE = 16_000_000
LARGE = {
    "empty lists": (b"[]," * (SIZE // 3) + b"[]", 413),
    "open lists": (b"[" * SIZE, 413),
    "open lists and strings": (b'["",' * (SIZE // 4), 413),
    "one document of lists": (source("[" + "[]," * (SIZE // 6) + "[]]"), None),
    "lists that rise and fall": (b"[" * 200 + (b"[" * 7 + b"]" * 7) * (SIZE // 14) + b"]" * 200, None),
}


@pytest.mark.parametrize(("elements", "status"), LARGE.values(), ids=LARGE.keys())
def test_the_largest_requests_are_split_in_little_time(elements: bytes, status: int | None) -> None:
    body = b'{"action_attempts": [' + elements + b"]}"
    started = time.process_time()
    if status is None:
        assert split_lists(body, ["action_attempts"], limits().documents) == {"action_attempts": [elements]}
    else:
        with pytest.raises(Fault) as refused:
            split_lists(body, ["action_attempts"], limits().documents)
        assert refused.value.code == "too_large"
    # Python steps for each bracket, or a second look at what was seen, would take far longer.
    assert time.process_time() - started < 6


def test_ten_thousand_documents_beside_a_bad_one() -> None:
    body = b'{"action_attempts": [' + (source("[1]") + b",") * (limits().documents - 1) + b"NaN]}"
    submissions = decode_ingest(body, None)
    assert [submission.outcome for submission in submissions] == [None] * (limits().documents - 1) + ["rejected"]


def test_a_document_too_many_is_413_even_when_others_are_bad() -> None:
    with pytest.raises(ApiError) as refused:
        decode_ingest(b'{"action_attempts": [' + b"7," * limits().documents + b"7]}", None)
    assert refused.value.status == 413


def test_warnings_are_few_and_the_fields_are_all_kept() -> None:
    strange = {f"field_{number}": number for number in range(MOST_WARNINGS + 7)}
    body = msgspec.json.encode({"action_attempts": [document(**strange)]})
    submission = only(decode_ingest(body, None))
    assert submission.document is not None
    assert msgspec.json.decode(submission.document.extra) == strange
    assert len(submission.warnings) == MOST_WARNINGS + 1
    assert submission.warnings[-1] == {
        "path": "action_attempts[0].extra",
        "message": "7 more fields are not known; they are kept in extra.",
    }


@pytest.mark.parametrize("told", [None, str(ID), str(ID).upper(), ID.hex])
def test_a_completion_may_tell_the_id_of_its_address_in_any_spelling(told: str | None) -> None:
    body = msgspec.json.encode({"attempt_id": told, "status": "success"})
    submission = decode_completion("action_attempt", ID, body, None)
    assert submission.document is not None
    assert (submission.outcome, submission.document.attempt_id) == (None, ID)


@pytest.mark.parametrize("told", [str(uuid.UUID(int=1)), "x", 7, [ID]])
def test_a_completion_of_another_record_is_refused(told: Any) -> None:
    with pytest.raises(ApiError) as refused:
        decode_completion("action_attempt", ID, msgspec.json.encode({"attempt_id": told, "status": "success"}), None)
    assert (refused.value.status, refused.value.path) == (400, "attempt_id")


def test_steps_beyond_the_limit_of_a_document_are_413() -> None:
    body = msgspec.json.encode({"logs": [{"sequence": 0, "step": "x" * limits().document_bytes}]})
    with pytest.raises(ApiError) as refused:
        decode_steps(ID, body, None)
    assert refused.value.status == 413


# Decoding stops at a field that it does not know: what follows has not been looked at by then.
BROKEN_AFTER_UNKNOWN = {
    "no JSON": b'{"attempt_id": "x", "colour": 1, bad',
    "a bad step": b'{"colour": 1, "logs": [{"colour": 1},}',
    "too deep": b'{"colour":' * 5000 + b"1" + b"}" * 5000,
}


@pytest.mark.parametrize("broken", BROKEN_AFTER_UNKNOWN.values(), ids=BROKEN_AFTER_UNKNOWN.keys())
def test_what_is_broken_after_an_unknown_field_is_that_documents_fault(broken: bytes) -> None:
    alone = decode_single("action_attempt", broken, None)
    assert alone.outcome == "rejected"
    with pytest.raises(ApiError) as refused:
        decode_steps(ID, broken, None)
    assert refused.value.status in (400, 413)


def test_a_document_too_deep_in_an_unknown_field_costs_the_others_nothing() -> None:
    body = b'{"action_attempts": [' + BROKEN_AFTER_UNKNOWN["too deep"] + b", " + msgspec.json.encode(document()) + b"]}"
    assert [submission.outcome for submission in decode_ingest(body, None)] == ["rejected", None]
