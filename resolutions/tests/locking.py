"""Locks that somebody else holds, so that a recording that needs them waits, as long as a test has use for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from resolutions import ingest


@pytest.fixture
def patient_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording in this process that is held up waits on, however long a slow machine takes to hold it up."""
    begin = ingest._BEGIN.replace(f"'{ingest.LOCK_TIMEOUT}'", "'120s'")
    assert begin != ingest._BEGIN
    monkeypatch.setattr(ingest, "_BEGIN", begin)


@contextmanager
def held_row(attempt_id: UUID) -> Iterator[None]:
    with _somebody_else_runs("SELECT 1 FROM action_attempts WHERE attempt_id = %s FOR UPDATE", attempt_id):
        yield


@contextmanager
def held_table() -> Iterator[None]:
    with _somebody_else_runs("LOCK TABLE action_attempts IN ACCESS EXCLUSIVE MODE"):
        yield


@contextmanager
def _somebody_else_runs(statement: str, *parameters: object) -> Iterator[None]:
    """The locks of this statement are held by another connection."""
    options = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "server_side_binding"):
        options.pop(ours, None)
    with psycopg.connect(**options) as other:
        other.execute(statement, parameters)
        yield
