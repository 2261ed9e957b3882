"""The only writer and reader of imported_files: which files were imported, and how they stood then.

It saves reading them again and is no part of the record: a file that is missing here is read again, and changes
nothing that is recorded already.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.json import encode as encode_json

from attempts.storage import execute, uuid_array
from resolutions.importing.documents import Import
from resolutions.importing.folder import FoundFile, printable
from resolutions.models import ImportedFile

_NOTE: Final = """
    INSERT INTO imported_files AS known (digest, path, size, mtime_ns, ctime_ns, outcome, reason, imported_at)
    SELECT digest, path, size, mtime_ns, ctime_ns, outcome, reason, imported_at
    FROM json_populate_recordset(NULL::imported_files, %s::json)
    ON CONFLICT (digest) DO UPDATE SET
        size = EXCLUDED.size, mtime_ns = EXCLUDED.mtime_ns, ctime_ns = EXCLUDED.ctime_ns,
        outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, imported_at = EXCLUDED.imported_at
"""
# A change of mode or owner, after which a file may be readable, moves ctime alone; so does what keeps mtime on purpose.
_KNOWN: Final = """
    SELECT given.place - 1
    FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[])
         WITH ORDINALITY AS given(digest, size, mtime_ns, ctime_ns, place)
    JOIN imported_files AS known USING (digest, size, mtime_ns, ctime_ns)
    WHERE known.outcome <> ALL(%s)
"""
_OUTCOMES: Final = {
    "created": ImportedFile.Outcome.IMPORTED,
    "updated": ImportedFile.Outcome.UPDATED,
    "unchanged": ImportedFile.Outcome.UNCHANGED,
}


def leave_out_known(files: Sequence[FoundFile], *, bad_too: bool) -> list[FoundFile]:
    """Those of these files that are new or have changed since they were imported. bad_too: since they were refused."""
    found = execute(
        _KNOWN,
        [
            uuid_array([digest_of(file) for file in files]),
            *([getattr(file, name) for file in files] for name in ("size", "mtime_ns", "ctime_ns")),
            [] if bad_too else [ImportedFile.Outcome.BAD.value],
        ],
    )
    known = {place for (place,) in found.fetchall()}
    return [file for place, file in enumerate(files) if place not in known]


def note(imports: Sequence[Import], *, now: datetime) -> None:
    """Remember what became of these files, whose submissions have been told it."""
    rows: dict[UUID, dict[str, Any]] = {}
    for each in imports:
        digest, reason = digest_of(each.file), each.reason
        rows[digest] = {
            "digest": digest,
            "path": printable(each.file.path),
            "size": each.file.size,
            "mtime_ns": each.file.mtime_ns,
            "ctime_ns": each.file.ctime_ns,
            "outcome": outcome_of(each).value,
            "reason": None if reason is None else printable(reason),
            "imported_at": now,
        }
    if rows:
        execute(_NOTE, [encode_json([rows[digest] for digest in sorted(rows)]).decode()])


def outcome_of(each: Import) -> ImportedFile.Outcome:
    """What became of a file, once its submission was told it."""
    told = None if each.submission is None else each.submission.outcome
    return _OUTCOMES.get(told or "", ImportedFile.Outcome.BAD)


def bad_files(folder: str, *, since: datetime) -> Iterator[tuple[str, str]]:
    """Path and reason of the files below this absolute path that were found to be bad since then, by path."""
    below = printable(os.path.join(folder, ""))
    bad = ImportedFile.objects.filter(outcome=ImportedFile.Outcome.BAD, imported_at__gte=since)
    found = bad.filter(path__startswith=below) | bad.filter(path=printable(folder))
    for path, reason in found.order_by("path").values_list("path", "reason").iterator():
        yield path, reason or ""


def digest_of(file: FoundFile) -> UUID:
    """The key of a file: its absolute path, whatever bytes it is made of."""
    return UUID(bytes=hashlib.blake2b(os.fsencode(file.path), digest_size=16).digest())
