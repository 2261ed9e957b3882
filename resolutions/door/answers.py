"""The answers of the write door: outcomes as JSON, and which status says what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.json import encode as encode_json

from access.errors import ApiError
from attempts.submissions import TAKEN, Submission
from resolutions.ingest import answer_of

STATUS: Final = {
    "created": 201,
    "updated": 200,
    "unchanged": 200,
    "conflict": 409,
    "rejected": 400,
    "not_found": 404,
    "forbidden": 403,
    "unauthorized": 401,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; the body is JSON."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def error_answer(error: ApiError) -> Answer:
    return Answer(error.status, encode_json(error.body()), error.headers)


def batch_answer(submissions: Sequence[Submission[Any]], cursor: int) -> Answer:
    """200 when all were taken, documents and journal, 207 when some were not."""
    taken = all(submission.outcome in TAKEN for submission in submissions)
    return Answer(200 if taken else 207, encode_json(answer_of(submissions, cursor)))


def single_answer(submission: Submission[Any], cursor: int) -> Answer:
    """What became of the one document, or the error that it met."""
    if submission.error is not None:
        return error_answer(error_of(submission))
    body = {
        "id": submission.id(),
        "outcome": submission.outcome,
        "warnings": submission.warnings,
        "cursor": cursor,
    }
    return Answer(STATUS[submission.outcome or ""], encode_json(body))


def error_of(submission: Submission[Any]) -> ApiError:
    error: dict[str, Any] = submission.error or {}
    status = 413 if error["code"] == "too_large" else STATUS[submission.outcome or ""]
    return ApiError(status, error["message"], code=error["code"], field=error["field"], path=error["path"] or None)
