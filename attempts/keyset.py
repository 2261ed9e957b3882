"""Positions in a list that is ordered by (time, id), and the row comparison that finds them again.

PostgreSQL serves (a, b) < (x, y) from an index on (a, b) in one descent; the same condition written with OR and AND
would be a filter that reads all rows before it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, DateTimeField, F, Func, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler


class Position(NamedTuple):
    """Where a row stands: its time, and its id among the rows of the same time."""

    time: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position that this is the text of. Raises ValueError when it is none."""
        time, _, id = text.partition("~")
        position = cls(datetime.fromisoformat(time), UUID(id))
        if position.time.tzinfo is None:
            raise ValueError("a time without its offset")
        return position

    def text(self) -> str:
        """For the address of a page."""
        return f"{self.time.isoformat()}~{self.id}"

    def values(self) -> list[Combinable]:
        return [Value(self.time, output_field=DateTimeField()), Value(self.id, output_field=UUIDField())]


class Rank(NamedTuple):
    """Where a row stands in a list that is ordered by a number: that number, and its id among the rows of the same."""

    number: int
    id: UUID

    @classmethod
    def parse(cls, text: str) -> "Rank":
        """The rank that this is the text of. Raises ValueError when it is none."""
        number, _, id = text.partition("~")
        if len(number) > 18:
            raise ValueError("no number of ours")
        return cls(int(number), UUID(id))

    def text(self) -> str:
        """For the address of a page."""
        return f"{self.number}~{self.id}"

    def values(self) -> list[Combinable]:
        return [Value(self.number, output_field=BigIntegerField()), Value(self.id, output_field=UUIDField())]


class RowCompare(Func):
    """(left...) OPERATOR (right...) as one row comparison, for use in filter()."""

    output_field = BooleanField()

    def __init__(
        self, left: Sequence[Combinable | str], operator: Literal["<", "<=", ">", ">="], right: Sequence[Combinable]
    ) -> None:
        super().__init__(*[F(side) if isinstance(side, str) else side for side in left], *right)
        self.operator = operator
        self.width = len(left)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[str | int, ...]]:
        compiled = [compiler.compile(expression) for expression in self.get_source_expressions()]
        sides = [sql for sql, _ in compiled]
        left, right = ", ".join(sides[: self.width]), ", ".join(sides[self.width :])
        return f"({left}) {self.operator} ({right})", tuple(value for _, values in compiled for value in values)
