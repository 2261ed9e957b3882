"""Rows as the tests of reading need them, put straight into the tables."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from attempts.models import ActionAttempt, ActionLog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def store_attempt(**facts: Any) -> ActionAttempt:
    """One attempt, started at noon unless told otherwise."""
    return store_attempts(facts)[0]


def store_attempts(*facts: dict[str, Any]) -> list[ActionAttempt]:
    common = {"action_id": "a", "action_type": "restart", "incident_id": "INC-1", "started_at": NOON}
    receipt = {"received_at": NOON + timedelta(seconds=1), "last_heard_at": NOON + timedelta(seconds=2)}
    return ActionAttempt.objects.bulk_create([ActionAttempt(**{**common, **receipt, **each}) for each in facts])


def store_steps(attempt_id: uuid.UUID, *details: Any) -> None:
    ActionLog.objects.bulk_create(
        ActionLog(attempt_id=attempt_id, sequence=position, step=f"step {position}", details=value)
        for position, value in enumerate(details)
    )


def set_json(attempt_id: uuid.UUID, column: str, text: str) -> None:
    """Put JSON text into a column without any Python number in between."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE action_attempts SET "{column}" = %s::jsonb WHERE attempt_id = %s',  # noqa: S608
            [text, attempt_id],
        )
