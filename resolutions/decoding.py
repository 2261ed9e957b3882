"""Turns the bytes of a request into submissions: one list of documents, or one document. Writes nothing.

The fast way decodes the whole request into structs at once. When a document in it is at fault, the request is split
(splitting.py), and each document is decoded alone: one bad document never costs the others theirs.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from access.errors import ApiError
from access.keys import Key
from attempts.decoding import ATTEMPT_DECODER, decode_document, decode_json, readable_refusal
from attempts.limits import limits
from attempts.records import AttemptDocument, Step
from attempts.submissions import Submission
from attempts.validation import Fault, Suspicion, check_attempt, check_fields, join, require, suspicion_of
from engines.records import JournalReport, check_report
from resolutions.records import REQUIRED_IN_RESOLUTION, ResolutionDocument
from resolutions.splitting import split_lists, too_many

Kind = Literal["resolution_attempt", "action_attempt"]

RESOLUTION_DECODER: Final = msgspec.json.Decoder(ResolutionDocument)
LISTS: Final[dict[str, Kind]] = {"resolution_attempts": "resolution_attempt", "action_attempts": "action_attempt"}
JOURNAL: Final[Literal["journal"]] = "journal"
MOST_WARNINGS: Final = 50


class IngestRequest(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The body of POST /api/ingest/. journal: what the sender's journal has, and which of it is in this request."""

    resolution_attempts: list[ResolutionDocument] = []
    action_attempts: list[AttemptDocument] = []
    journal: JournalReport | None = None


class AppendRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /api/action-attempts/{id}/logs/."""

    logs: list[Step]


class _Ids(Struct):
    """The ids in a document, whatever they are. All else in it is passed over."""

    attempt_id: Any = None
    resolution_id: Any = None


_INGEST_DECODER: Final = msgspec.json.Decoder(IngestRequest)
_APPEND_DECODER: Final = msgspec.json.Decoder(AppendRequest)
_JOURNAL_DECODER: Final = msgspec.json.Decoder(JournalReport | None)
_IDS: Final = msgspec.json.Decoder(_Ids)
# Members by the name of JOURNAL, also of documents: "journal" alone is no rare text.
_JOURNAL_MEMBER: Final = re.compile(rb'"journal"[ \t\n\r]*:')


def check_resolution(document: ResolutionDocument, suspicion: Suspicion, *, partial: bool = False) -> None:
    """Check and clean one resolution document in place. Raises Fault, its path within the document."""
    if not partial:
        require(document, REQUIRED_IN_RESOLUTION)
    check_fields(document, suspicion)


def decode_ingest(body: bytes, key: Key | None) -> list[Submission[Any]]:
    """The submissions of an ingest request: resolution attempts, action attempts, the report of the journal if any.

    Raises ApiError for the request as a whole.
    """
    request = _decode_at_once(body)
    if request is not None:
        if len(request.resolution_attempts) + len(request.action_attempts) > limits().documents:
            raise as_api_error(too_many(limits().documents))
        suspicion = suspicion_of(body, [*request.resolution_attempts, *request.action_attempts])
        lists = {
            name: [
                _submission(kind, document, f"{name}[{position}]", key, suspicion)
                for position, document in enumerate(getattr(request, name))
            ]
            for name, kind in LISTS.items()
        }
        return _with_journal(lists, request.journal, key, suspicion)
    try:
        parts = split_lists(body, LISTS, limits().documents, beside=(JOURNAL,))
        source = parts.get(JOURNAL, [b"null"])[0]
        if (bad := _bad_byte(source)) is not None:
            raise Fault(f"Not valid UTF-8 at byte {bad} of it.", path=JOURNAL)
        report = decode_json(source, _JOURNAL_DECODER, JOURNAL)
    except Fault as fault:
        raise as_api_error(fault) from fault
    lists = {
        name: [
            _decode_part(kind, part, f"{name}[{position}]", key) for position, part in enumerate(parts.get(name, ()))
        ]
        for name, kind in LISTS.items()
    }
    return _with_journal(lists, report, key, suspicion_of(source, []))


def _decode_at_once(body: bytes) -> IngestRequest | None:
    """The request as a whole; None when it is to be split, which finds the fault in it."""
    if len(body) > limits().document_bytes or _bad_byte(body) is not None:
        return None
    try:
        request = _INGEST_DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    # Of a member that is there twice, decoding keeps the last alone.
    for name in LISTS:
        told_in_journal = request.journal is not None and request.journal.carried(name) is not None
        if body.count(b'"%b"' % name.encode()) > 1 + told_in_journal:
            return None
    if body.count(b'"journal"') > 1 and len(_JOURNAL_MEMBER.findall(body)) > 1:
        return None
    return request


def _with_journal(
    lists: dict[str, list[Submission[Any]]], report: JournalReport | None, key: Key | None, suspicion: Suspicion
) -> list[Submission[Any]]:
    """All submissions of a request: its documents, each with the numbers that it carries, and the report.

    Raises ApiError for a report that is not valid, or is of an engine that the key may not write for.
    """
    submissions = [submission for name in LISTS for submission in lists[name]]
    if report is None:
        return submissions
    try:
        check_report(report, {name: len(found) for name, found in lists.items()}, suspicion)
    except Fault as fault:
        raise as_api_error(fault.within(JOURNAL)) from fault
    engine = None if key is None else key.engine
    if engine is not None:
        report.engine = engine if report.engine is None else report.engine
        if report.engine != engine:
            message = f"This key writes only for the engine {engine!r}."
            raise ApiError(403, message, field="engine", path=f"{JOURNAL}.engine")
    journal: Submission[Any] = Submission(JOURNAL, report, key=key, path=JOURNAL)
    for name, found in lists.items():
        for submission, numbers in zip(found, report.carried(name) or (), strict=False):
            submission.journal, submission.numbers = journal, numbers
    return [*submissions, journal]


def decode_single(kind: Kind, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of a request that is one document, a rejected one when it is at fault.

    Raises ApiError when the body is not UTF-8.
    """
    check_text(body)
    return _decode_part(kind, body, "", key)


