"""One failure pattern in full: over time, typical attempts, what it concentrates on, what it owns, its history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Left

from analytics.figures import shown
from analytics.from_record.bounds import parameters_text
from analytics.models import FailureFingerprint, FailurePattern, PatternChange
from analytics.patterns.concentration import Concentration, concentration_of
from analytics.patterns.details import (
    OwnedFingerprint,
    PatternBucket,
    PatternChangeDetail,
    PatternDetail,
    PatternOverTime,
    TypicalAttempt,
)
from analytics.patterns.queries import facts_of
from analytics.snapshot import one_snapshot
from analytics.windows import Series, Window
from attempts.models import ActionAttempt

MOST_OWNED: Final = 100
MOST_HISTORY: Final = 200
MOST_FREQUENT: Final = 3
SHOWN_MESSAGE: Final = 2000
# Attempts of each kind that are compared.
MOST_COMPARED: Final = 1000
# Successes are looked for among so many of the latest attempts of an action type.
MOST_LOOKED_THROUGH: Final = 20_000
MOST_ACTION_TYPES: Final = 10
# Larger parameters are not compared: these are documents, not settings.
LARGEST_PARAMETERS: Final = 8192

_TRAITS: Final = f"""target, environment, engine, engine_version, incident_type,
    {parameters_text(LARGEST_PARAMETERS)}"""
_OF_PATTERN: Final = """
    FROM action_attempts WHERE fingerprint IN (SELECT fingerprint FROM failure_fingerprints WHERE pattern_id = %s)
        AND effective_started_at >= %s AND effective_started_at < %s
"""
_FAILURES: Final = f"SELECT {_TRAITS} {_OF_PATTERN} ORDER BY effective_started_at DESC LIMIT {MOST_COMPARED}"
_SUCCESSES: Final = f"""
    SELECT found.* FROM unnest(%s::text[]) AS type CROSS JOIN LATERAL (
        SELECT effective_started_at, {_TRAITS} FROM (
            SELECT * FROM action_attempts
            WHERE action_type = type AND effective_started_at >= %s AND effective_started_at < %s
            ORDER BY effective_started_at DESC LIMIT {MOST_LOOKED_THROUGH}
        ) AS latest WHERE status = 'success' LIMIT {MOST_COMPARED}
    ) AS found ORDER BY found.effective_started_at DESC LIMIT {MOST_COMPARED}
"""  # noqa: S608  # constants
_TRAIT_NAMES: Final = ("target", "environment", "engine", "engine_version", "incident_type")

_OCCURRENCES: Final = """
    SELECT width_bucket(bucket_start, %s::timestamptz[]) - 1, sum(occurrences)::bigint
    FROM failure_counts
    WHERE fingerprint IN (SELECT fingerprint FROM failure_fingerprints WHERE pattern_id = %s)
      AND bucket_start >= %s AND bucket_start < %s
    GROUP BY 1
"""
_INCIDENTS: Final = f"""
    SELECT width_bucket(effective_started_at, %s::timestamptz[]) - 1, count(DISTINCT incident_id)
    {_OF_PATTERN} GROUP BY 1
"""  # constants
_ALL_INCIDENTS: Final = f"SELECT count(DISTINCT incident_id) {_OF_PATTERN}"  # constants
_ALL_FAILURES: Final = """
    SELECT coalesce(sum(occurrences), 0)::bigint FROM failure_counts WHERE bucket_start >= %s AND bucket_start < %s
