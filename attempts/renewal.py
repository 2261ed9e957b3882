"""Failures that carry a fingerprint of earlier masking rules: found, read, and given the one of the present rules.

Only these two derived columns are ever written here; what follows from them is analytics.patterns.regrouping.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from django.db import connection

from attempts import fingerprint as rules
from attempts.informative_line import READ_PART
from attempts.rows import AttemptRow
from attempts.storage import execute, uuid_array

ROWS_A_FETCH: Final = 1000
BEFORE_ALL: Final = UUID(int=0)

# What a fingerprint is made of, and what is counted of a failure.
_COLUMNS: Final = f"""
    attempt_id, action_type, incident_id, error_type, {READ_PART} AS error_message, status, started_at, completed_at,
    first_step_at, received_at, fingerprint, fingerprint_version
"""
_OLD: Final = f"SELECT {_COLUMNS} FROM action_attempts WHERE attempt_id > %s AND fingerprint_version < %s"  # noqa: S608
_ALL: Final = f"SELECT row_to_json(needed)::text FROM ({_OLD}) AS needed"  # noqa: S608  # constants
_BATCH: Final = f"""
    SELECT row_to_json(needed)::text FROM ({_OLD} ORDER BY attempt_id LIMIT %s FOR NO KEY UPDATE) AS needed
"""  # noqa: S608  # constants
_WRITE: Final = """
    UPDATE action_attempts AS stored SET fingerprint = given.fingerprint, fingerprint_version = %s
    FROM unnest(%s::uuid[], %s::uuid[]) AS given (attempt_id, fingerprint) WHERE stored.attempt_id = given.attempt_id
"""

_decode: Final = msgspec.json.Decoder(AttemptRow).decode


def old_failures() -> Iterator[AttemptRow]:
    """Every failure that carries a fingerprint of earlier rules, in no order, with what is counted of it only."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ALL, [BEFORE_ALL, rules.VERSION])
        while texts := cursor.fetchmany(ROWS_A_FETCH):
            for (text,) in texts:
                yield _decode(text)


def locked_old_failures(*, after: UUID, limit: int) -> list[AttemptRow]:
    """The next of them behind this id, in the order of their ids, locked until the transaction ends."""
    return [_decode(text) for (text,) in execute(_BATCH, [after, rules.VERSION, limit]).fetchall()]


def renewed(row: AttemptRow) -> AttemptRow:
    """The failure with the fingerprint of the present rules."""
    fingerprint = rules.fingerprint(row.action_type or "", row.error_type, row.error_message)
    return msgspec.structs.replace(row, fingerprint=fingerprint, fingerprint_version=rules.VERSION)


def write_renewed(rows: Sequence[AttemptRow]) -> None:
    """Write the fingerprints of rows that are locked."""
    write_fingerprints({row.attempt_id: row.fingerprint for row in rows if row.fingerprint is not None})


def write_fingerprints(fingerprints: Mapping[UUID, UUID]) -> None:
    """Write {attempt: fingerprint of the present rules}, where nobody else changes these attempts."""
    execute(_WRITE, [rules.VERSION, uuid_array(fingerprints), uuid_array(fingerprints.values())])
