"""What the incident page shows of sessions, worked out from what was read: overlaps and places in time. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import UNSET, Struct
from msgspec.json import encode as encode_json

from attempts.details import AttemptDetail
from attempts.records import OPEN_STATUSES
from resolutions.details import IncidentDetail, ResolutionDetail
from resolutions.shown_summary import YES_NO, ShownSummary, label, shown_summary
from resolutions.summary import told_figures
from resolutions.totals import Totals, totals_of


class Entry(Struct, frozen=True):
    """An attempt in its session. overlaps: it began before one that began earlier had ended.

    left and width are its place in the session's time, in percent; None where the session has no length to speak of.
    """

    attempt: AttemptDetail
    overlaps: bool
    left: float | None
    width: float | None


class Session(Struct, frozen=True):
    """A resolution attempt with its attempts placed in time."""

    resolution: ResolutionDetail
    entries: list[Entry]
    totals: Totals

    @property
    def is_open(self) -> bool:
        return self.resolution.status == "in_progress" or self.totals.open > 0

    @property
    def summary(self) -> ShownSummary | None:
        """What the engine told in its summary; None for nothing."""
        return shown_summary(self.resolution.summary)

    @property
    def tells_figures(self) -> bool:
        """Whether its summary has figures that can be compared with the attempts on record."""
        return bool(told_figures(self.resolution.summary))

    @property
    def differences(self) -> list[tuple[str, str, str]]:
        """Of each figure that differs: what it is, as told, and as the attempts on record have it, as the summary above
        them words it."""
        differences = self.resolution.summary_differences
        return [
            (label(difference.field), _in_words(bytes(difference.told)), _in_words(encode_json(difference.computed)))
            for difference in (() if differences is UNSET else differences)
        ]


class IncidentOverview(Struct, frozen=True):
    """An incident as its page heads it: each fact from the newest session that tells it."""

    incident_id: str
    sessions: list[Session]
    totals: Totals
    newest: ResolutionDetail
    title: str | None
    severity: str | None
    service: str | None
    incident_type: str | None
    environment: str | None

    @property
    def is_open(self) -> bool:
        return any(session.is_open for session in self.sessions)


def overview(incident: IncidentDetail) -> IncidentOverview:
    """The incident with its sessions in time order and their attempts placed in time."""
    sessions = [session_of(resolution) for resolution in incident.resolution_attempts]
    newest_first = incident.resolution_attempts[::-1]

    def told(name: str) -> str | None:
        return next((value for session in newest_first if (value := getattr(session, name))), None)

    return IncidentOverview(
        incident_id=incident.incident_id,
        sessions=sessions,
        totals=totals_of(entry.attempt for session in sessions for entry in session.entries),
        newest=next((session for session in newest_first if not session.implicit), newest_first[0]),
        title=told("title"),
        severity=told("severity"),
        service=told("service"),
        incident_type=told("incident_type"),
        environment=told("environment"),
    )


def session_of(resolution: ResolutionDetail) -> Session:
    attempts = [] if resolution.action_attempts is UNSET else resolution.action_attempts
    return Session(resolution=resolution, entries=list(entries_of(attempts)), totals=totals_of(attempts))


def entries_of(attempts: list[AttemptDetail]) -> Iterator[Entry]:
    """Attempts, which come in time order, each with its place in the time from the first start to the last end."""
    if not attempts:
        return
    first = attempts[0].effective_started_at
    length = (max(map(end_of, attempts)) - first).total_seconds()
    latest_end: datetime | None = None
    for attempt in attempts:
        start, end = attempt.effective_started_at, end_of(attempt)
        left = width = None
        if length > 0:
            # Thinner than one percent is not seen, and neither is what begins at the very end.
            left = min(round(100 * (start - first).total_seconds() / length, 2), 99.0)
            width = max(round(100 * (end - start).total_seconds() / length, 2), 1.0)
        yield Entry(attempt=attempt, overlaps=latest_end is not None and start < latest_end, left=left, width=width)
        latest_end = end if latest_end is None else max(latest_end, end)


def _in_words(figure: bytes) -> str:
    text = figure.decode()
    return YES_NO.get(text, text)


def end_of(attempt: AttemptDetail) -> datetime:
    """When the attempt ended, as far as is known: told, else by its duration, else when it was last heard of."""
    start = attempt.effective_started_at
    if attempt.completed_at is not None:
        return max(attempt.completed_at, start)
    if attempt.execution_time_seconds is not None:
        # What is too long for a date is told as a duration only.
        try:
            return start + timedelta(seconds=attempt.execution_time_seconds)
        except OverflowError:
            return start
    return max(attempt.last_heard_at, start) if attempt.status in OPEN_STATUSES else start
