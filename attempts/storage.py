"""Moves rows between structs and their tables: lock and read, insert, update, touch. Decides nothing.

Rows travel as one JSON text each way (row_to_json, json_populate_recordset): a row and a document have one definition
and one encoder, free-form JSON passes through unparsed, and a statement has one parameter however many rows it writes
(docs/adr/one-document.md). Statements run on the connection of the transaction that Django has open.
"""

import select
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

import msgspec
import psycopg
from django.db import connection
from msgspec import Raw, Struct
from msgspec.json import encode as encode_json

from attempts.records import NOT_TOLD, Step
from attempts.rows import AttemptRow, StepRow

Row = TypeVar("Row", bound=Struct)

# How long a server may take nothing of what it is sent.
SEND_PATIENCE_SECONDS: Final = 8


def execute(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> "psycopg.Cursor[tuple[Any, ...]]":
    """Run one statement prepared, its parameters bound by the server.

    Django's own cursors put parameters into the text, which PostgreSQL then parses and plans each time. Raises
    psycopg's exceptions wrapped as Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(cast("psycopg.Connection[tuple[Any, ...]]", connection.connection))
        cursor.execute(cast("Any", statement), parameters, prepare=True)
        _send_all(cursor.connection.pgconn)
        return cursor


def _send_all(pgconn: psycopg.pq.abc.PGconn) -> None:
    """Hand all of a statement to the kernel.

    In a pipeline psycopg leaves what does not fit into the socket's buffer unsent, and then only listens: a statement
    of megabytes would wait for ever for a server that waits for its rest. What the server says meanwhile is taken in,
    or both sides would wait with full buffers.
    """
    if pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF or not pgconn.flush():
        return
    ready = select.poll()
    ready.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while True:
        for _, events in ready.poll(SEND_PATIENCE_SECONDS * 1000) or [(0, 0)]:
            if not events:
                raise psycopg.OperationalError("the server does not take what it is sent")
            if events & select.POLLIN:
                pgconn.consume_input()
        if not pgconn.flush():
            return


def uuid_array(ids: Iterable[UUID]) -> str:
    """A uuid[] as PostgreSQL reads it from text. psycopg would dump each UUID by itself, at eight times the cost."""
    return "{" + ",".join([id.hex for id in ids]) + "}"


@contextmanager
def pipelined() -> Iterator[psycopg.Pipeline]:
    """Send statements without waiting for the answer to each, until one is fetched.

    An error then surfaces where something is fetched next, at the latest on leaving, and not where its statement was
    executed; and no cursor knows its rowcount before it is fetched from. Raises psycopg's exceptions as Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline() as pipeline:
        yield pipeline


@contextmanager
def drained(pipeline: psycopg.Pipeline) -> Iterator[None]:
    """Takes in what is still under way in the pipeline when something fails inside.

    It would fail the rollback otherwise, and Django would hand the connection back to its pool with its pipeline open.
    """
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            pipeline.sync()
        raise


class Table(Generic[Row]):
    """One table whose columns are the fields of one struct."""

    def __init__(self, name: str, row: type[Row], key: Sequence[str]) -> None:
        fields = msgspec.structs.fields(row)
        columns = [f'"{field.name}"' for field in fields]
        listed = ", ".join(columns)
        same_key = " AND ".join(f"stored.{part} = given.{part}" for part in key)
        given = f"json_populate_recordset(NULL::{name}, %s::json)"
        self._json_fields = tuple(field.name for field in fields if field.type is Raw)
        self.decode: Final = msgspec.json.Decoder(row).decode
        self._insert = f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {given}"
        self._update = (
            f"UPDATE {name} AS stored SET ({listed}) = ROW({', '.join(f'given.{column}' for column in columns)}) "
            f"FROM {given} AS given WHERE {same_key}"
        )
        self._lock = (
            f"SELECT row_to_json(stored)::text FROM {name} AS stored WHERE {key[0]} = ANY(%s::uuid[]) "
            f"ORDER BY {', '.join(key)} FOR NO KEY UPDATE"
        )
        self._touch = f"UPDATE {name} SET last_heard_at = greatest(last_heard_at, %s) WHERE {key[0]} = ANY(%s::uuid[])"
        self._steps = (
            f"SELECT row_to_json(stored)::text FROM {name} AS stored "
            f"JOIN unnest(%s::uuid[], %s::int[]) AS given(id, number) "
            f"ON stored.{key[0]} = given.id AND stored.{key[-1]} = given.number"
        )

    def load(self, text: str) -> Row:
        """One row from the text that row_to_json made of it."""
        row = self.decode(text)
        for name in self._json_fields:
            if bytes(getattr(row, name)) == b"null":
                setattr(row, name, NOT_TOLD)
        return row

    def lock(self, ids: Iterable[UUID]) -> list[Row]:
        """The rows of these ids, locked in the order of their ids until the transaction ends."""
        return self.loaded(execute(self._lock, [uuid_array(ids)]))

    def loaded(self, found: "psycopg.Cursor[tuple[Any, ...]]") -> list[Row]:
        """The rows whose texts a statement found."""
        return [self.load(text) for (text,) in found.fetchall()]

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows, given in the order of their ids."""
        if rows:
            execute(self._insert, [encode_json(rows).decode()])

    def update(self, rows: Sequence[Row]) -> None:
        """Write all columns of rows that are locked."""
        if rows:
            execute(self._update, [encode_json(rows).decode()])

    def touch(self, ids: Iterable[UUID], now: datetime) -> None:
        """Note that these were heard of, and change nothing else."""
        wanted = sorted(ids)
        if wanted:
            execute(self._touch, [now, uuid_array(wanted)])

    def find(self, ids: Sequence[UUID], numbers: Sequence[int]) -> list[Row]:
        """The rows whose two-part keys are these pairs."""
        if not ids:
            return []
        return self.loaded(execute(self._steps, [uuid_array(ids), list(numbers)]))


ATTEMPTS: Final = Table("action_attempts", AttemptRow, ["attempt_id"])
STEPS: Final = Table("action_logs", StepRow, ["attempt_id", "sequence"])


def step_rows(attempt_id: UUID, steps: Iterable[Step]) -> list[StepRow]:
    """The rows that these steps of one attempt are."""
    return [StepRow(step.sequence, step.step, step.status, step.timestamp, step.details, attempt_id) for step in steps]
