"""The recount of what is kept of failures without regard to time: the totals of each fingerprint and of each of its
incidents, from the record, and the totals of each pattern, which are sums over the fingerprints that it owns.

A look takes no lock. A repair locks one pattern and what it owns, in the order that recorders lock them: a recorder
that comes first is seen whole, and one that comes later adds to what the repair left. By time: recount.py.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from analytics.snapshot import one_snapshot
from attempts.storage import execute, uuid_array

# Of every fingerprint: is it what the failures that carry it add up to?
_FINGERPRINTS: Final = """
    SELECT kept.pattern_id, kept.recount_due,
           format('fingerprint %%s: stored %%s failures from %%s to %%s, counted %%s from %%s to %%s', kept.fingerprint,
                  kept.occurrences, kept.first_seen, kept.last_seen,
                  coalesce(counted.occurrences, 0), counted.first_seen, counted.last_seen)
    FROM failure_fingerprints AS kept
    LEFT JOIN (
        SELECT fingerprint, count(*) AS occurrences,
               min(effective_started_at) AS first_seen, max(effective_started_at) AS last_seen
        FROM action_attempts WHERE fingerprint IS NOT NULL GROUP BY fingerprint
    ) AS counted ON counted.fingerprint = kept.fingerprint
    WHERE kept.recount_due
       OR (kept.occurrences, kept.first_seen, kept.last_seen)
          IS DISTINCT FROM (coalesce(counted.occurrences, 0), counted.first_seen, counted.last_seen)
"""
# Incidents of a fingerprint that is not kept belong to no pattern.
_INCIDENTS: Final = """
    SELECT owner.pattern_id, false,
           format('fingerprint %%s in incident %%s: stored %%s failures, counted %%s', fingerprint, incident_id,
                  coalesce(kept.occurrences, 0), coalesce(counted.occurrences, 0))
    FROM failure_incidents AS kept
    FULL JOIN (
        SELECT fingerprint, incident_id, count(*) AS occurrences
        FROM action_attempts WHERE fingerprint IS NOT NULL GROUP BY fingerprint, incident_id
    ) AS counted USING (fingerprint, incident_id)
    LEFT JOIN failure_fingerprints AS owner USING (fingerprint)
    WHERE kept.occurrences IS DISTINCT FROM counted.occurrences
      AND (owner.fingerprint IS NOT NULL OR kept.occurrences IS NOT NULL)
"""
_PATTERNS: Final = """
    SELECT kept.pattern_id, false,
           format('pattern %%s: stored %%s failures in %%s incidents from %%s to %%s,'
                  ' counted %%s in %%s from %%s to %%s',
                  kept.pattern_id, kept.occurrences, kept.incidents, kept.first_seen, kept.last_seen,
                  coalesce(owned.occurrences, 0), coalesce(named.incidents, 0), owned.first_seen, owned.last_seen)
    FROM failure_patterns AS kept
    LEFT JOIN (
        SELECT pattern_id, sum(occurrences) AS occurrences, min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM failure_fingerprints GROUP BY pattern_id
    ) AS owned ON owned.pattern_id = kept.pattern_id
    LEFT JOIN (
        SELECT prints.pattern_id, count(DISTINCT incidents.incident_id) AS incidents
        FROM failure_incidents AS incidents JOIN failure_fingerprints AS prints USING (fingerprint)
        GROUP BY prints.pattern_id
    ) AS named ON named.pattern_id = kept.pattern_id
    WHERE (kept.occurrences, kept.incidents, kept.first_seen, kept.last_seen)
          IS DISTINCT FROM
          (coalesce(owned.occurrences, 0), coalesce(named.incidents, 0), owned.first_seen, owned.last_seen)
"""

_LOCK_FINGERPRINTS: Final = """
    SELECT fingerprint FROM failure_fingerprints WHERE pattern_id = %s ORDER BY fingerprint FOR NO KEY UPDATE
