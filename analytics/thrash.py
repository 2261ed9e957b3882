"""Thrash: work on an incident that goes round in circles, or in which two engines are in each other's way.

Pure: the attempts of one incident come in, findings go out. What to do about them is not told here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

LEAST_FAILURES: Final = 3
WITHIN: Final = timedelta(minutes=30)

Status = Literal["pending", "in_progress", "success", "failed", "skipped", "cancelled"]
# What has not begun, or was refused before it began, is in nobody's way.
_NEVER_RAN: Final = frozenset({"pending", "skipped"})


class ThrashAttempt(Struct, kw_only=True, frozen=True):
    """What of an attempt tells thrash. parameters is their canonical text (attempts/canonical.py).

    started_at and ended_at are the effective times; without an end it runs until now, or, if lost contact, ended where
    it was last heard of: give that as ended_at. Its engine is its own, else that of its resolution attempt.
    """

    attempt_id: UUID
    action_type: str
    target: str | None
    parameters: str
    environment: str | None
    engine: str | None
    resolution_id: UUID | None
    started_at: datetime
    ended_at: datetime | None
    status: Status
    abandoned: bool = False


class Thrash(Struct, kw_only=True, frozen=True):
    """One finding. attempt_ids are in order of start.

    repeated_failure lasts from the first failure to the last, and action_type is that of all; overlapping_engines lasts
    from the first moment in which two engines were at work on the target to the last, and action_type is null.
    """

    kind: Literal["repeated_failure", "overlapping_engines"]
    target: str | None
    environment: str | None
    action_type: str | None
    engines: list[str]
    attempt_ids: list[UUID]
    start: datetime
    end: datetime
    sentence: str


def thrash_in(
    attempts: Iterable[ThrashAttempt], *, now: datetime, engine_of: Mapping[UUID, str] | None = None
) -> list[Thrash]:
    """All thrash of one incident, by start. engine_of gives the engines of resolution attempts by resolution_id.

    repeated_failure: at least LEAST_FAILURES failures of the same action type, target, environment and parameters
    within 30 minutes (exactly 30 is within), without a success of the same between. No target is a target of its own
    here. A failure or success happens at the end of its attempt. Failures that go on are one finding for as long as
    each has two others within 30 minutes.

    Where all that tell an environment tell the same one, those that tell none are in it too: of two engines on one
    target, one may not tell.

    overlapping_engines: attempts of different engines run at one time on one target of one environment. Touching is no
    overlap; what never ran, has no target, or whose engine nobody told, overlaps with nothing. Overlaps that share an
    attempt are one finding.
    """
    resolutions = engine_of or {}
    attempts = list(attempts)
    environments = {attempt.environment for attempt in attempts} - {None, ""}
    only = environments.pop() if len(environments) == 1 else None
    same_work: dict[tuple[str | None, ...], list[_Run]] = defaultdict(list)
    same_place: dict[tuple[str | None, str | None], list[_Run]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.attempt_id)):
        engine = attempt.engine or (resolutions.get(attempt.resolution_id) if attempt.resolution_id else None)
        run = _Run(attempt, engine or "", _end(attempt, now))
        place = (attempt.environment or only, attempt.target)
        if attempt.status in ("failed", "success"):
            same_work[(*place, attempt.action_type, attempt.parameters)].append(run)
        if engine and attempt.target is not None and attempt.status not in _NEVER_RAN:
            same_place[place].append(run)
    found = [_repeated(failures) for group in same_work.values() for failures in _repetitions(group)]
    found += [_overlapping(overlap) for group in same_place.values() for overlap in _overlaps(group)]
    return sorted(found, key=lambda finding: (finding.start, finding.kind, finding.attempt_ids))


# The order at one moment. What ends is gone before what starts is there: touching is no overlap.
_ENDS: Final = 0
_PASSES: Final = 1
_STARTS: Final = 2


class _Run(NamedTuple):
    attempt: ThrashAttempt
    engine: str
    end: datetime

    @property
    def start(self) -> datetime:
        return self.attempt.started_at


class _Overlap(NamedTuple):
    runs: list[_Run]
    start: datetime
    end: datetime


def _end(attempt: ThrashAttempt, now: datetime) -> datetime:
    """When an attempt ended, never before it started: times that contradict each other are one moment."""
    runs_on = attempt.status in ("pending", "in_progress") and not attempt.abandoned
    return max(attempt.started_at, attempt.ended_at or (now if runs_on else attempt.started_at))


def _repetitions(group: list[_Run]) -> Iterator[list[_Run]]:
    """The failures that belong together, in order of their ends."""
    ordered = sorted(group, key=lambda run: (run.end, run.attempt.status == "success"))
    for succeeded, stretch in groupby(ordered, key=lambda run: run.attempt.status == "success"):
        if succeeded:
            continue
        failures = list(stretch)
        start = end = 0  # of the failures that are together so far
        for last in range(LEAST_FAILURES - 1, len(failures)):
            first = last - (LEAST_FAILURES - 1)
            if failures[last].end - failures[first].end > WITHIN:
                continue
            if end and first >= end:
                yield failures[start:end]
                end = 0
            start, end = (start if end else first), last + 1
        if end:
            yield failures[start:end]


def _overlaps(group: list[_Run]) -> Iterator[_Overlap]:
    """The times in which two engines are at work on one target, each with the attempts that are.

    One pass over starts and ends in order of time. An overlap stays open while one of its attempts runs: what meets
    that one belongs to it as well.
    """
    events = sorted(
        [(run.start, _STARTS if run.end > run.start else _PASSES, index) for index, run in enumerate(group)]
        + [(run.end, _ENDS, index) for index, run in enumerate(group) if run.end > run.start]
    )
    engines: Counter[str] = Counter()  # how many attempts of each run now
    alone: set[int] = set()  # the attempts that run now: those in the open overlap, and the others
    inside: set[int] = set()
    members: list[int] = []
    start = end = datetime.min.replace(tzinfo=UTC)
    for time, kind, index in events:
        engine = group[index].engine
        if kind == _ENDS:
            end = time if len(engines) > 1 else end
            engines[engine] -= 1
            if not engines[engine]:
                del engines[engine]
            alone.discard(index)
            inside.discard(index)
            if members and not inside:
                yield _Overlap([group[member] for member in sorted(members)], start, end)
                members = []
            continue
        met = engines.keys() - {engine}
        if kind == _STARTS:
            engines[engine] += 1
            alone.add(index)
        if met:
            start, end = (start if members else time), time
            members += alone if kind == _STARTS else [*alone, index]
            inside |= alone
            alone.clear()


def _repeated(failures: list[_Run]) -> Thrash:
    first = failures[0].attempt
    start, end = failures[0].end, failures[-1].end
    what = f"{first.action_type or 'An action'}{f' on {first.target}' if first.target is not None else ''}"
    return Thrash(
        kind="repeated_failure",
        target=first.target,
        environment=_environment(failures),
        action_type=first.action_type,
        engines=sorted({run.engine for run in failures if run.engine}),
        attempt_ids=[run.attempt.attempt_id for run in sorted(failures, key=_by_start)],
        start=start,
        end=end,
        sentence=f"{what} failed {len(failures)} times with the same parameters {_span(start, end)}, "
        "and never succeeded between.",
    )


def _overlapping(overlap: _Overlap) -> Thrash:
    first = overlap.runs[0].attempt
    engines = sorted({run.engine for run in overlap.runs})
    return Thrash(
        kind="overlapping_engines",
        target=first.target,
        environment=_environment(overlap.runs),
        action_type=None,
        engines=engines,
        attempt_ids=[run.attempt.attempt_id for run in overlap.runs],
        start=overlap.start,
        end=overlap.end,
        sentence=f"{' and '.join(engines)} worked on {first.target} at the same time "
        f"({len(overlap.runs)} attempts) {_span(overlap.start, overlap.end)}.",
    )


def _environment(runs: list[_Run]) -> str | None:
    return next((run.attempt.environment for run in runs if run.attempt.environment), None)


def _by_start(run: _Run) -> tuple[datetime, UUID]:
    return run.attempt.started_at, run.attempt.attempt_id


def _span(start: datetime, end: datetime) -> str:
    """ "from 2026-01-31 10:00:00 to 10:20:00 UTC", with the second date where it is another."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"from {start:%Y-%m-%d %H:%M:%S} to {until} UTC"
