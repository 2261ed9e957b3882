"""The operations of the write door, which are not Django views, described from the documents they take."""

from typing import Any, Final, Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from actionlog_site.openapi.structs import schemas_of
from attempts.records import FINAL_STATUSES as ATTEMPT_FINAL
from resolutions.decoding import AppendRequest, IngestRequest
from resolutions.records import FINAL_STATUSES as RESOLUTION_FINAL


class WriteWarning(Struct):
    """Something was kept otherwise than it was sent."""

    path: str
    message: str


class Written(Struct):
    """What became of one document."""

    id: UUID
    outcome: Literal["created", "updated", "unchanged"]
    warnings: list[WriteWarning]
    cursor: int


class Fault(Struct):
    """Why a document was not taken."""

    code: str
    message: str
    field: str | None
    path: str | None


class IngestResult(Struct):
    """What became of one document of a batch. error is null when it was taken."""

    id: str | None
    outcome: Literal["created", "updated", "unchanged", "conflict", "rejected", "not_found", "forbidden"]
    error: Fault | None
    warnings: list[WriteWarning]


class JournalResult(Struct):
    """Whether the journal's numbers were noted: not those of a journal that belongs to another engine."""

    journal_id: UUID
    outcome: Literal["taken", "forbidden", "rejected"]
    error: Fault | None


class IngestAnswer(Struct):
    """Resolution attempts first, then action attempts, each in the order sent. cursor: of the live feed.

    journal is there when the request had one.
    """

    results: list[IngestResult]
    cursor: int
    journal: JournalResult | UnsetType = UNSET


ERRORS: Final = {
    "400": "The document is not valid; field and path say where.",
    "401": "No API key was sent, or one that is unknown or revoked.",
    "403": "The API key lacks the scope ingest, or is bound to another engine.",
    "408": "The body did not arrive within a minute.",
    "409": "The document contradicts what is stored. Nothing of it was applied.",
    "413": "The request or the document is larger than this server takes.",
    "503": "Too much is waiting, or the database cannot be reached. Send it again after Retry-After seconds.",
}
NOT_FOUND: Final = {"404": "No record of this id is known."}

_ATTEMPT: Final = "0190d3a5-6c1e-7b43-9f0e-2a1b3c4d5e6f"
_RESOLUTION: Final = "0190d3a5-5f00-7d11-8c1d-0e1f2a3b4c5d"
_START: Final = {
    "attempt_id": _ATTEMPT,
    "action_id": "restart-pool-1",
    "action_type": "restart_connection_pool",
    "incident_id": "INC-2041",
    "resolution_id": _RESOLUTION,
    "engine": "resolver",
    "environment": "production",
    "parameters": {"pool": "orders"},
    "started_at": "2026-01-31T12:00:00Z",
}
_OPEN: Final = {
    "resolution_id": _RESOLUTION,
    "incident_id": "INC-2041",
    "severity": "high",
    "title": "Orders time out",
    "engine": "resolver",
    "started_at": "2026-01-31T11:59:30Z",
}
_STEP: Final = {"sequence": 0, "step": "drain", "status": "success", "timestamp": "2026-01-31T12:00:01Z"}
_JOURNAL: Final = {
    "journal_id": "0190d3a5-4000-7a11-9c1d-0e1f2a3b4c5d",
    "written": 3,
    "engine": "resolver",
    "host": "ops-1",
    "process_id": 4711,
    "numbers": {"resolution_attempts": [[[1, 1]]], "action_attempts": [[[2, 3]]]},
}
_ATTEMPT_OUTCOME: Final = {"status": "success", "completed_at": "2026-01-31T12:00:05Z", "result": {"restarted": 4}}
_RESOLUTION_OUTCOME: Final = {"status": "resolved", "completed_at": "2026-01-31T12:01:00Z"}
_IDENTITIES: Final = ("attempt_id", "resolution_id", "action_id", "action_type", "incident_id")


