"""Reading the SQL views in tests, as an analyst would."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from psycopg import sql


def rows_of(view: str, where: str = "true", parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows of a view in the order it gives them, as {column: value}."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT * FROM {} WHERE ").format(sql.Identifier(view)) + sql.SQL(where), list(parameters)
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def plan_of(view: str, where: str, parameters: Sequence[Any]) -> str:
    """How PostgreSQL would read a view when tables are large: sequential scans only where there is no other way."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            sql.SQL("EXPLAIN SELECT * FROM {} WHERE ").format(sql.Identifier(view)) + sql.SQL(where), list(parameters)
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("SET LOCAL enable_seqscan = on")
        return plan