"""
_LOCK_PATTERN: Final = "SELECT pattern_id FROM failure_patterns WHERE pattern_id = %s FOR NO KEY UPDATE"
_COUNT_FINGERPRINTS: Final = """
    UPDATE failure_fingerprints AS kept
       SET occurrences = coalesce(counted.occurrences, 0), first_seen = counted.first_seen,
           last_seen = counted.last_seen, recount_due = false
      FROM unnest(%s::uuid[]) AS given (fingerprint)
      LEFT JOIN (
            SELECT fingerprint, count(*) AS occurrences,
                   min(effective_started_at) AS first_seen, max(effective_started_at) AS last_seen
            FROM action_attempts WHERE fingerprint = ANY(%s::uuid[]) GROUP BY fingerprint
           ) AS counted ON counted.fingerprint = given.fingerprint
     WHERE kept.fingerprint = given.fingerprint
"""
_REMOVE_INCIDENTS: Final = "DELETE FROM failure_incidents WHERE fingerprint = ANY(%s::uuid[])"
_REMOVE_LOST_INCIDENTS: Final = """
    DELETE FROM failure_incidents AS kept WHERE NOT EXISTS (
        SELECT FROM failure_fingerprints AS owner WHERE owner.fingerprint = kept.fingerprint)
"""
_COUNT_INCIDENTS: Final = """
    INSERT INTO failure_incidents (fingerprint, incident_id, occurrences)
    SELECT fingerprint, incident_id, count(*) FROM action_attempts
    WHERE fingerprint = ANY(%s::uuid[]) GROUP BY fingerprint, incident_id
"""
_SUM_UP: Final = "SELECT sum_up_failure_patterns(%s::uuid[])"
_NOTE_REGRESSED: Final = (
    "SELECT note_regressed(pattern_id, last_seen, %s) FROM failure_patterns WHERE pattern_id = %s AND state = 'fixed'"
)


class TotalsRecounted(NamedTuple):
    """What a recount of all totals found. due is how many fingerprints were known to be due for it."""

    patterns: int
    fingerprints: int
    differences: list[str]
    due: int


def recount_totals(*, repair: bool) -> TotalsRecounted:
    """Compare the totals of every pattern and fingerprint with the record, and repair those that differ.

    Each pattern is repaired in a transaction of its own, so that what was repaired stays so when this is interrupted.
    """
    with one_snapshot():
        patterns, fingerprints = _sizes()
        wrong: dict[UUID | None, None] = {}
        differences = []
        due = 0
        for pattern_id, is_due, difference in _looked():
            wrong[pattern_id] = None
            if is_due:
                due += 1
            else:
                differences.append(difference)
    if repair:
        for pattern_id in wrong:
            repair_totals(pattern_id)
    return TotalsRecounted(patterns, fingerprints, differences, due)


def repair_totals(pattern_id: UUID | None) -> None:
    """Make the totals of a pattern and of what it owns what the record adds up to; None: of what nobody owns."""
    if pattern_id is None:
        execute(_REMOVE_LOST_INCIDENTS)
        return
    with transaction.atomic():
        fingerprints = uuid_array(each for (each,) in execute(_LOCK_FINGERPRINTS, [pattern_id]).fetchall())
        execute(_LOCK_PATTERN, [pattern_id])
        execute(_COUNT_FINGERPRINTS, [fingerprints, fingerprints])
        execute(_REMOVE_INCIDENTS, [fingerprints])
        execute(_COUNT_INCIDENTS, [fingerprints])
        execute(_SUM_UP, [[pattern_id]])
        execute(_NOTE_REGRESSED, [timezone.now(), pattern_id])


def _sizes() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM failure_patterns), (SELECT count(*) FROM failure_fingerprints)")
        patterns, fingerprints = cursor.fetchone()
    return patterns, fingerprints


def _looked() -> Iterator[tuple[UUID | None, bool, str]]:
    for statement in (_FINGERPRINTS, _INCIDENTS, _PATTERNS):
        with connection.cursor() as cursor:
            cursor.execute(statement, [])
            yield from cursor.fetchall()
