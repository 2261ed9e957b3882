"""A report is taken whole or refused with the field and its path; it may stand anywhere in a request."""

from typing import Any

import msgspec
import pytest

from access.errors import ApiError
from engines.records import LARGEST_NUMBER, MOST_RANGES
from engines.tests.reports import JOURNAL_ID, attempt, request
from resolutions import decoding
from resolutions.decoding import decode_ingest

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"journal_id": "no uuid"}, "journal.journal_id"),
    ({"written": -1}, "journal.written"),
    ({"written": LARGEST_NUMBER + 1}, "journal.written"),
    ({"written": 2**70}, "journal.written"),
    ({"written": "9"}, "journal.written"),
    ({"engine": "x" * 256}, "journal.engine"),
    ({"host": 7}, "journal.host"),
    ({"process_id": -1}, "journal.process_id"),
    ({"started_at": "2026-01-01T00:00:00"}, "journal.started_at"),
    ({"started_at": "0001-01-01T00:00:00Z"}, "journal.started_at"),
    ({"closed": 1}, "journal.closed"),
    ({"colour": "blue"}, "journal"),
    ({"refused": [[0, 1]]}, "journal.refused[0][0]"),
    ({"refused": [[1, 1], [3, 2]]}, "journal.refused[1]"),
    ({"refused": [[1, 10]]}, "journal.refused[0]"),
    ({"refused": [[1, LARGEST_NUMBER + 1]]}, "journal.refused[0][1]"),
    ({"refused": [[1, 2, 3]]}, "journal.refused[0]"),
    ({"refused": [[1, 1]] * (MOST_RANGES + 1)}, "journal.refused"),
    ({"numbers": {"action_attempts": []}}, "journal.numbers.action_attempts"),
    ({"numbers": {"action_attempts": [[], [], []]}}, "journal.numbers.action_attempts"),
    ({"numbers": {"resolution_attempts": [[]]}}, "journal.numbers.resolution_attempts"),
    ({"numbers": {"action_attempts": [[], [[2, 1]]]}}, "journal.numbers.action_attempts[1][0]"),
    ({"numbers": {"action_attempts": [[[1, 10]], []]}}, "journal.numbers.action_attempts[0][0]"),
    ({"numbers": {"action_attempts": [[1], []]}}, "journal.numbers.action_attempts[0][0]"),
    ({"numbers": {"attempts": [[], []]}}, "journal.numbers"),
    ({"refused": [[1, 1]] * 50_000, "numbers": {"action_attempts": [[[1, 1]] * 50_001, []]}}, "journal.numbers"),
]


