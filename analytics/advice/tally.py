"""What the rollups of a window know of each kind of action and of resolution, for advice. Reads, writes nothing."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.db import connection

from analytics.advice.shrinkage import Counts
from analytics.windows import Window

# Claimed and verified, success and failure: the columns that are added up for each.
_CLAIMED_AND_VERIFIED: Final = """
    sum(success)::bigint, sum(failed)::bigint, sum(worked)::bigint, sum(no_effect + made_worse)::bigint
"""


class Tally(NamedTuple):
    """The attempts of one kind, by what the engines claimed and by what verdicts say."""

    claimed: Counts = Counts()
    verified: Counts = Counts()

    def plus(self, other: "Tally") -> "Tally":
        return Tally(self.claimed.plus(other.claimed), self.verified.plus(other.verified))


class Kind(NamedTuple):
    """What is told apart; '' where it was not told."""

    action_type: str
    incident_type: str
    environment: str


class ResolutionTally(NamedTuple):
    """How the resolution attempts on one type of incident ended, and what came of them."""

    resolved: int = 0
    failed: int = 0
    escalated: int = 0
    worked: int = 0
    not_worked: int = 0


def tallies_of(window: Window) -> dict[Kind, Tally]:
    """Of the attempts that started in the window and ended with success or failed, or have a verdict. One query."""
    rows = _rows(
        f"""
        SELECT action_type, incident_type, environment, {_CLAIMED_AND_VERIFIED}
        FROM resolution_metrics WHERE subject = 'attempt' AND bucket_start >= %s AND bucket_start < %s
        GROUP BY action_type, incident_type, environment
        """,  # noqa: S608  # names of our own columns
        [window.start, window.end],
    )
    return {
        Kind(*kind): Tally(Counts(success, failed), Counts(worked, not_worked))
        for *kind, success, failed, worked, not_worked in rows
        if success or failed or worked or not_worked
    }


def durations_of(window: Window, told: Mapping[str, str]) -> dict[str, dict[int, int]]:
    """{action_type: {bin: count}} of what ended, where the dimensions are as told. One query."""
    narrowed = "".join(f" AND {name} = %s" for name in told)
    rows = _rows(
        f"""
        SELECT action_type, bin, sum(count)::bigint FROM (
            SELECT action_type, generate_subscripts(durations, 1) AS bin, unnest(durations) AS count
            FROM resolution_metrics
            WHERE subject = 'attempt' AND bucket_start >= %s AND bucket_start < %s{narrowed}
        ) AS histogram WHERE count > 0 GROUP BY action_type, bin
        """,  # noqa: S608  # names of our own columns
        [window.start, window.end, *told.values()],
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for action_type, duration_bin, count in rows:
        found[action_type][duration_bin] = count
    return found


def resolutions_of(window: Window, told: Mapping[str, str]) -> ResolutionTally:
    """Of the resolution attempts that started in the window, where the dimensions are as told. One query."""
    narrowed = "".join(f" AND {name} = %s" for name in told)
    ((*sums,),) = _rows(
        f"""
        SELECT sum(resolved)::bigint, sum(failed)::bigint, sum(escalated)::bigint, sum(worked)::bigint,
               sum(no_effect + made_worse + reopened)::bigint
        FROM resolution_metrics
        WHERE subject = 'resolution' AND bucket_start >= %s AND bucket_start < %s{narrowed}
        """,  # noqa: S608  # names of our own columns
        [window.start, window.end, *told.values()],
    )
    return ResolutionTally(*(count or 0 for count in sums))


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
