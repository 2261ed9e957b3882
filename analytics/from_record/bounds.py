"""How far back statistics look that are read from rows: a part of the window with at most so many attempts in it.

A time and not a sample: what is told is exact for all that started since then, and the same list can be asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from msgspec import Struct

from analytics.windows import Window

# When an attempt ended, as far as is known: the twin of resolutions.timeline.end_of, which a test holds it against.
# What is longer than thirty years is no duration that a date could be made of.
ENDED_AT: Final = """CASE
    WHEN completed_at IS NOT NULL THEN greatest(completed_at, effective_started_at)
    WHEN execution_time_seconds < 1e9 THEN effective_started_at + execution_time_seconds * interval '1 second'
    WHEN coalesce(status, 'in_progress') IN ('pending', 'in_progress')
        THEN greatest(last_heard_at, effective_started_at)
END"""
# The twin of attempts.rows.AttemptRow.duration_seconds.
DURATION_SECONDS: Final = """coalesce(execution_time_seconds, CASE
    WHEN completed_at >= started_at THEN extract(epoch FROM completed_at - started_at)::double precision
END)"""


def parameters_text(largest: int) -> str:
    """SQL for the parameters of an attempt as JSON text; null for those of more than so many bytes or characters.

    The size where they are stored is known without reading them, but it is that of what is compressed: a megabyte of
    one letter takes eleven kilobytes. So the text is measured too, before it leaves the database.
    """
    return (
        f"CASE WHEN pg_column_size(parameters) <= {largest} AND length(parameters::text) <= {largest}"
        " THEN parameters::text END"
    )


class Covered(Struct, kw_only=True, frozen=True):
    """What the figures are of: so many rows, which started at since or later and before the end of the window.

    complete is true when these are all of the window; else it held too many to be read at once, and these are the
    latest ones.
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
    # The names are those of our own columns; every value is a parameter.
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


def latest_attempts(
    columns: Sequence[str], window: Window, told: Mapping[str, str], *, condition: str, most: int, look_through: int
) -> tuple[list[tuple[Any, ...]], Covered]:
    """The latest attempts of a window for which the condition holds, newest first: effective start, then the columns
    (SQL). At most so many, among at most look_through attempts (of the action type, where one is told). Two queries."""
    since = since_when("action_attempts", window, told, most=look_through)
    where, parameters = selection(window, told, since=since)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT effective_started_at, {', '.join(columns)} FROM action_attempts"  # noqa: S608  # our own names
            f" WHERE {where} AND ({condition}) ORDER BY effective_started_at DESC LIMIT %(most)s",
            {**parameters, "most": most + 1},
        )
        found = cursor.fetchall()
    if len(found) > most:
        found, since = found[:most], found[most - 1][0]
        return found, Covered(since=since, rows=most, complete=False)
    return found, Covered(since=since, rows=len(found), complete=since == window.start)