@pytest.mark.parametrize("beside_a_bad_document", [False, True])
@pytest.mark.parametrize(("told", "path"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_report_is_refused_with_its_path(told: dict[str, Any], path: str, beside_a_bad_document: bool) -> None:
    second: Any = 7 if beside_a_bad_document else attempt()
    body = request([(attempt(), [[1, 1]]), (second, [[2, 2]])], **told)
    with pytest.raises(ApiError) as refused:
        decode_ingest(msgspec.json.encode(body), None)
    assert refused.value.status == 400
    assert (refused.value.path or "").startswith(path)
    if "colour" in told:
        assert "colour" in str(refused.value.message)


@pytest.mark.parametrize("required", ["journal_id", "written"])
def test_what_every_report_needs(required: str) -> None:
    body = request([])
    del body["journal"][required]
    with pytest.raises(ApiError) as refused:
        decode_ingest(msgspec.json.encode(body), None)
    assert (refused.value.status, refused.value.path) == (400, f"journal.{required}")


@pytest.mark.parametrize("journal", [b"7", b"[]", b'"x"', b"{", b"{]", b"", b"[[[[[[[[[[", b'{"journal_id"}', b"\xff"])
def test_what_is_no_report_is_refused(journal: bytes) -> None:
    for body in (b'{"journal": ' + journal + b"}", b'{"journal": ' + journal + b', "action_attempts": [7]}'):
        with pytest.raises(ApiError) as refused:
            decode_ingest(body, None)
        assert refused.value.status == 400


def test_a_report_that_is_there_twice_is_refused() -> None:
    for second in (b"null", b'{"journal_id": "%b", "written": 1}' % str(JOURNAL_ID).encode()):
        body = b'{"journal": ' + msgspec.json.encode(request([])["journal"]) + b', "journal" : ' + second + b"}"
        with pytest.raises(ApiError) as refused:
            decode_ingest(body, None)
        assert (refused.value.status, refused.value.path) == (400, "journal")


@pytest.mark.parametrize("bad", [b"", b', {"deep": [[[[[[[[["]"]]]]]]]]]}'], ids=["fast", "split"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_report_may_stand_anywhere_and_documents_may_say_journal(bad: bytes, position: int) -> None:
    document = attempt(parameters={"journal": {"journal": ["journal"]}}, target="journal")
    journal = {
        "journal_id": str(JOURNAL_ID),
        "written": 7,
        "host": 'a"}],[{',
        "started_at": "2026-01-01T05:30:00+05:30",
    }
    journal["numbers"] = {"action_attempts": [[[1, 2], [7, 7]]] + [[]] * bool(bad)}
    members = [
        b'"action_attempts": [' + msgspec.json.encode(document) + bad + b"]",
        b'"resolution_attempts" : [ ]',
    ]
    members.insert(position, b'"journal":\n ' + msgspec.json.encode(journal) + b" ")
    submissions = decode_ingest(b"{" + b",".join(members) + b"}", None)
    assert [submission.kind for submission in submissions] == ["action_attempt"] * (1 + bool(bad)) + ["journal"]
    report = submissions[-1]
    assert submissions[0].journal is report
    assert report.document is not None
    assert list(submissions[0].numbers) == [(1, 2), (7, 7)]
    assert report.document.host == 'a"}],[{'
    assert report.document.started_at.isoformat() == "2026-01-01T00:00:00+00:00"


def test_no_report_is_told_by_null_or_by_nothing() -> None:
    assert decode_ingest(b'{"journal": null}', None) == decode_ingest(b"{}", None) == []
    assert [each.kind for each in decode_ingest(b'{"action_attempts": [7], "journal": null}', None)] == [
        "action_attempt"
    ]


def test_as_many_ranges_as_are_taken() -> None:
    written = 2 * MOST_RANGES
    ranges = [[number, number] for number in range(1, written, 2)]
    submissions = decode_ingest(msgspec.json.encode(request([(attempt(), ranges)], written=written)), None)
    assert len(submissions[0].numbers) == MOST_RANGES


def test_texts_of_a_report_are_cleaned_like_those_of_documents() -> None:
    body = request([], host="ops\0-1", engine_version="redis://:hunter2@cache/0")
    (report,) = decode_ingest(msgspec.json.encode(body), None)
    assert report.document is not None
    assert report.document.host == "ops\ufffd-1"
    assert "hunter2" not in report.document.engine_version


def test_a_request_with_a_journal_is_decoded_at_once_and_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers name the lists again; that must not be taken for a list that is there twice."""
    monkeypatch.setattr(decoding, "split_lists", None)
    body = request(
        [(attempt(target="journal"), [[1, 2]])], numbers={"action_attempts": [[]], "resolution_attempts": []}
    )
    assert len(decode_ingest(msgspec.json.encode({**body, "resolution_attempts": []}), None)) == 2


@pytest.mark.parametrize("numbers", [b"{}", b'{"action_attempts": []}', b'{"action_attempts": [[]]}'])
def test_a_list_that_is_there_twice_is_found_beside_a_journal_too(numbers: bytes) -> None:
    journal = b'{"journal_id": "%b", "written": 1, "numbers": %b}' % (str(JOURNAL_ID).encode(), numbers)
    body = b'{"action_attempts": [], "journal": ' + journal + b', "action_attempts": []}'
    with pytest.raises(ApiError) as refused:
        decode_ingest(body, None)
    assert (refused.value.status, refused.value.path) == (400, "action_attempts")
