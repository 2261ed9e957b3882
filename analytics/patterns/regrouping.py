"""Regroups the failures of earlier masking rules under the present ones, while recorders go on.

First it is looked at what every failure will carry, and decided who owns what (assignment.py), in one transaction that
also says so in the history of the patterns. From then on unseen failures find their pattern, and the old ones move in
small batches, each with its counts, so that everything that is kept stays equal to a recount. At the end what nothing
carries any more is removed. What was decided and what has moved is in the database: whatever ends this, the next run
goes on from there.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.utils import OperationalError
from django.utils import timezone

from analytics.models import FailureFingerprint, FailurePattern, FailurePatternKey, PatternChange, Regrouping
from analytics.patterns.assignment import Assignment, Owned, assign
from analytics.patterns.grouping import Unseen, unseen
from analytics.patterns.history import ACTIONLOG, note_change
from analytics.patterns.merging import absorb, sum_up, template_of
from analytics.patterns.recording import record_failures
from analytics.snapshot import one_snapshot
from attempts import fingerprint as rules
from attempts.locks import PATTERN_DECISIONS, RECORDING
from attempts.renewal import BEFORE_ALL, locked_old_failures, old_failures, renewed, write_renewed
from attempts.rows import AttemptChange, AttemptRow
from attempts.signals import RETRIED_STATES, sqlstate
from attempts.storage import execute

BATCH: Final = 500
TRIES: Final = 5

_ALONE: Final = f"SELECT pg_advisory_xact_lock({RECORDING}), pg_advisory_xact_lock({PATTERN_DECISIONS})"
_OLD_ARE_LEFT: Final = "SELECT EXISTS (SELECT FROM action_attempts WHERE fingerprint_version < %s)"
_FORGET_FINGERPRINTS: Final = """
    DELETE FROM failure_fingerprints AS kept WHERE version < %s AND occurrences = 0
       AND NOT EXISTS (SELECT FROM action_attempts WHERE fingerprint = kept.fingerprint)
"""
_FORGET_KEYS: Final = """
    DELETE FROM failure_pattern_keys AS kept WHERE version < %s
       AND NOT EXISTS (SELECT FROM failure_fingerprints WHERE pattern_key = kept.pattern_key)