"""


def pattern_detail(pattern_id: UUID, series: Series) -> PatternDetail | None:
    """All that is known of a pattern, or None. The series is the time of which counts and comparisons are told."""
    with one_snapshot():
        row = FailurePattern.objects.filter(pattern_id=pattern_id).first()
        if row is None:
            return None
        (facts,) = facts_of([row])
        return PatternDetail(
            **facts,
            over_time=_over_time(row, series),
            typical=typical_attempts(row),
            concentration=_concentration(row, facts["action_types"], series.window),
            owned=owned_fingerprints(row),
            history=history_of(row),
        )


def owned_fingerprints(row: FailurePattern, *, most: int = MOST_OWNED) -> list[OwnedFingerprint]:
    """The fingerprints of a pattern, the most frequent first."""
    names = ("fingerprint", "masked", "action_type", "error_type", "occurrences", "first_seen", "last_seen")
    found = FailureFingerprint.objects.filter(pattern=row).order_by("-occurrences", "fingerprint").values(*names)
    return [OwnedFingerprint(**facts) for facts in found[:most]]


def history_of(row: FailurePattern) -> list[PatternChangeDetail]:
    """What was done to the pattern and to those that were merged into it, newest first."""
    changes = PatternChange.objects.filter(
        Q(pattern=row) | Q(pattern_id__in=FailurePattern.objects.filter(merged_into=row).values("pattern_id"))
    )
    plain = [name for name in PatternChangeDetail.__struct_fields__ if name != "other_pattern"]
    rows = changes.order_by("-changed_at", "-id").values(*plain, other=F("other_pattern_id"))[:MOST_HISTORY]
    return msgspec.convert([{**each, "other_pattern": each["other"]} for each in rows], list[PatternChangeDetail])


def typical_attempts(row: FailurePattern) -> list[TypicalAttempt]:
    """The most recent failure, and the latest of each of the most frequent fingerprints, each attempt once."""
    owned = FailureFingerprint.objects.filter(pattern=row, occurrences__gt=0)
    recent = list(owned.order_by("-last_seen", "fingerprint").values_list("fingerprint", flat=True)[:1])
    frequent = owned.order_by("-occurrences", "fingerprint").values_list("fingerprint", flat=True)[:MOST_FREQUENT]
    found: dict[UUID, dict[str, Any]] = {}
    for why, prints in (("most_recent", recent), ("most_frequent", list(frequent))):
        for attempt in _latest_of(prints):
            found.setdefault(attempt["attempt_id"], {"why": why, **attempt})
    return msgspec.convert(list(found.values()), list[TypicalAttempt])


def _latest_of(fingerprints: Sequence[UUID]) -> list[dict[str, Any]]:
    """The latest attempt that carries each of these, in their order. One query each, by index."""
    names = [name for name in TypicalAttempt.__struct_fields__ if name not in ("why", "error_message")]
    found = []
    for fingerprint in fingerprints:
        carried = ActionAttempt.objects.filter(fingerprint=fingerprint).order_by("-effective_started_at", "attempt_id")
        latest = carried.values(*names, message=Left("error_message", SHOWN_MESSAGE))[:1]
        found += [{**attempt, "error_message": attempt["message"]} for attempt in latest]
    return found


def _over_time(row: FailurePattern, series: Series) -> PatternOverTime:
    starts = [one.start for one in series.buckets]
    bounds = [series.window.start, series.window.end]
    occurrences = dict(_rows(_OCCURRENCES, [starts, row.pattern_id, *bounds]))
    incidents = dict(_rows(_INCIDENTS, [starts, row.pattern_id, *bounds]))
    ((all_incidents,),) = _rows(_ALL_INCIDENTS, [row.pattern_id, *bounds])
    ((failures,),) = _rows(_ALL_FAILURES, bounds)
    total = sum(occurrences.values())
    return PatternOverTime(
        window=shown(series.window),
        bucket=series.length,
        timezone=series.zone.key,
        occurrences=total,
        incidents=all_incidents,
        failures=failures,
        share=total / failures if failures else None,
        buckets=[
            PatternBucket(
                start=one.start,
                end=one.end,
                occurrences=occurrences.get(place, 0),
                incidents=incidents.get(place, 0),
            )
            for place, one in enumerate(series.buckets)
        ],
    )


def _concentration(row: FailurePattern, action_types: Sequence[str], window: Window) -> Concentration:
    bounds: list[datetime] = [window.start, window.end]
    failures = _rows(_FAILURES, [row.pattern_id, *bounds])
    successes = _rows(_SUCCESSES, [list(action_types[:MOST_ACTION_TYPES]), *bounds])
    return concentration_of([_traits(one) for one in failures], [_traits(one[1:]) for one in successes])


def _traits(columns: Sequence[Any]) -> dict[str, Any]:
    *texts, parameters = columns
    told = {name: text for name, text in zip(_TRAIT_NAMES, texts, strict=True) if text is not None}
    if parameters is not None:
        told["parameters"] = msgspec.json.decode(parameters)
    return told


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
