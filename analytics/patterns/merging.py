"""Operators join patterns that are one way to fail, and part one that is two. Whole fingerprints move, with all that is
counted of them; nothing is lost and nothing counted anew.

What fails later follows: a known fingerprint stays with its pattern, an unseen one joins the owner of its key
(templates.pattern_key). Locks are taken in the order of the recorder: keys, fingerprints, patterns.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from access.errors import ApiError
from analytics.patterns.history import begin_decision, living, locked_patterns, note_change
from analytics.patterns.models import FailureFingerprint, FailurePattern, FailurePatternKey, PatternChange
from analytics.patterns.templates import widen, words_of
from attempts.storage import execute, uuid_array

Change = PatternChange.Change


def merge(*, target_id: UUID, others: Collection[UUID], actor: str, note: str = "") -> bool:
    """Make the other patterns part of the target: their fingerprints, keys and history are the target's from now on.

    The target keeps its state, unless it is fixed and one of the others was seen since: then it has regressed. Others
    that were merged into it before are left as they are; False when all were. Raises ApiError 404 for an unknown
    target, 409 where the target or another was merged elsewhere, 400 for unknown others and for the target itself.
    """
    with transaction.atomic():
        begin_decision()
        wanted = list(dict.fromkeys(others))
        if target_id in wanted:
            position = wanted.index(target_id)
            raise ApiError(
                400, "A pattern cannot be merged into itself.", field="patterns", path=f"patterns[{position}]"
            )
        # Without locks yet: decisions, which alone merge patterns, wait for this one.
        known = FailurePattern.objects.in_bulk([target_id, *wanted])
        living(known.get(target_id), target_id)
        sources = []
        for position, pattern_id in enumerate(wanted):
            other = known.get(pattern_id)
            if other is None:
                raise _fault(f"There is no failure pattern {pattern_id}.", "patterns", position)
            if other.merged_into_id is None:
                sources.append(pattern_id)
            elif other.merged_into_id != target_id:
                raise ApiError(
                    409, f"Pattern {pattern_id} was merged into {other.merged_into_id} before. Merge that one."
                )
        if not sources:
            return False
        absorb(target_id, sources, actor=actor, at=timezone.now(), note=note)
        return True


def absorb(target_id: UUID, sources: Sequence[UUID], *, actor: str, at: datetime, note: str = "") -> None:
    """Move all that these patterns own to the target, and write it into the history of each. Within a decision."""
    keys = FailurePatternKey.objects.filter(pattern_id__in=sources)
    list(keys.order_by("pattern_key").select_for_update().values_list("pattern_key"))
    keys.update(pattern_id=target_id)
    prints = FailureFingerprint.objects.filter(pattern_id__in=sources)
    owned: dict[UUID, list[UUID]] = {source: [] for source in sources}
    rows = prints.order_by("fingerprint").select_for_update(no_key=True).values_list("fingerprint", "pattern_id")
    for fingerprint, owner in rows:
        owned[owner].append(fingerprint)
    prints.update(pattern_id=target_id)
    locked = locked_patterns([target_id, *sources])
    target, gone = locked[target_id], [locked[source] for source in sources]
    FailurePattern.objects.filter(pattern_id__in=sources).update(
        occurrences=0, incidents=0, first_seen=None, last_seen=None, merged_into=target
    )
    FailurePattern.objects.filter(merged_into__in=sources).update(merged_into=target)
    sum_up([target_id])
    for source in gone:
        tell = partial(note_change, actor=actor, at=at, note=note, moved=owned[source.pattern_id])
        tell(source, Change.MERGED_INTO, from_state=source.state, other=target)
        tell(target, Change.MERGED, from_state=target.state, other=source)
    seen = max((one.last_seen for one in gone if one.last_seen is not None), default=None)
    execute("SELECT note_regressed(%s, %s::timestamptz, %s)", [target_id, seen, at])


class Split(NamedTuple):
    """The pattern that a split made; is_new is False when the same split made it before."""

    pattern_id: UUID
    is_new: bool


def split(*, pattern_id: UUID, fingerprints: Collection[UUID], actor: str, note: str = "") -> Split:
    """Make these fingerprints of a pattern a pattern of their own, in the same state.

    A key goes with them when all of its fingerprints do; else unseen fingerprints of it go on joining the old pattern.
    The same split again finds the pattern that it made. Raises ApiError 404 for an unknown pattern, 400 for
    fingerprints that are not the pattern's, 409 where there is nothing to part: all of them, or a pattern that has one
    only, whose failures do not differ in anything that the fingerprint sees.
    """
    with transaction.atomic():
        begin_decision()
        pattern = living(FailurePattern.objects.filter(pattern_id=pattern_id).first(), pattern_id)
        wanted = list(dict.fromkeys(fingerprints))
        if not wanted:
            raise ApiError(400, "Name at least one fingerprint.", field="fingerprints", path="fingerprints")
        rows = FailureFingerprint.objects.in_bulk(wanted)
        made = _made_before(pattern_id, rows.values(), wanted)
        if made is not None:
            return Split(made, is_new=False)
        for position, fingerprint in enumerate(wanted):
            row = rows.get(fingerprint)
            if row is None or row.pattern_id != pattern_id:
                raise _fault(f"The fingerprint {fingerprint} is not of this pattern.", "fingerprints", position)
        # In the order of locks: keys, then fingerprints. The keys keep out unseen fingerprints that would join.
        keys = FailurePatternKey.objects.filter(pattern_id=pattern_id).order_by("pattern_key").select_for_update()
        own_keys = {key.pattern_key for key in keys}
        owned = list(
            FailureFingerprint.objects.filter(pattern_id=pattern_id)
            .order_by("fingerprint")
            .select_for_update(no_key=True)
        )
        if len(owned) == 1:
            raise ApiError(
                409,
                "This pattern cannot be split: it has one fingerprint. Its failures differ in masked values only "
                "(numbers, ids, hosts, what is quoted), which no fingerprint tells apart.",
            )
        if len(owned) == len(wanted):
            raise ApiError(409, "Nothing would be left of this pattern: these are all of its fingerprints. Name fewer.")
        moving = set(wanted)
        going = [row for row in owned if row.fingerprint in moving]
        staying = [row for row in owned if row.fingerprint not in moving]
        now = timezone.now()
        # Its state as it is now: a recorder may have found it regressed since it was looked for.
        pattern = locked_patterns([pattern_id])[pattern_id]
        new = FailurePattern.objects.create(
            action_type=going[0].action_type,
            template=template_of(going),
            created_at=now,
            state=pattern.state,
            state_changed_at=now,
            state_changed_by=actor,
            fixed_at=pattern.fixed_at,
        )
        gone_keys = ({row.key_id for row in going} & own_keys) - {row.key_id for row in staying}
        FailurePatternKey.objects.filter(pattern_key__in=gone_keys).update(pattern=new)
        FailureFingerprint.objects.filter(fingerprint__in=moving).update(pattern=new)
        pattern.template = template_of(staying)
        pattern.save(update_fields=["template"])
        sum_up([pattern_id, new.pattern_id])
        tell = partial(note_change, from_state=pattern.state, actor=actor, at=now, note=note, moved=moving)
        tell(pattern, Change.SPLIT, other=new)
        tell(new, Change.SPLIT_FROM, other=pattern)
        return Split(new.pattern_id, is_new=True)


def sum_up(ids: Iterable[UUID]) -> None:
    """Make the totals of these patterns what their fingerprints add up to. They are locked."""
    execute("SELECT sum_up_failure_patterns(%s::uuid[])", [uuid_array(sorted(ids))])


def template_of(rows: Sequence[FailureFingerprint]) -> str:
    """What the masked messages have in common, of those that are alike the most frequent one."""
    frequent: Counter[UUID] = Counter()
    for row in rows:
        frequent[row.key_id] += row.occurrences
    key = min(frequent, key=lambda one: (-frequent[one], one))
    alike = sorted((row for row in rows if row.key_id == key), key=lambda row: (-row.occurrences, row.fingerprint))
    template = alike[0].masked
    for row in alike[1:]:
        # Of other masking rules the words may be other words.
        if words_of(row.masked) == words_of(template):
            template = widen(template, row.masked)
    return template


def _fault(message: str, field: str, position: int) -> ApiError:
    return ApiError(400, message, field=field, path=f"{field}[{position}]")


def _made_before(pattern_id: UUID, rows: Collection[FailureFingerprint], wanted: Sequence[UUID]) -> UUID | None:
    """The pattern that this very split made before and that still owns what it took."""
    owners = {row.pattern_id for row in rows}
    if len(owners) != 1 or len(rows) != len(wanted) or owners == {pattern_id}:
        return None
    (owner,) = owners
    told = {"fingerprints": [str(one) for one in sorted(wanted)]}
    was = PatternChange.objects.filter(
        pattern_id=owner, change=Change.SPLIT_FROM, other_pattern_id=pattern_id, details=told
    )
    return owner if was.exists() else None
