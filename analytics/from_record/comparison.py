"""The failed attempt and the candidates it is compared with, read within bounds. What differs is in comparison.py."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from django.db import connection
from msgspec import Struct

from analytics.comparison import ComparedAttempt, Comparison, compare, nearest
from analytics.from_record.bounds import parameters_text
from analytics.snapshot import one_snapshot
from analytics.step_durations import StepEntry
from attempts.canonical import decode_exact
from attempts.details import EMPTY_OBJECT, detail_of_attempt, value_or
from attempts.rows import AttemptRow
from resolutions.timeline import end_of

MOST_LOOKED_THROUGH: Final = 20_000
MOST_CANDIDATES: Final = 1_000
MOST_STEPS: Final = 2_000
LONGEST_NAME: Final = 1_000
# Larger parameters, stored or as text, are not looked at.
LARGEST_PARAMETERS: Final = 65_536


class AttemptComparison(Struct, kw_only=True):
    """A failed attempt beside the nearest successful one: same action type and environment, fewest differing
    parameters, of these the one that started last.

    candidates says how many were looked at: the latest successful ones, at most 1,000, with at most 64 KiB of
    parameters, among the latest 20,000 attempts of the action type. complete is true when there are no others.
    """

    action_type: str
    environment: str | None
    candidates: int
    complete: bool
    comparison: Comparison


class NotFailed(Exception):
    """The attempt did not fail, so that there is nothing to compare."""


class NoneSuccessful(Exception):
    """No successful attempt is known that it could be compared with. The message is for whoever asked."""


_ROW: Final = """
    SELECT row_to_json(told)::text FROM (
        SELECT attempt_id, action_type, environment, status, parameters, started_at, completed_at, first_step_at,
            execution_time_seconds, received_at, last_heard_at, abandoned_at
        FROM action_attempts WHERE attempt_id = %s
    ) AS told
"""
_STEPS: Final = """
    SELECT left(step, %s), left(status, %s), timestamp FROM action_logs
    WHERE attempt_id = %s ORDER BY sequence LIMIT %s
"""
# The first limit is set before anything is looked at that is not in the index: without it, one environment of many
# might mean that all attempts of the type are read.
_CANDIDATES: Final = f"""
    WITH latest AS (
        SELECT attempt_id, environment, status, effective_started_at FROM action_attempts
        WHERE action_type = %(action_type)s ORDER BY effective_started_at DESC LIMIT %(looked_through)s
    ), alike AS (
        SELECT attempt_id FROM latest
        WHERE status = 'success' AND environment IS NOT DISTINCT FROM %(environment)s
        ORDER BY effective_started_at DESC, attempt_id DESC LIMIT %(candidates)s
    ), looked AS (SELECT count(*) AS through FROM latest)
    SELECT through, attempt_id, effective_started_at, parameters IS NULL,
        {parameters_text(LARGEST_PARAMETERS)}
    FROM looked LEFT JOIN (alike JOIN action_attempts USING (attempt_id)) ON true
"""  # noqa: S608  # our own text
_decode: Final = msgspec.json.Decoder(AttemptRow).decode


def comparison_of(attempt_id: UUID) -> AttemptComparison | None:
    """The comparison of a failed attempt; None where there is no such attempt. Six queries.

    Raises NotFailed for one that did not fail, and NoneSuccessful where no successful one is known.
    """
    with one_snapshot():
        row = _row(attempt_id)
        if row is None:
            return None
        if row.effective_status != "failed":
            raise NotFailed("This attempt did not fail: only a failed one is compared with a successful one.")
        found, looked_through = _candidates(row)
        candidates = [candidate for candidate in found if candidate is not None]
        complete = looked_through < MOST_LOOKED_THROUGH and len(found) < MOST_CANDIDATES and None not in found
        successful = nearest(_compared(row), candidates)
        other = _row(successful.attempt_id) if successful else None
        if other is None:
            where = f" in {row.environment}" if row.environment else ""
            among = "" if complete else f" among the latest {looked_through} attempts of its type"
            raise NoneSuccessful(
                f"No successful attempt of {row.action_type or 'this (empty) type'}{where} is known{among}."
            )
        comparison = compare(_compared(row, _entries(row)), _compared(other, _entries(other)))
    return AttemptComparison(
        action_type=row.action_type or "",
        environment=row.environment,
        candidates=len(candidates),
        complete=complete,
        comparison=comparison,
    )


def _row(attempt_id: UUID) -> AttemptRow | None:
    with connection.cursor() as cursor:
        cursor.execute(_ROW, [attempt_id])
        found = cursor.fetchone()
    return _decode(found[0]) if found else None


def _compared(row: AttemptRow, entries: Sequence[StepEntry] = ()) -> ComparedAttempt:
    return ComparedAttempt(
        attempt_id=row.attempt_id,
        parameters=decode_exact(value_or(row.parameters, EMPTY_OBJECT)),
        started_at=row.effective_started_at,
        ended_at=end_of(detail_of_attempt(row)),
        duration_seconds=row.duration_seconds,
        entries=entries,
    )


def _entries(row: AttemptRow) -> list[StepEntry]:
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, [LONGEST_NAME, LONGEST_NAME, row.attempt_id, MOST_STEPS])
        return [StepEntry(*entry) for entry in cursor]


def _candidates(row: AttemptRow) -> tuple[list[ComparedAttempt | None], int]:
    """The candidates, None for each whose parameters are too large, and how many attempts were looked through."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CANDIDATES,
            {
                "action_type": row.action_type or "",
                "environment": row.environment,
                "looked_through": MOST_LOOKED_THROUGH,
                "candidates": MOST_CANDIDATES,
            },
        )
        found = cursor.fetchall()
    candidates = [
        None
        if text is None and not untold
        else ComparedAttempt(
            attempt_id=attempt_id, parameters=decode_exact((text or "{}").encode()), started_at=started_at
        )
        for _, attempt_id, started_at, untold, text in found
        if attempt_id is not None
    ]
    return candidates, found[0][0]
