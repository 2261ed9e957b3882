"""What the verbs of operators share: who may be told what, the locks, and the history of a pattern."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from access.errors import ApiError
from analytics.patterns.models import FailurePattern, PatternChange
from attempts.locks import PATTERN_DECISIONS, RECORDING
from attempts.storage import execute
from attempts.validation import clean_text

# What is done to patterns without an operator.
ACTIONLOG = "actionlog"


def begin_decision() -> None:
    """Take the locks under which operators decide, in an open transaction.

    Decisions follow one another. They go on beside recorders, which the rows' own locks hold off where they must, and
    not beside a repair, which counts what a merge or a split moves.
    """
    execute(f"SELECT pg_advisory_xact_lock_shared({RECORDING}), pg_advisory_xact_lock({PATTERN_DECISIONS})")


def locked_patterns(ids: Collection[UUID]) -> dict[UUID, FailurePattern]:
    """The patterns of these ids that exist, locked in the order of their ids until the transaction ends."""
    rows = FailurePattern.objects.filter(pattern_id__in=ids).order_by("pattern_id").select_for_update(no_key=True)
    return {row.pattern_id: row for row in rows}


def living(pattern: FailurePattern | None, pattern_id: UUID) -> FailurePattern:
    """The pattern, unless it does not exist (ApiError 404) or was merged into another (409)."""
    if pattern is None:
        raise ApiError(404, f"There is no failure pattern {pattern_id}.")
    if pattern.merged_into_id is not None:
        raise ApiError(409, f"This pattern was merged into {pattern.merged_into_id}. Decide there.")
    return pattern


def note_change(
    pattern: FailurePattern,
    change: PatternChange.Change,
    *,
    from_state: str,
    actor: str,
    at: datetime,
    note: str = "",
    other: FailurePattern | None = None,
    moved: Iterable[UUID] = (),
    details: dict[str, Any] | None = None,
) -> None:
    """One row of history; the pattern is as it is now. moved are the fingerprints that came or went."""
    prints = sorted(moved)
    told = {**(details or {}), **({"fingerprints": [str(one) for one in prints]} if prints else {})}
    PatternChange.objects.create(
        pattern=pattern,
        change=change,
        from_state=from_state,
        to_state=pattern.state,
        other_pattern=other,
        fingerprints=len(prints),
        details=told or None,
        changed_at=at,
        changed_by=actor,
        note=clean_text(note),
    )
