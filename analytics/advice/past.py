"""The rows of the record that advice looks at, each time boundedly many: the latest. Reads, writes nothing."""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q

from analytics.advice.answer import ExpectedFailure, PastIncident
from analytics.advice.estimate import MOST_EXAMPLES, Example
from analytics.advice.traits import Described, describe
from analytics.from_record.bounds import parameters_text
from analytics.models import FailureFingerprint
from analytics.windows import Window
from attempts.canonical import decode_exact
from resolutions.models import ResolutionAttempt
from resolutions.records import FINAL_STATUSES

# So many attempts are looked at, for those among them that ended.
_LOOKED_AT: Final = 2 * MOST_EXAMPLES
# Parameters that are larger (of one attempt; all together) are left out: nobody proposes them.
_MOST_CHARACTERS: Final = 4 * 1024
_MOST_CHARACTERS_TOGETHER: Final = 1024 * 1024
FAILURES_LOOKED_AT: Final = 1000
PATTERNS_SHOWN: Final = 5
INCIDENTS_SHOWN: Final = 5

_LATEST: Final = f"""
    SELECT status, verdict, incident_id, incident_type, environment, fingerprint, parameters IS NULL,
           {parameters_text(_MOST_CHARACTERS)}
    FROM (
        SELECT status, verdict, incident_id, incident_type, environment, fingerprint, parameters, effective_started_at
        FROM action_attempts
        WHERE action_type = %s AND effective_started_at >= %s AND effective_started_at < %s
        ORDER BY effective_started_at DESC LIMIT %s
    ) AS latest
    WHERE status IN ('success', 'failed') OR verdict IS NOT NULL
    ORDER BY effective_started_at DESC LIMIT %s
"""  # noqa: S608  # our own text
_FAILURES: Final = """
    SELECT fingerprint, environment FROM action_attempts
    WHERE status = 'failed' AND incident_type = %s AND effective_started_at >= %s AND effective_started_at < %s
    ORDER BY effective_started_at DESC LIMIT %s
"""


class Failure(NamedTuple):
    """What is looked at of a failed attempt."""

    fingerprint: UUID | None
    environment: str | None


class Latest(NamedTuple):
    """Of one action type: examples with the outcome that was claimed, with the one that was verified, and failures."""

    claimed: list[Example]
    verified: list[Example]
    failures: list[Failure]


def latest_of(action_type: str, window: Window) -> Latest:
    """The latest MOST_EXAMPLES attempts of a type that started in the window and ended. One query."""
    latest = Latest([], [], [])
    bounds = [action_type, window.start, window.end, _LOOKED_AT, MOST_EXAMPLES]
    characters = 0
    for status, verdict, incident_id, incident_type, environment, fingerprint, has_none, text in _rows(_LATEST, bounds):
        if status == "failed":
            latest.failures.append(Failure(fingerprint, environment))
        characters += len(text or "")
        if text is None and not has_none:
            continue
        if characters > _MOST_CHARACTERS_TOGETHER:
            continue
        parameters = _described(text or "{}")
        where = incident_id, incident_type, environment
        if status in ("success", "failed"):
            latest.claimed.append(Example(parameters, status == "success", *where))
        if verdict not in (None, "unknown"):
            latest.verified.append(Example(parameters, verdict == "worked", *where))
    return latest


@lru_cache(maxsize=4096)
def _described(text: str) -> Described:
    """Engines do the same again and again, and ask again and again."""
    return describe(decode_exact(text))


def failures_on(incident_type: str, window: Window) -> list[Failure]:
    """The latest failures on incidents of a type that started in the window. One query."""
    return [Failure(*row) for row in _rows(_FAILURES, [incident_type, window.start, window.end, FAILURES_LOOKED_AT])]


def expected_failures(failures: Iterable[Failure], environment: str | None) -> tuple[list[ExpectedFailure], int]:
    """The patterns of these failures, those of one environment if told; and how many were looked at. One query."""
    counted = Counter(failure.fingerprint for failure in failures if environment in (None, failure.environment))
    looked_at = counted.total()
    owners = FailureFingerprint.objects.filter(fingerprint__in=[one for one in counted if one is not None])
    occurrences: Counter[UUID] = Counter()
    patterns = {}
    for owned in owners.select_related("pattern") if looked_at else ():
        occurrences[owned.pattern_id] += counted[owned.fingerprint]
        patterns[owned.pattern_id] = owned.pattern
    ordered = sorted(occurrences.items(), key=lambda item: (-item[1], item[0]))
    return [
        ExpectedFailure(
            pattern_id=pattern_id,
            action_type=patterns[pattern_id].action_type,
            template=patterns[pattern_id].template,
            state=patterns[pattern_id].state,
            occurrences=count,
            share=count / looked_at,
        )
        for pattern_id, count in ordered[:PATTERNS_SHOWN]
    ], looked_at


def latest_incidents(incident_type: str, environment: str | None, window: Window) -> list[PastIncident]:
    """The resolution attempts on incidents of a type that ended, the last started first. One query."""
    ended = ResolutionAttempt.objects.filter(
        Q() if environment is None else Q(environment=environment),
        incident_type=incident_type,
        status__in=FINAL_STATUSES,
        effective_started_at__gte=window.start,
        effective_started_at__lt=window.end,
    ).order_by("-effective_started_at")
    names = ("incident_id", "resolution_id", "status", "effective_started_at", "completed_at", "verdict", "reopened_at")
    return [
        PastIncident(
            incident_id=incident_id,
            resolution_id=resolution_id,
            status=status,
            started_at=started_at,
            completed_at=completed_at,
            verdict=verdict,
            reopened=reopened_at is not None,
        )
        for incident_id, resolution_id, status, started_at, completed_at, verdict, reopened_at in ended.values_list(
            *names
        )[:INCIDENTS_SHOWN]
    ]


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