def decode_completion(kind: Kind, record_id: UUID, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of a completion: a document without identities, a rejected one when it is at fault.

    Raises ApiError when the body is no object, is not for this record, or tells no final status.
    """
    check_text(body)
    id_field = "attempt_id" if kind == "action_attempt" else "resolution_id"
    told = _object_of(body)
    try:
        if id_field in told and _read_id(told[id_field]) not in (None, record_id):
            raise Fault("This is not the id in the address.", path=id_field)
        told[id_field] = Raw(msgspec.json.encode(record_id))
        status = bytes(told.get("status", b"null"))
        if status == b"null":
            raise Fault("A completion tells the final status.", path="status")
        if status in (b'"pending"', b'"in_progress"'):
            raise Fault("A completion tells a final status, not one that is still open.", path="status")
    except Fault as fault:
        raise as_api_error(fault) from fault
    return _decode_part(kind, msgspec.json.encode(told), "", key, existing_only=True)


def decode_steps(record_id: UUID, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of steps to append: {"logs": [...]}, each with its sequence; a rejected one when a check fails.

    Raises ApiError when the body is larger than a document may be, or cannot be decoded.
    """
    check_text(body)
    if len(body) > limits().document_bytes:
        raise ApiError(413, f"The steps are larger than {limits().document_bytes} bytes; send them in parts.")
    try:
        request = decode_json(body, _APPEND_DECODER, "")
    except Fault as fault:
        if "unknown field" not in fault.message:
            raise as_api_error(fault) from fault
        # Unknown fields of steps go to extra, as in any document.
        told = _object_of(body)
        if set(told) != {"logs"}:
            raise ApiError(400, 'Send {"logs": [...]} and nothing beside it.', path=_first_strange(told)) from fault
        told["attempt_id"] = Raw(msgspec.json.encode(record_id))
        return _decode_part("action_attempt", msgspec.json.encode(told), "", key, existing_only=True)
    document = AttemptDocument(attempt_id=record_id, logs=request.logs)
    return _submission("action_attempt", document, "", key, suspicion_of(body, [document]), existing_only=True)


def heartbeat(kind: Kind, record_id: UUID, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of a heartbeat, which tells nothing but that the engine is there. Raises ApiError."""
    if body.strip() not in (b"", b"{}"):
        raise ApiError(400, "A heartbeat has no body, or {}.")
    document = (
        AttemptDocument(attempt_id=record_id)
        if kind == "action_attempt"
        else ResolutionDocument(resolution_id=record_id)
    )
    return Submission(kind, document, key=key, existing_only=True)


_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])


def _submission(
    kind: Kind, document: Any, path: str, key: Key | None, suspicion: Suspicion, *, existing_only: bool = False
) -> Submission[Any]:
    submission: Submission[Any] = Submission(kind, document, key=key, existing_only=existing_only, path=path)
    check: Callable[..., None] = check_attempt if kind == "action_attempt" else check_resolution
    try:
        check(document, suspicion, partial=existing_only)
    except Fault as found:
        fault = found.within(path) if path else found
        submission.told_id = submission.id()
        # The document may be cleaned in part, and redacting a mark again changes nothing.
        submission.refused_text = readable_refusal(msgspec.json.encode(document))
        submission.document = None
        submission.refuse("rejected", fault.code, fault.message, path=fault.path, name=fault.field)
    return submission


def _decode_part(
    kind: Kind, source: bytes, path: str, key: Key | None, *, existing_only: bool = False
) -> Submission[Any]:
    """The submission of one document decoded alone, a rejected one when it is at fault."""
    decoder: Any = ATTEMPT_DECODER if kind == "action_attempt" else RESOLUTION_DECODER
    try:
        if (bad := _bad_byte(source)) is not None:
            raise Fault(f"Not valid UTF-8 at byte {bad} of the document.", path=path)
        document, warnings = decode_document(source, decoder, path)
    except Fault as fault:
        submission: Submission[Any] = Submission(kind, None, key=key, path=path, told_id=_told_id(kind, source))
        submission.refused_text = readable_refusal(source)
        submission.refuse("rejected", fault.code, fault.message, path=fault.path, name=fault.field)
        return submission
    submission = _submission(kind, document, path, key, suspicion_of(source, [document]), existing_only=existing_only)
    submission.warnings = _first_warnings(warnings, path)
    return submission


def _first_warnings(warnings: list[dict[str, str]], path: str) -> list[dict[str, str]]:
    """Few enough to read, and to send: each repeats the path of a field, and a document may be nothing but fields."""
    more = len(warnings) - MOST_WARNINGS
    if more <= 0:
        return warnings
    rest = {"path": join(path, "extra"), "message": f"{more} more fields are not known; they are kept in extra."}
    return [*warnings[:MOST_WARNINGS], rest]


def _object_of(body: bytes) -> dict[str, Raw]:
    """The members of the object that the body is. Raises ApiError."""
    try:
        return decode_json(body, _OBJECT, "")
    except Fault as fault:
        raise as_api_error(fault) from fault


def check_text(body: bytes) -> None:
    """Raises ApiError when this is not UTF-8."""
    if (bad := _bad_byte(body)) is not None:
        raise ApiError(400, f"Not valid UTF-8 at byte {bad}.")


def _bad_byte(source: bytes) -> int | None:
    """Where this stops being UTF-8; None when all of it is."""
    if not source.isascii():
        try:
            source.decode()
        except UnicodeDecodeError as error:
            return error.start
    return None


def as_api_error(fault: Fault) -> ApiError:
    """The answer to a request that is at fault as a whole."""
    status = 413 if fault.code == "too_large" else 400
    return ApiError(status, fault.message, field=fault.field, path=fault.path or None)


def _told_id(kind: Kind, source: bytes) -> str | None:
    """The id of a document that cannot be decoded, as far as it can be read, for the sender to recognise it."""
    try:
        told = _IDS.decode(source)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    found = told.attempt_id if kind == "action_attempt" else told.resolution_id
    return found[:255] if isinstance(found, str) else None


def _read_id(raw: Raw) -> Any:
    """The UUID, None for null, and the JSON itself when it is neither."""
    try:
        return msgspec.json.decode(raw, type=UUID | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw


def _first_strange(told: dict[str, Raw]) -> str | None:
    return next((name for name in told if name != "logs"), None)