def add_write_operations(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    schemas.update(schemas_of([IngestRequest, AppendRequest, IngestAnswer, Written]))
    schemas["AttemptCompletion"] = _completion(schemas["AttemptDocument"], ATTEMPT_FINAL)
    schemas["ResolutionCompletion"] = _completion(schemas["ResolutionDocument"], RESOLUTION_FINAL)
    schemas["Heartbeat"] = {"type": "object", "properties": {}, "additionalProperties": False}
    for path, operation in _operations().items():
        result["paths"].setdefault(path, {})["post"] = operation
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _operations() -> dict[str, dict[str, Any]]:
    attempt, resolution = "/api/action-attempts/", "/api/resolution-attempts/"
    one_attempt, one_resolution = attempt + "{attempt_id}/", resolution + "{resolution_id}/"
    return {
        "/api/ingest/": _operation(
            "ingest",
            "Many documents in one transaction. 207 when some were not taken, or the numbers of the journal were not; "
            "the others are recorded.",
            "IngestRequest",
            {"resolution_attempts": [_OPEN], "action_attempts": [{**_START, "logs": [_STEP]}], "journal": _JOURNAL},
            {"200": "IngestAnswer", "207": "IngestAnswer"},
            tag="ingest",
            errors={status: text for status, text in ERRORS.items() if status != "409"},
        ),
        attempt: _operation(
            "action_attempts_record",
            "One action attempt, whole or in part: its start, or all of it.",
            "AttemptDocument",
            _START,
            {"200": "Written", "201": "Written"},
        ),
        one_attempt + "logs/": _operation(
            "action_attempts_append",
            "Steps, each with its sequence.",
            "AppendRequest",
            {"logs": [_STEP]},
            id_name="attempt_id",
        ),
        one_attempt + "complete/": _operation(
            "action_attempts_complete", "The outcome.", "AttemptCompletion", _ATTEMPT_OUTCOME, id_name="attempt_id"
        ),
        one_attempt + "heartbeat/": _operation(
            "action_attempts_heartbeat", "The engine is still there.", "Heartbeat", {}, id_name="attempt_id"
        ),
        resolution: _operation(
            "resolution_attempts_record",
            "One resolution attempt, whole or in part.",
            "ResolutionDocument",
            _OPEN,
            {"200": "Written", "201": "Written"},
        ),
        one_resolution + "complete/": _operation(
            "resolution_attempts_complete",
            "The outcome.",
            "ResolutionCompletion",
            _RESOLUTION_OUTCOME,
            id_name="resolution_id",
        ),
        one_resolution + "heartbeat/": _operation(
            "resolution_attempts_heartbeat", "The engine is still there.", "Heartbeat", {}, id_name="resolution_id"
        ),
    }


def _operation(
    operation_id: str,
    description: str,
    body: str,
    example: dict[str, Any],
    answers: dict[str, str] | None = None,
    *,
    id_name: str | None = None,
    tag: str | None = None,
    errors: dict[str, str] = ERRORS,
) -> dict[str, Any]:
    refusals = {**errors, **(NOT_FOUND if id_name else {})}
    if body == "Heartbeat":
        del refusals["409"]
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "description": description,
        "tags": [tag or operation_id.rpartition("_")[0].replace("_", "-")],
        "security": [{"apiKey": []}],
        "requestBody": {
            "required": body != "Heartbeat",
            "content": {"application/json": {"schema": _ref(body), "example": example}},
        },
        "responses": {
            **{status: _response("", name) for status, name in (answers or {"200": "Written"}).items()},
            **{status: _response(text, "Error") for status, text in sorted(refusals.items())},
        },
    }
    if id_name:
        operation["parameters"] = [
            {"in": "path", "name": id_name, "required": True, "schema": {"type": "string", "format": "uuid"}}
        ]
    return operation


def _response(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _completion(document: dict[str, Any], final: tuple[str, ...]) -> dict[str, Any]:
    """A document without its identities, which are taken from what is stored, and with a final status."""
    properties = {name: schema for name, schema in document["properties"].items() if name not in _IDENTITIES}
    return {
        "title": "Completion",
        "type": "object",
        "properties": {**properties, "status": {"enum": list(final)}},
        "required": ["status"],
    }
