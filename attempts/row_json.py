"""Whole rows as the JSON text that PostgreSQL makes of them: how structs are read without parsing free-form values.

Decoding that text gives each free-form value as msgspec.Raw, digit for digit as PostgreSQL has it.
"""

from collections.abc import Generator
from contextlib import closing
from typing import Any, Final, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

# Rows fetched at a time where their size is watched: what may be read too much.
CHUNK: Final = 10


class RowJson(Expression):
    """row_to_json(the queryset's own table)::text; use it as queryset.values_list(RowJson(), flat=True)."""

    output_field = TextField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        # The alias, not the table name: Django renames it when the queryset becomes part of another query.
        alias = compiler.query.get_initial_alias()
        return f"row_to_json({connection.ops.quote_name(alias)})::text", ()


def texts_within(rows: "QuerySet[Any]", max_bytes: int) -> tuple[list[str], bool]:
    """The rows of a slice as JSON in their order, until they hold max_bytes or more; and whether these are all.

    One at least. A list of attempts with outputs of megabytes would otherwise cost gigabytes of memory.
    """
    # Where PostgreSQL has to sort, it would make the JSON of every row that it sorts; so the rows are chosen first.
    chosen = rows.model._default_manager.filter(pk__in=rows.values("pk")).order_by(*rows.query.order_by)
    texts: list[str] = []
    size = 0
    iterator = cast(Generator[str, None, None], chosen.values_list(RowJson(), flat=True).iterator(chunk_size=CHUNK))
    with closing(iterator) as found:
        for text in found:
            if size >= max_bytes:
                return texts, False
            texts.append(text)
            size += len(text)
    return texts, True
