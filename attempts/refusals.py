"""The only writer of refusals: keeps the documents that were not applied, redacted, with the reason.

A document for a record that does not exist, or from a key that may not write it, is answered and not kept: it says
nothing about a record of ours. Neither is the report of a journal, which is no part of the record.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.json import encode as encode_json

from attempts.storage import execute
from attempts.submissions import Submission
from attempts.validation import clean_text

KEPT: Final = ("conflict", "rejected")

_KEEP: Final = """
    INSERT INTO refusals AS known (digest, kind, outcome, document_id, code, message, field, path, document, times,
                                   first_refused_at, last_refused_at, recorded_by)
    SELECT digest, kind, outcome, document_id, code, message, field, path, document, times,
           first_refused_at, last_refused_at, recorded_by
    FROM json_populate_recordset(NULL::refusals, %s::json)
    ON CONFLICT (digest) DO UPDATE SET times = known.times + EXCLUDED.times, last_refused_at = EXCLUDED.last_refused_at
"""


def keep_refusals(submissions: Sequence[Submission[Any]], *, now: datetime) -> None:
    """Keep what was refused of these. The same document refused again for the same reason is counted."""
    rows: dict[UUID, dict[str, Any]] = {}
    for submission in submissions:
        if submission.outcome not in KEPT or submission.error is None or submission.kind == "journal":
            continue
        document = submission.refused_text or encode_json(submission.document).decode()
        error = submission.error
        source = encode_json([submission.kind, submission.outcome, error["code"], error["message"], document])
        digest = UUID(bytes=hashlib.blake2b(source, digest_size=16).digest())
        if digest in rows:
            rows[digest]["times"] += 1
            continue
        rows[digest] = {
            "digest": digest,
            "kind": submission.kind,
            "outcome": submission.outcome,
            "document_id": _storable(submission.id()),
            "code": error["code"],
            "message": _storable(error["message"]),
            "field": _storable(error["field"]),
            "path": _storable(error["path"], length=None),
            "document": document,
            "times": 1,
            "first_refused_at": now,
            "last_refused_at": now,
            "recorded_by": submission.key_id,
        }
    if rows:
        execute(_KEEP, [encode_json([rows[digest] for digest in sorted(rows)]).decode()])


def _storable(text: str | None, length: int | None = 255) -> str | None:
    """Text about the document for its own columns; the document itself is kept whole."""
    return None if text is None else clean_text(text)[:length]
