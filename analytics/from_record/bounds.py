"""How far back statistics look that are read from rows: a part of the window with at most so many attempts in it.

A time and not a sample: what is told is exact for all that started since then, and the same list can be asked for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from msgspec import Struct

from analytics.windows import Window


class Covered(Struct, kw_only=True, frozen=True):
    """What the figures are of: so many rows, which started at since or later and before the end of the window.

    complete is true when that is the whole window; else it held too many to be read at once, and these are the latest.
    """

    since: datetime
    rows: int
    complete: bool


class Selection(NamedTuple):
    """A WHERE clause with its parameters."""

    where: str
    parameters: dict[str, Any]


def selection(window: Window, told: Mapping[str, str], *, since: datetime | None = None) -> Selection:
    """What started in a window, or in its part since then, with these values. told is by name of a column."""
    conditions = ["effective_started_at >= %(since)s", "effective_started_at < %(end)s"]
    # The names are those of our own columns (Dimensions); every value is a parameter.
    conditions += [f"{name} = %({name})s" for name in told]
    return Selection(" AND ".join(conditions), {**told, "since": since or window.start, "end": window.end})


def since_when(table: str, window: Window, told: Mapping[str, str], *, most: int) -> datetime:
    """The start of the window, or the time since which about `most` rows of it started, where it holds more.

    Only action_type, by which attempts are indexed, is looked at in told: the rest would have to be read.
    """
    indexed = {name: value for name, value in told.items() if name == "action_type"}
    where, parameters = selection(window, indexed)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT effective_started_at FROM {table} WHERE {where}"  # noqa: S608  # our own names
            " ORDER BY effective_started_at DESC OFFSET %(most)s LIMIT 1",
            {**parameters, "most": most},
        )
        found = cursor.fetchone()
    return found[0] if found else window.start
