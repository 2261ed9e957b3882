"""Rows and their feed entry in one transaction, as a recorder writes them, without its documents and its merging."""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from attempts.models import ActionAttempt
from resolutions.feed.entries import append_entry
from resolutions.models import ResolutionAttempt

Answer = TypeVar("Answer")


def record(attempts: Iterable[ActionAttempt] = (), resolutions: Iterable[ResolutionAttempt] = ()) -> int:
    """Store these rows, new or known, and return their cursor. Others wait for the open transaction around it."""
    told = list(attempts), list(resolutions)
    with transaction.atomic():
        _upsert(ActionAttempt, told[0])
        _upsert(ResolutionAttempt, told[1])
        return append_entry(
            attempt_ids=[row.attempt_id for row in told[0]],
            resolution_ids=[row.resolution_id for row in told[1]],
            now=timezone.now(),
        )


def attempt(attempt_id: UUID | None = None, **facts: Any) -> ActionAttempt:
    now = timezone.now()
    told = {"action_id": "a1", "action_type": "restart", "incident_id": "INC-1", "received_at": now}
    return ActionAttempt(**told | {"attempt_id": attempt_id or uuid.uuid4(), "last_heard_at": now} | facts)


def resolution(resolution_id: UUID | None = None, **facts: Any) -> ResolutionAttempt:
    now = timezone.now()
    told = {"incident_id": "INC-1", "received_at": now, "last_heard_at": now}
    return ResolutionAttempt(**told | {"resolution_id": resolution_id or uuid.uuid4()} | facts)


async def in_thread(work: Callable[[], Answer]) -> Answer:
    """Run work in a thread with a database connection of its own, which it gives back."""

    def run() -> Answer:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def conninfo() -> str:
    """The test database, for connections outside Django and for other processes."""
    told = connection.settings_dict
    parts = {"user": told["USER"], "password": told["PASSWORD"], "host": told["HOST"], "port": told["PORT"]}
    return make_conninfo(dbname=told["NAME"], **{name: value for name, value in parts.items() if value})


def _upsert(model: type[Model], rows: "list[Any]") -> None:
    key = model._meta.pk.name
    model._default_manager.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=[key],
        update_fields=[
            field.name for field in model._meta.concrete_fields if field.name != key and not field.generated
        ],
    )
