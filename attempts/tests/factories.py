"""Rows of the record for tests, written straight into the tables. What is not named gets a plausible value.

Not a second recorder: nothing is validated, merged, redacted or signalled here. Tests of recording call recording.
"""

import uuid
from typing import Any

from django.utils import timezone

from attempts.models import ActionAttempt, ActionLog, Refusal


def make_attempt(**facts: Any) -> ActionAttempt:
    """One stored attempt; facts are its columns. Heard of when received, received now, unless told otherwise."""
    received_at = facts.pop("received_at", None) or timezone.now()
    return ActionAttempt.objects.create(
        **{
            "attempt_id": uuid.uuid4(),
            "action_id": f"action-{uuid.uuid4().hex[:8]}",
            "action_type": "restart_service",
            "incident_id": "INC-1",
            "received_at": received_at,
            "last_heard_at": received_at,
            **facts,
        }
    )


def make_step(attempt: ActionAttempt, **facts: Any) -> ActionLog:
    """The next step of an attempt; facts are its columns. The attempt's first_step_at follows, as in recording."""
    step = ActionLog.objects.create(
        attempt=attempt,
        **{
            "sequence": ActionLog.objects.filter(attempt=attempt).count(),
            "step": "check",
            "status": "success",
            **facts,
        },
    )
    if step.timestamp is not None:
        attempt.first_step_at = min(filter(None, [attempt.first_step_at, step.timestamp]))
        attempt.save(update_fields=["first_step_at"])
        attempt.refresh_from_db(fields=["effective_started_at"])
    return step


def make_refusal(**facts: Any) -> Refusal:
    """One refused document; facts are its columns."""
    refused_at = facts.pop("last_refused_at", None) or timezone.now()
    return Refusal.objects.create(
        **{
            "digest": uuid.uuid4(),
            "kind": Refusal.Kind.ACTION_ATTEMPT,
            "outcome": Refusal.Outcome.CONFLICT,
            "document_id": str(uuid.uuid4()),
            "code": "conflict",
            "message": "target is already known with another value",
            "field": "target",
            "path": "target",
            "document": '{"target": "db-2"}',
            "first_refused_at": refused_at,
            "last_refused_at": refused_at,
            **facts,
        }
    )
