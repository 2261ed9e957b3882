"""Sets of journal numbers: how they are stored (int8multirange), and what PostgreSQL computes of them.

In Python such a set is a list of inclusive (first, last), ascending and as short as can be.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Field, Func

Ranges = list[tuple[int, int]]


def ranges_text(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges as PostgreSQL reads a multirange from text: in any order, and overlapping as they may."""
    return "{" + ",".join([f"[{first},{last}]" for first, last in ranges]) + "}"


class NumbersField(Field):  # type: ignore[type-arg]
    """A set of journal numbers."""

    def db_type(self, connection: Any) -> str:
        return "int8multirange"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Ranges | None:
        return None if value is None else [(part.lower, part.upper - 1) for part in value]

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else ranges_text(value)


# Every number that was ever written, and those of them that neither came nor were refused.
WRITTEN: Final = Func(
    Func(1, F("written") + 1, function="int8range", output_field=NumbersField()),
    function="int8multirange",
    output_field=NumbersField(),
)
MISSING: Final = Func(
    WRITTEN,
    F("stored"),
    F("refused"),
    template="(%(expressions)s)",
    arg_joiner=" - ",
    output_field=NumbersField(),
)


def how_many(numbers: Any) -> Func:
    """How many numbers are in a set."""
    counted = "(SELECT coalesce(sum(upper(part) - lower(part)), 0)::bigint FROM unnest(%(expressions)s) AS part)"
    return Func(numbers, template=counted, output_field=BigIntegerField())


def how_many_ranges(numbers: Any) -> Func:
    """Of how many ranges a set is made."""
    counted = "(SELECT count(*) FROM unnest(%(expressions)s) AS part)"
    return Func(numbers, template=counted, output_field=BigIntegerField())


def first_ranges(numbers: Any, most: int | None) -> Func:
    """A set's ranges, the lowest so many of them; None for all."""
    listed = "ARRAY(SELECT ARRAY[lower(part), upper(part) - 1] FROM unnest(%(expressions)s) AS part LIMIT %(most)s)"
    output = ArrayField(ArrayField(BigIntegerField()))
    return Func(numbers, template=listed, most="ALL" if most is None else str(int(most)), output_field=output)