"""


class Outlook(NamedTuple):
    """What the failures of earlier rules carry and will carry: how many by both, and of each new fingerprint a sample.

    Those whose fingerprint nobody owns are counted as unowned.
    """

    failures: int
    landed: Counter[tuple[UUID, UUID]]
    samples: dict[UUID, Unseen]


class Plan(NamedTuple):
    """What is to become of the patterns, by the ids of the present ones. templates are of the present ones, too."""

    outlook: Outlook
    assignment: Assignment
    templates: dict[UUID, str]


def look_ahead() -> Outlook:
    """Read every failure of earlier rules, and change nothing."""
    landed: Counter[tuple[UUID, UUID]] = Counter()
    samples: dict[UUID, Unseen] = {}
    with transaction.atomic():
        for row in old_failures():
            before, after = row.fingerprint, renewed(row).fingerprint
            if before is None or after is None:
                continue
            landed[before, after] += 1
            if after not in samples:
                samples[after] = _sample(after, row)
    return Outlook(landed.total(), landed, samples)


def plan() -> Plan:
    """What regroup() would decide now. Changes nothing."""
    outlook = look_ahead()
    with one_snapshot():
        templates = dict(FailurePattern.objects.values_list("pattern_id", "template"))
        return Plan(outlook, _assigned(outlook), templates)


def is_decided() -> bool:
    """Whether an earlier run has decided already who owns what under the present rules."""
    return Regrouping.objects.filter(version=rules.VERSION).exists()


def old_are_left() -> bool:
    """Whether any failure carries a fingerprint of earlier rules."""
    with connection.cursor() as cursor:
        cursor.execute(_OLD_ARE_LEFT, [rules.VERSION])
        return bool(cursor.fetchone()[0])


def regroup(*, on_moved: Callable[[int], None] = lambda moved: None, batch: int | None = None) -> int:
    """Decide, if no run has, and move all failures of earlier rules. Returns how many were moved by this run.

    on_moved is told how many have been, after each batch. Raises django.db.Error when a count does not hold what is to
    be taken from it: rebuild_metrics repairs that.
    """
    if not is_decided():
        _decide(look_ahead())
    moved = 0
    while True:
        for rows in _moved(batch or BATCH):
            moved += rows
            on_moved(moved)
        if _finish(timezone.now()):
            return moved


def _decide(outlook: Outlook) -> None:
    """Write down who owns what from now on. Nobody records meanwhile: it takes as long as reading the patterns."""
    with transaction.atomic():
        execute(_ALONE)
        if is_decided():
            return
        now = timezone.now()
        assignment = _assigned(outlook)
        _found(assignment, outlook, now)
        into: dict[UUID, list[UUID]] = {}
        for source, target in assignment.absorbed.items():
            into.setdefault(target, []).append(source)
        for target, sources in sorted(into.items()):
            absorb(target, sorted(sources), actor=ACTIONLOG, at=now, note=_note())
        FailurePatternKey.objects.bulk_create(
            [
                FailurePatternKey(pattern_key=key, pattern_id=owner, version=rules.VERSION)
                for key, owner in sorted(assignment.key_owners.items())
            ],
            update_conflicts=True,
            unique_fields=["pattern_key"],
            update_fields=["pattern", "version"],
            batch_size=1000,
        )
        _own(assignment, outlook)
        sum_up({*assignment.kept, *(each.pattern for each in assignment.founded)})
        Regrouping.objects.create(version=rules.VERSION, decided_at=now)


def _assigned(outlook: Outlook) -> Assignment:
    old: list[Owned] = []
    present: list[Owned] = []
    prints = FailureFingerprint.objects.values_list(
        "fingerprint", "key_id", "pattern_id", F("key__pattern_id"), "occurrences", "version"
    )
    for fingerprint, key, pattern, key_owner, occurrences, version in prints:
        owned = Owned(fingerprint, key, pattern, pattern != key_owner, occurrences)
        (old if version < rules.VERSION else present).append(owned)
    return assign(old=old, present=present, landed=outlook.landed, renewed=outlook.samples)


def _found(assignment: Assignment, outlook: Outlook, now: datetime) -> None:
    """Make the patterns that are new, each in the state of the one that most of its failures come from."""
    origins = FailurePattern.objects.in_bulk({each.origin for each in assignment.founded})
    first: dict[UUID, Unseen] = {}
    for fingerprint, owner in sorted(assignment.owners.items()):
        if fingerprint in outlook.samples:
            first.setdefault(owner, outlook.samples[fingerprint])
    for each in assignment.founded:
        origin, sample = origins.get(each.origin), first[each.pattern]
        made = FailurePattern.objects.create(
            pattern_id=each.pattern,
            action_type=sample.action_type,
            template=sample.masked,
            created_at=now,
            **(
                {
                    "state": origin.state,
                    "state_changed_at": origin.state_changed_at,
                    "state_changed_by": origin.state_changed_by,
                    "fixed_at": origin.fixed_at,
                }
                if origin is not None
                else {}
            ),
        )
        if origin is not None:
            for one, other in ((made, origin), (origin, made)):
                note_change(
                    one,
                    PatternChange.Change.REGROUPED,
                    from_state=one.state,
                    actor=ACTIONLOG,
                    at=now,
                    note=_note(),
                    other=other,
                    details={"failures": each.failures},
                )


def _own(assignment: Assignment, outlook: Outlook) -> None:
    """Give each fingerprint of the present rules its owner; those that are new have no failure yet."""
    FailureFingerprint.objects.bulk_create(
        [
            FailureFingerprint(
                fingerprint=fingerprint,
                version=rules.VERSION,
                action_type=sample.action_type,
                error_type=sample.error_type,
                masked=sample.masked,
                key_id=sample.key,
                pattern_id=assignment.owners[fingerprint],
            )
            for fingerprint, sample in sorted(outlook.samples.items())
        ],
        update_conflicts=True,
        unique_fields=["fingerprint"],
        update_fields=["version", "masked", "key", "pattern"],
        batch_size=1000,
    )
    others: dict[UUID, list[UUID]] = {}
    for fingerprint, owner in assignment.owners.items():
        if fingerprint not in outlook.samples:
            others.setdefault(owner, []).append(fingerprint)
    for owner, fingerprints in others.items():
        FailureFingerprint.objects.filter(fingerprint__in=fingerprints).exclude(pattern=owner).update(pattern=owner)


def _moved(batch: int) -> Iterator[int]:
    """Move the failures that are left, a batch in a transaction of its own; how many each of them moved."""
    after = BEFORE_ALL
    while rows := _move_again(after, batch):
        yield len(rows)
        after = rows[-1].attempt_id


def _move(after: UUID, batch: int) -> list[AttemptRow]:
    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock_shared(%s)", [RECORDING])
        rows = locked_old_failures(after=after, limit=batch)
        changed = [renewed(row) for row in rows]
        write_renewed(changed)
        changes = [AttemptChange(before, now, []) for before, now in zip(rows, changed, strict=True)]
        record_failures(changes, now=timezone.now())
        return rows


def _finish(now: datetime) -> bool:
    """Forget what nothing carries any more, and tell templates in the words of the present rules.

    False, and nothing is done, where a recorder with earlier rules has written meanwhile.
    """
    with transaction.atomic():
        execute(_ALONE)
        if old_are_left():
            return False
        execute(_FORGET_FINGERPRINTS, [rules.VERSION])
        execute(_FORGET_KEYS, [rules.VERSION])
        owned: dict[UUID, list[FailureFingerprint]] = {}
        for row in FailureFingerprint.objects.filter(version=rules.VERSION):
            owned.setdefault(row.pattern_id, []).append(row)
        patterns = FailurePattern.objects.in_bulk(owned)
        changed = []
        for pattern_id, rows in sorted(owned.items()):
            pattern = patterns[pattern_id]
            template = template_of(rows)
            if template != pattern.template:
                pattern.template = template
                changed.append(pattern)
        FailurePattern.objects.bulk_update(changed, ["template"], batch_size=500)
        Regrouping.objects.filter(version=rules.VERSION).update(finished_at=now)
        return True


def _move_again(after: UUID, batch: int) -> list[AttemptRow]:
    """_move(), tried again where PostgreSQL asks for it, as when it met a recorder crosswise."""
    for _ in range(TRIES - 1):
        try:
            return _move(after, batch)
        except OperationalError as error:
            if sqlstate(error) not in RETRIED_STATES:
                raise
    return _move(after, batch)


def _sample(fingerprint: UUID, row: AttemptRow) -> Unseen:
    masked = rules.masked_message(row.error_message)
    return unseen(fingerprint, rules.VERSION, row.action_type, row.error_type, masked)


def _note() -> str:
    return f"regrouped by masking rules {rules.VERSION}"
