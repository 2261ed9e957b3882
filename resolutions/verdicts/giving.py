"""The only writer of verdicts: one transaction that adds a verdict, and lets what is derived from it follow."""

import copy
import uuid
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from django.db import transaction

from access.errors import ApiError, unauthorized
from access.keys import Key
from attempts.rows import AttemptChange
from attempts.storage import ATTEMPTS, Table, execute
from resolutions.feed.entries import head, revision_of
from resolutions.ingest import Admission, publish
from resolutions.models import Verdict
from resolutions.rows import ResolutionChange
from resolutions.storage import RESOLUTIONS
from resolutions.verdicts.details import Subject, VerdictDetail, read_verdicts
from resolutions.verdicts.documents import VerdictDocument

TABLES: Final[dict[Subject, Table[Any]]] = {"attempt": ATTEMPTS, "resolution": RESOLUTIONS}
NAMES: Final[dict[Subject, str]] = {"attempt": "action_attempts", "resolution": "resolution_attempts"}

_INSERT: Final = """
    INSERT INTO verdicts (verdict_id, attempt_id, resolution_id, verdict, source, given_at, given_by, note, received_at)
    VALUES (%(verdict_id)s, %(attempt_id)s, %(resolution_id)s, %(verdict)s, %(source)s, %(given_at)s, %(given_by)s,
            %(note)s, %(received_at)s)
    ON CONFLICT (verdict_id) DO NOTHING RETURNING 1
"""


class Given(NamedTuple):
    """What became of a verdict, as it is stored; and the cursor of the live feed that covers it."""

    outcome: Literal["created", "unchanged"]
    verdict: VerdictDetail
    cursor: int


def give_verdict(
    *,
    subject: Subject,
    record_id: UUID,
    document: VerdictDocument,
    given_by: str,
    now: datetime,
    key: Key | None = None,
) -> Given:
    """Add a verdict that was decoded and checked on one attempt or resolution attempt; what was claimed stays.

    given_by is the name of the user, or of the key that gives it. The latest verdict (by given_at, then by id) becomes
    the record's own, and rollups and live feed follow. A verdict under an id that is known already changes nothing.

    Raises ApiError: 404 for an unknown record, 409 for another content under a known id, 403 for a key that is bound to
    another engine, or that speaks for a human; 401 for one that was revoked meanwhile.
    """
    source = document.source or ("human" if key is None else "check")
    if key is not None and source == "human":
        message = "An API key gives verdicts of the sources check and alert. For a human's verdict, sign in."
        raise ApiError(403, message, field="source", path="source")
    with transaction.atomic():
        admission = Admission([] if key is None else [key.id])
        if key is not None and not admission.is_active(key.id):
            raise unauthorized("This API key was revoked. Ask for a new one.")
        rows = TABLES[subject].lock([record_id])
        if not rows:
            raise no_such(subject, record_id)
        (row,) = rows
        if key is not None and key.engine is not None and row.engine != key.engine:
            raise ApiError(403, f"This key writes only the records of the engine {key.engine!r}.", field="engine")
        verdict: dict[str, Any] = {
            "verdict_id": document.verdict_id or uuid.uuid4(),
            "attempt_id": record_id if subject == "attempt" else None,
            "resolution_id": record_id if subject == "resolution" else None,
            "verdict": document.verdict,
            "source": source,
            "given_at": document.given_at or now,
            "given_by": given_by,
            "note": document.note or "",
            "received_at": now,
        }
        if execute(_INSERT, verdict).fetchone() is None:
            return _unchanged(verdict, document)
        cursor = follow(subject, row, now=now)
        return Given("created", VerdictDetail(**verdict), cursor)


def follow(subject: Subject, row: Any, *, now: datetime) -> int:
    """Make the latest verdict that of this locked row, and tell receivers and feed. Returns the cursor.

    Also for recount.py, in a transaction that began as recordings do.
    """
    after = copy.copy(row)
    id_name = f"{subject}_id"
    record_id = getattr(row, id_name)
    found = execute(
        f"SELECT verdict, given_at FROM verdicts WHERE {id_name} = %s"  # noqa: S608  # names of our own columns
        " ORDER BY given_at DESC, verdict_id DESC LIMIT 1",
        [record_id],
    ).fetchone()
    after.verdict, after.verdict_at = found or (None, None)
    if (after.verdict, after.verdict_at) != (row.verdict, row.verdict_at):
        execute(
            f"UPDATE {NAMES[subject]} SET verdict = %s, verdict_at = %s WHERE {id_name} = %s",  # noqa: S608
            [after.verdict, after.verdict_at, record_id],
        )
    # Told also where an earlier verdict was added: whoever shows the record shows its verdicts.
    if subject == "attempt":
        return revision_of(publish([], [AttemptChange(row, after, [])], now=now))
    return revision_of(publish([ResolutionChange(row, after)], [], now=now))


def no_such(subject: Subject, record_id: UUID) -> ApiError:
    noun = {"attempt": "action attempt", "resolution": "resolution attempt"}[subject]
    return ApiError(404, f"There is no {noun} {record_id}.")


def _unchanged(sent: dict[str, Any], document: VerdictDocument) -> Given:
    """The answer to a verdict under an id that is known. Raises ApiError 409 unless it says what is known."""
    (known,) = read_verdicts(Verdict.objects.filter(pk=sent["verdict_id"]))
    # Who gives it is not sent, and when only if it was told.
    names = ["attempt_id", "resolution_id", "verdict", "source", "note"] + ["given_at"] * (
        document.given_at is not None
    )
    for name in names:
        if getattr(known, name) != sent[name]:
            field = "verdict_id" if name.endswith("_id") else name
            raise ApiError(
                409, "Another verdict is known under this id. Give it an id of its own.", field=field, path=field
            )
    return Given("unchanged", known, head())
