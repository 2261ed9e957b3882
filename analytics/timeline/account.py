"""The account of an incident, put together from what was read: pure. Steps, of which there can be very many, are read
in place (queries.py)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from analytics.thrash import Thrash, ThrashAttempt, thrash_in
from analytics.timeline.entries import RANKS, Kind, Place, TimelineEntry
from attempts.details import AttemptDetail
from attempts.records import OPEN_STATUSES, VerdictValue
from resolutions.records import FINAL_STATUSES
from resolutions.rows import ResolutionRow
from resolutions.timeline import end_of

LONGEST_TEXT: Final = 1000
MOST_IDS: Final = 50
LEAST_PAUSE: Final = timedelta(seconds=1)

Placed = tuple[Place, TimelineEntry]


class ToldAttempt(NamedTuple):
    """An attempt as the account needs it: without steps and large values. parameters is their canonical text, or a text
    of its own where they are too large to be compared."""

    detail: AttemptDetail
    parameters: str

    @property
    def ran(self) -> bool:
        """Whether it ever began. What is pending or was skipped did not."""
        return self.detail.status not in ("pending", "skipped")

    @property
    def runs(self) -> bool:
        return self.detail.status == "in_progress" and not self.detail.is_abandoned

    def end(self, now: datetime) -> datetime:
        """When it ended, as far as is known; now while it runs."""
        return max(now, self.detail.effective_started_at) if self.runs else end_of(self.detail)


class ToldVerdict(NamedTuple):
    """A verdict, on an attempt or on a resolution attempt."""

    verdict_id: UUID
    attempt_id: UUID | None
    resolution_id: UUID | None
    verdict: VerdictValue
    source: str
    given_at: datetime
    given_by: str
    note: str


def cut(text: str | None) -> str | None:
    """The text, or its beginning with "..." where it is very long."""
    return text if text is None or len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def account_of(
    resolutions: Sequence[ResolutionRow],
    attempts: Sequence[ToldAttempt],
    verdicts: Iterable[ToldVerdict],
    *,
    now: datetime,
) -> list[Placed]:
    """All entries but the steps, each with its place, in order."""
    entries: list[Placed] = []
    for resolution in resolutions:
        entries += _resolution(resolution)
    for attempt in attempts:
        entries += _attempt(attempt, now)
    for verdict in verdicts:
        entries.append(
            _entry(
                "verdict",
                verdict.given_at,
                verdict.verdict_id,
                **({"attempt_id": verdict.attempt_id} if verdict.attempt_id else {}),
                **({"resolution_id": verdict.resolution_id} if verdict.resolution_id else {}),
                verdict=verdict.verdict,
                source=verdict.source,
                given_by=verdict.given_by,
                note=cut(verdict.note) or "",
            )
        )
    entries += _overlaps_and_pauses(resolutions, attempts, now)
    return sorted(entries, key=lambda entry: entry[0])


def thrash_of(resolutions: Iterable[ResolutionRow], attempts: Iterable[ToldAttempt], *, now: datetime) -> list[Thrash]:
    """The thrash among these attempts; see analytics.thrash."""
    engines = {resolution.resolution_id: resolution.engine for resolution in resolutions if resolution.engine}
    return thrash_in(
        (
            ThrashAttempt(
                attempt_id=detail.attempt_id,
                action_type=detail.action_type,
                target=detail.target,
                parameters=parameters,
                environment=detail.environment,
                engine=detail.engine,
                resolution_id=detail.resolution_id,
                started_at=detail.effective_started_at,
                ended_at=None if detail.status in OPEN_STATUSES and not detail.is_abandoned else end_of(detail),
                status=detail.status,
                abandoned=detail.is_abandoned,
            )
            for detail, parameters in attempts
        ),
        now=now,
        engine_of=engines,
    )


def end_of_resolution(resolution: ResolutionRow) -> datetime | None:
    """When a resolution attempt ended: as told, else its effective start; None while it has no outcome."""
    if resolution.effective_status not in FINAL_STATUSES:
        return None
    return max(resolution.completed_at or resolution.effective_started_at, resolution.effective_started_at)


def _entry(kind: Kind, at: datetime, id: UUID, **facts: Any) -> Placed:
    return Place(at, RANKS[kind], id), TimelineEntry(at=at, kind=kind, **facts)


def _resolution(row: ResolutionRow) -> Iterator[Placed]:
    about: dict[str, Any] = {
        "resolution_id": row.resolution_id,
        "engine": row.engine,
        "engine_version": row.engine_version,
        "status": row.effective_status,
    }
    start, end = row.effective_started_at, end_of_resolution(row)
    yield _entry("resolution_started", start, row.resolution_id, **about)
    if end is not None:
        yield _entry("resolution_ended", end, row.resolution_id, **about, seconds=row.duration_seconds)
    elif row.abandoned_at is not None and row.last_heard_at is not None:
        yield _entry("resolution_lost_contact", max(row.last_heard_at, start), row.resolution_id, **about)
    if row.reopened_at is not None and row.reopened_by is not None:
        yield _entry(
            "resolution_reopened",
            row.reopened_at,
            row.resolution_id,
            resolution_id=row.resolution_id,
            reopened_by=row.reopened_by,
        )


def _attempt(attempt: ToldAttempt, now: datetime) -> Iterator[Placed]:
    detail = attempt.detail
    about: dict[str, Any] = {
        "attempt_id": detail.attempt_id,
        "resolution_id": detail.resolution_id,
        "action_id": detail.action_id,
        "action_type": detail.action_type,
        "target": detail.target,
        "engine": detail.engine,
        "retry_of": detail.retry_of,
        "status": detail.status,
    }
    start, end = detail.effective_started_at, end_of(detail)
    if detail.status == "pending":
        yield _entry("attempt_planned", start, detail.attempt_id, **about)
    elif attempt.ran:
        yield _entry("attempt_started", start, detail.attempt_id, **about)
    if detail.is_abandoned:
        yield _entry("attempt_lost_contact", end, detail.attempt_id, **about)
    elif detail.status not in OPEN_STATUSES:
        yield _entry(
            "attempt_ended",
            end,
            detail.attempt_id,
            **about,
            error_type=cut(detail.error_type),
            error_message=cut(detail.error_message),
            seconds=detail.execution_time_seconds,
        )


def _overlaps_and_pauses(
    resolutions: Sequence[ResolutionRow], attempts: Sequence[ToldAttempt], now: datetime
) -> Iterator[Placed]:
    """One pass over starts and ends in order of time. What ends is gone before what starts at that moment is there."""
    runs = [
        (attempt.detail.effective_started_at, attempt.end(now), attempt.detail.attempt_id)
        for attempt in attempts
        if attempt.ran
    ]
    starts = {id: start for start, _, id in runs}
    events = sorted(
        [(start, 1, id) for start, _, id in runs] + [(end, 0 if end > start else 2, id) for start, end, id in runs]
    )
    known = [resolution.effective_started_at for resolution in resolutions]
    first = min([*known, *(start for start, _, _ in runs)], default=now)
    open_now = any(row.effective_status not in FINAL_STATUSES and row.abandoned_at is None for row in resolutions)
    ends = [end for row in resolutions if (end := end_of_resolution(row)) is not None]
    last = max([now] if open_now else ends, default=first)

    running: set[UUID] = set()
    together: set[UUID] = set()
    since = first  # when this overlap began, or when nothing ran any more
    for time, kind, id in events:
        if kind == 1:
            if not running:
                yield from _pause(since, time)
            running.add(id)
            if len(running) == 2:
                since, together = time, set(running)
            elif len(running) > 2:
                together.add(id)
        else:
            running.discard(id)
            if len(running) == 1 and together:
                yield from _overlap(since, time, sorted(together, key=lambda id: (starts[id], id)))
                together = set()
            if not running:
                since = time
    if open_now and not running:
        yield from _pause(since, last, lasts=True)
    elif events or resolutions:
        yield from _pause(since, last)


def _overlap(start: datetime, end: datetime, ids: list[UUID]) -> Iterator[Placed]:
    if end > start:
        yield _entry(
            "overlap",
            start,
            ids[0],
            until=end,
            seconds=(end - start).total_seconds(),
            attempts=len(ids),
            attempt_ids=ids[:MOST_IDS],
        )


def _pause(start: datetime, end: datetime, *, lasts: bool = False) -> Iterator[Placed]:
    if end - start >= LEAST_PAUSE:
        until = {} if lasts else {"until": end}
        yield _entry("pause", start, UUID(int=0), seconds=(end - start).total_seconds(), **until)
