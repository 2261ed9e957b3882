"""Rows that PostgreSQL itself must refuse, written with plain INSERT so that nothing of ours stands in between."""

from collections.abc import Iterable
from typing import Any, cast

import psycopg
from django.db import IntegrityError, connection, transaction
from psycopg import sql


def insert(table: str, row: dict[str, Any]) -> None:
    """One INSERT, with deferred constraints checked at once. Raises django.db.IntegrityError when refused."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(row)),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, list(row.values()))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused_by(table: str, row: dict[str, Any]) -> str | None:
    """The name of the constraint that refuses this row, the column for a missing NOT NULL; None when it is taken."""
    try:
        insert(table, row)
    except IntegrityError as error:
        refusal = cast(psycopg.Error, error.__cause__)
        not_null = refusal.sqlstate == "23502"
        return refusal.diag.column_name if not_null else refusal.diag.constraint_name
    return None


def constraints_of(tables: Iterable[str]) -> set[str]:
    """The names of every check, unique, primary key and foreign key constraint of these tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint "
            "WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('c', 'u', 'p', 'f')",
            [list(tables)],
        )
        return {name for (name,) in cursor.fetchall()}
