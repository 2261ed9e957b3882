"""What PostgreSQL itself can take: the recorded rows once more, by bare COPY, into empty copies of the same tables.

COPY gets its best honest case: its buffers, in PostgreSQL's text format, are made before the clock starts, so no time
goes into Python; one connection, and for each batch one transaction, whose commit is durable.
"""

import contextlib
import statistics
import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

ROUNDS: Final = 3
SCHEMA: Final = sql.Identifier("copy_baseline")
ATTEMPTS: Final = "action_attempts"
STEPS: Final = "action_logs"

Connection = psycopg.Connection[tuple[Any, ...]]
Batch = tuple[bytes, bytes]


def attempts_per_second(connection: Connection, *, batch_size: int, steps_per_attempt: int) -> float:
    """The median rate of some rounds, each over all rows of the two tables, in batches of whole attempts.

    The connection must be in autocommit mode. Every attempt must have that many steps. Makes a schema, and drops it.
    """
    columns = {table: _columns(connection, table) for table in (ATTEMPTS, STEPS)}
    attempts = _rows(connection, ATTEMPTS, columns[ATTEMPTS], "attempt_id")
    steps = _rows(connection, STEPS, columns[STEPS], "attempt_id, sequence")
    if len(steps) != len(attempts) * steps_per_attempt:
        raise ValueError(f"{len(attempts)} attempts have {len(steps)} steps, not {steps_per_attempt} each.")
    batches = [
        (
            b"".join(attempts[first : first + batch_size]),
            b"".join(steps[first * steps_per_attempt : (first + batch_size) * steps_per_attempt]),
        )
        for first in range(0, len(attempts), batch_size)
    ]
    return statistics.median(len(attempts) / _one_round(connection, columns, batches) for _ in range(ROUNDS))


def _one_round(connection: Connection, columns: dict[str, sql.Composed], batches: list[Batch]) -> float:
    """Seconds for all batches, into new tables."""
    into = {
        table: sql.SQL("COPY {}.{} ({}) FROM STDIN").format(SCHEMA, sql.Identifier(table), columns[table])
        for table in (ATTEMPTS, STEPS)
    }
    with _empty_copies(connection):
        connection.execute("CHECKPOINT")
        start = time.perf_counter()
        for attempts, steps in batches:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(into[ATTEMPTS]) as copy:
                    copy.write(attempts)
                with cursor.copy(into[STEPS]) as copy:
                    copy.write(steps)
        return time.perf_counter() - start


@contextlib.contextmanager
def _empty_copies(connection: Connection) -> Iterator[None]:
    """Both tables anew in a schema of their own, with all indexes, checks, generated columns and foreign keys."""
    foreign_keys = {table: _foreign_keys(connection, table) for table in (ATTEMPTS, STEPS)}
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(SCHEMA))
    try:
        for table in (ATTEMPTS, STEPS):
            connection.execute(
                sql.SQL("CREATE TABLE {0}.{1} (LIKE {1} INCLUDING ALL)").format(SCHEMA, sql.Identifier(table))
            )
        # LIKE leaves foreign keys out. Their definitions name a table without its schema, so that the first one of
        # that name on the search path, which is the copy where there is one, is meant.
        connection.execute(sql.SQL("SET search_path TO {}, public").format(SCHEMA))
        for table, definitions in foreign_keys.items():
            for definition in definitions:
                connection.execute(
                    sql.SQL("ALTER TABLE {}.{} ADD {}").format(SCHEMA, sql.Identifier(table), sql.SQL(definition))
                )
        connection.execute("RESET search_path")
        yield
    finally:
        connection.execute("RESET search_path")
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(SCHEMA))


def _foreign_keys(connection: Connection, table: str) -> list[Any]:
    found = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [table]
    )
    return [definition for (definition,) in found]


def _columns(connection: Connection, table: str) -> sql.Composed:
    """The columns that are written; a generated one is not."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        [table],
    )
    return sql.SQL(", ").join(sql.Identifier(name) for (name,) in found)


def _rows(connection: Connection, table: str, columns: sql.Composed, order: str) -> list[bytes]:
    """Every row in COPY's text format, one line each: line breaks inside a value are escaped there."""
    query = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
        columns, sql.Identifier(table), sql.SQL(order)
    )
    with connection.cursor().copy(query) as copy:
        return b"".join(bytes(part) for part in copy).splitlines(keepends=True)
