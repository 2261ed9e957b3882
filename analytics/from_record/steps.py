"""The steps of the latest attempts of one action type, read within bounds. What they add up to is in step_durations."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import UUID

from django.db import connection
from msgspec import Struct

from analytics.figures import WindowShown, shown
from analytics.from_record.bounds import ENDED_AT, Covered, latest_attempts
from analytics.snapshot import one_snapshot
from analytics.step_durations import StepBreakdown, StepEntry, step_durations
from analytics.windows import Window

MOST_ATTEMPTS: Final = 5_000
MOST_LOOKED_THROUGH: Final = 50_000
MOST_STEPS: Final = 200_000
MOST_STEPS_OF_ONE: Final = 1_000
LONGEST_NAME: Final = 255
_CHUNK: Final = 500


class StepStatistics(Struct, kw_only=True):
    """How long the steps of one action type last: of its latest attempts that ended in success or failure.

    At most 5,000 attempts, with 200,000 steps; attempts_left_out are those with more than 1,000 steps each, and
    those for whose steps there was no room. Names of steps are compared, and told, by their first 255 characters.
    """

    window: WindowShown
    covered: Covered
    action_type: str
    attempts_left_out: int
    breakdown: StepBreakdown


_STEPS: Final = """
    SELECT wanted.id, log.step, log.status, log.timestamp
    FROM unnest(%(ids)s::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
        SELECT sequence, left(step, %(longest)s) AS step, left(status, %(longest)s) AS status, timestamp
        FROM action_logs WHERE attempt_id = wanted.id ORDER BY sequence LIMIT %(most)s
    ) AS log
    ORDER BY wanted.id, log.sequence
"""


def step_statistics(action_type: str, window: Window, told: Mapping[str, str]) -> StepStatistics:
    """The figures of the attempts that started in a window. told: other dimensions by name of a column.

    Two queries, and one for each 500 attempts.
    """
    with one_snapshot():
        found, covered = latest_attempts(
            ["attempt_id", f"CASE WHEN status IN ('success', 'failed') THEN {ENDED_AT} END"],
            window,
            {**told, "action_type": action_type},
            condition="status IN ('success', 'failed')",
            most=MOST_ATTEMPTS,
            look_through=MOST_LOOKED_THROUGH,
        )
        attempts = list(_with_steps([(attempt_id, ended_at) for _, attempt_id, ended_at in found]))
    return StepStatistics(
        window=shown(window),
        covered=covered,
        action_type=action_type,
        attempts_left_out=len(found) - len(attempts),
        breakdown=step_durations(attempts),
    )


def _with_steps(
    attempts: Sequence[tuple[UUID, datetime | None]],
) -> Iterator[tuple[list[StepEntry], datetime | None]]:
    """The entries and the end of each attempt, until there is no more room."""
    room = MOST_STEPS
    for first in range(0, len(attempts), _CHUNK):
        chunk = attempts[first : first + _CHUNK]
        with connection.cursor() as cursor:
            ids = [id for id, _ in chunk]
            cursor.execute(_STEPS, {"ids": ids, "longest": LONGEST_NAME, "most": MOST_STEPS_OF_ONE + 1})
            steps = {
                id: [StepEntry(*entry) for _, *entry in rows] for id, rows in groupby(cursor.fetchall(), itemgetter(0))
            }
        for id, ended_at in chunk:
            entries = steps.get(id, [])
            room -= len(entries)
            if room < 0:
                return
            if len(entries) <= MOST_STEPS_OF_ONE:
                yield entries, ended_at
