"""What operators decide of one pattern: its state. Each decision leaves a row of history.

To decide the same again changes nothing. That a fixed pattern is seen again, which makes it regressed, is noticed while
failures are recorded.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from analytics.patterns.history import begin_decision, living, locked_patterns, note_change
from analytics.patterns.models import FailurePattern, PatternChange

Change = PatternChange.Change
State = FailurePattern.State


def acknowledge(*, pattern_id: UUID, actor: str, note: str = "") -> bool:
    """Somebody knows of it. False when that was its state already."""
    return _decide(pattern_id, State.ACKNOWLEDGED, Change.ACKNOWLEDGED, actor, note)


def fix(*, pattern_id: UUID, actor: str, note: str = "") -> bool:
    """It is fixed as of now: a failure that starts later makes it regressed. False when it was fixed already."""
    return _decide(pattern_id, State.FIXED, Change.FIXED, actor, note)


def ignore(*, pattern_id: UUID, actor: str, note: str = "") -> bool:
    """It is of no interest, and stays so however often it is seen. False when that was its state already."""
    return _decide(pattern_id, State.IGNORED, Change.IGNORED, actor, note)


def reopen(*, pattern_id: UUID, actor: str, note: str = "") -> bool:
    """Nothing is decided of it any more: it is new again. False when that was its state already."""
    return _decide(pattern_id, State.NEW, Change.REOPENED, actor, note)


def _decide(pattern_id: UUID, state: State, change: PatternChange.Change, actor: str, note: str) -> bool:
    """Raises ApiError 404 for an unknown pattern, 409 for one that was merged into another."""
    with transaction.atomic():
        begin_decision()
        pattern = living(locked_patterns([pattern_id]).get(pattern_id), pattern_id)
        before = pattern.state
        if before == state:
            return False
        now = timezone.now()
        pattern.state = state
        pattern.state_changed_at = now
        pattern.state_changed_by = actor
        pattern.fixed_at = now if state == State.FIXED else None
        pattern.save(update_fields=["state", "state_changed_at", "state_changed_by", "fixed_at"])
        note_change(pattern, change, from_state=before, actor=actor, at=now, note=note)
        return True
