"""Whole rows as the JSON text that PostgreSQL makes of them: how structs are read without parsing free-form values.

Decoding that text gives each free-form value as msgspec.Raw, digit for digit as PostgreSQL has it.
"""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, TextField
from django.db.models.sql.compiler import SQLCompiler


class RowJson(Expression):
    """row_to_json(the queryset's own table)::text; use it as queryset.values_list(RowJson(), flat=True)."""

    output_field = TextField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        # The alias, not the table name: Django renames it when the queryset becomes part of another query.
        alias = compiler.query.get_initial_alias()
        return f"row_to_json({connection.ops.quote_name(alias)})::text", ()
