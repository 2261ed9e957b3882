"""Parameters as flat pairs of a dotted path and a value, and the canonical text of a value.

Shared by what counts values (effectiveness.py) and by what compares two attempts (analytics/comparison.py).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec.json import encode as encode_json

from attempts.canonical import canonical


class Column(NamedTuple):
    """What is at one path: the positions of the parameters that have something there, ascending, and what it is."""

    positions: list[int]
    values: list[Any]


class _Place(NamedTuple):
    """A key at one place of the objects seen so far, with the keys below it."""

    path: str
    column: Column
    below: dict[str, "_Place"]


def columns_of(parameters: Iterable[dict[str, Any]]) -> dict[str, Column]:
    """The values of many JSON objects by path: {"pool": {"size": 5}} has 5 at "pool.size".

    Objects are walked; lists are values, and so is an empty object. A key that is empty, or holds a dot or a quotation
    mark, is quoted in its path ("a.b" stands there as a JSON string), so that no two values share one.
    """
    columns: dict[str, Column] = {}
    places: dict[str, _Place] = {}

    def walk(one: dict[str, Any], here: dict[str, _Place], prefix: str, position: int) -> None:
        for key, value in one.items():
            place = here.get(key)
            if place is None:
                path = prefix + (encode_json(key).decode() if not key or "." in key or '"' in key else key)
                place = here[key] = _Place(path, Column([], []), {})
            path, (positions, values), below = place
            if value and isinstance(value, dict):
                walk(value, below, f"{path}.", position)
                continue
            if not values:
                columns[path] = place.column
            positions.append(position)
            values.append(value)

    for position, one in enumerate(parameters):
        walk(one, places, "", position)
    return columns


def flatten(parameters: dict[str, Any]) -> dict[str, Any]:
    """The values of one JSON object by path; paths are those of columns_of."""
    return {path: column.values[0] for path, column in columns_of([parameters]).items()}


def value_text(value: Any) -> str:
    """The canonical JSON text of a value; two values are the same when their texts are. Takes floats too."""
    return canonical(_exact(value))


def _exact(value: Any) -> Any:
    """The value with decimals in place of floats, which the canonical form does not know."""
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact(item) for item in value]
        case dict():
            return {key: _exact(item) for key, item in value.items()}
    return value
