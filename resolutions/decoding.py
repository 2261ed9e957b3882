"""Turns the bytes of a request into submissions: one list of documents, or one document. Writes nothing.

The fast way decodes the whole request into structs at once. When a document in it is at fault, the request is taken
apart, and each document is decoded alone: one bad document never costs the others theirs.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from access.errors import ApiError
from access.keys import Key
from attempts.canonical import encode_exact
from attempts.decoding import ATTEMPT_DECODER, decode_document, decode_json, fault_of, readable_refusal
from attempts.limits import limits
from attempts.records import AttemptDocument, Step
from attempts.submissions import Submission
from attempts.validation import Fault, Suspicion, check_attempt, check_fields, require, suspicion_of
from resolutions.records import REQUIRED_IN_RESOLUTION, ResolutionDocument

Kind = Literal["resolution_attempt", "action_attempt"]

RESOLUTION_DECODER: Final = msgspec.json.Decoder(ResolutionDocument)


class IngestRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /api/ingest/."""

    resolution_attempts: list[ResolutionDocument] = []
    action_attempts: list[AttemptDocument] = []


class AppendRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /api/action-attempts/{id}/logs/."""

    logs: list[Step]


class _Source:
    """One document of a list that is taken apart, as JSON."""

    def __init__(self, value: Any) -> None:
        self.json = encode_exact(value)


class _TakenApart(Struct, forbid_unknown_fields=True):
    resolution_attempts: list[_Source] = []
    action_attempts: list[_Source] = []


_INGEST_DECODER: Final = msgspec.json.Decoder(IngestRequest)
_APPEND_DECODER: Final = msgspec.json.Decoder(AppendRequest)


def check_resolution(document: ResolutionDocument, suspicion: Suspicion, *, partial: bool = False) -> None:
    """Check and clean one resolution document in place. Raises Fault, its path within the document."""
    if not partial:
        require(document, REQUIRED_IN_RESOLUTION)
    check_fields(document, suspicion)


def decode_ingest(body: bytes, key: Key | None) -> list[Submission[Any]]:
    """The submissions of an ingest request, resolution attempts first. Raises ApiError for the request as a whole."""
    _check_text(body)
    if len(body) <= limits().document_bytes:
        try:
            request = _INGEST_DECODER.decode(body)
        except (msgspec.DecodeError, RecursionError):
            pass  # taken apart below, which finds the fault
        else:
            _check_count(len(request.resolution_attempts) + len(request.action_attempts))
            suspicion = suspicion_of(body, [*request.resolution_attempts, *request.action_attempts])
            resolutions = [
                _submission("resolution_attempt", document, f"resolution_attempts[{position}]", key, suspicion)
                for position, document in enumerate(request.resolution_attempts)
            ]
            attempts = [
                _submission("action_attempt", document, f"action_attempts[{position}]", key, suspicion)
                for position, document in enumerate(request.action_attempts)
            ]
            return [*resolutions, *attempts]
    parts = _take_apart(body)
    return [
        _decode_part(kind, source, f"{kind}s[{position}]", key)
        for kind, sources in parts
        for position, source in enumerate(sources)
    ]


def decode_single(kind: Kind, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of a request that is one document. Raises ApiError when nothing of it can be recorded."""
    _check_text(body)
    return _decode_part(kind, body, "", key)


def decode_completion(kind: Kind, record_id: UUID, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of a completion: a document without identities, and with a final status. Raises ApiError."""
    _check_text(body)
    id_field = "attempt_id" if kind == "action_attempt" else "resolution_id"
    try:
        told = decode_json(body, _OBJECT, "")
        if id_field in told and bytes(told[id_field]).strip(b'"').decode().lower() != str(record_id):
            raise Fault("This is not the id in the address.", path=id_field)
        told[id_field] = Raw(msgspec.json.encode(record_id))
        status = bytes(told.get("status", b"null"))
        if status == b"null":
            raise Fault("A completion tells the final status.", path="status")
        if status in (b'"pending"', b'"in_progress"'):
            raise Fault("A completion tells a final status, not one that is still open.", path="status")
    except Fault as fault:
        raise _as_api_error(fault) from fault
    return _decode_part(kind, msgspec.json.encode(told), "", key, existing_only=True)


def decode_steps(record_id: UUID, body: bytes, key: Key | None) -> Submission[Any]:
    """The submission of steps to append: {"logs": [...]}, each with its sequence. Raises ApiError."""
    _check_text(body)
    try:
        request = decode_json(body, _APPEND_DECODER, "")
    except Fault as fault:
        if "unknown field" not in fault.message:
            raise _as_api_error(fault) from fault
        # Unknown fields of steps go to extra, as in any document.
        told = msgspec.json.decode(body, type=dict[str, Raw])
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
    """One document decoded alone. A part of a list is rejected where a request of one document raises ApiError."""
    decoder: Any = ATTEMPT_DECODER if kind == "action_attempt" else RESOLUTION_DECODER
    try:
        document, warnings = decode_document(source, decoder, path)
    except Fault as fault:
        submission: Submission[Any] = Submission(kind, None, key=key, path=path, told_id=_told_id(kind, source))
        submission.refused_text = readable_refusal(source)
        submission.refuse("rejected", fault.code, fault.message, path=fault.path, name=fault.field)
        return submission
    submission = _submission(kind, document, path, key, suspicion_of(source, [document]), existing_only=existing_only)
    submission.warnings = warnings
    return submission


def _take_apart(body: bytes) -> list[tuple[Kind, list[bytes]]]:
    """The documents of a request, each as JSON. Stops at the first document too many, before memory is spent."""
    count = 0

    def source_of(_type: type, value: Any) -> _Source:
        nonlocal count
        count += 1
        _check_count(count)
        return _Source(value)

    decoder = msgspec.json.Decoder(_TakenApart, dec_hook=source_of, float_hook=Decimal)
    try:
        parts = decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _as_api_error(fault_of(error, "")) from error
    return [
        ("resolution_attempt", [part.json for part in parts.resolution_attempts]),
        ("action_attempt", [part.json for part in parts.action_attempts]),
    ]


def _check_text(body: bytes) -> None:
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise ApiError(400, f"Not valid UTF-8 at byte {error.start}.") from error


def _check_count(count: int) -> None:
    if count > limits().documents:
        raise ApiError(413, f"More than {limits().documents} documents in one request; send them in several.")


def _as_api_error(fault: Fault) -> ApiError:
    status = 413 if fault.code == "too_large" else 400
    return ApiError(status, fault.message, field=fault.field, path=fault.path or None)


def _told_id(kind: Kind, source: bytes) -> str | None:
    """The id of a document that cannot be decoded, as far as it can be read, for the sender to recognise it."""
    try:
        told = msgspec.json.decode(source, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None
    found = told.get("attempt_id" if kind == "action_attempt" else "resolution_id")
    return found[:255] if isinstance(found, str) else None


def _first_strange(told: dict[str, Raw]) -> str | None:
    return next((name for name in told if name != "logs"), None)
