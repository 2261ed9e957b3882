"""When an incident came back after it was resolved, and by what. Pure; incidents.py applies it to the record."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple
from uuid import UUID

from resolutions.rows import ResolutionRow


class Reopening(NamedTuple):
    """The resolution attempt that reopened an incident, and when it began."""

    by: UUID
    at: datetime


def reopenings(sessions: Iterable[ResolutionRow], *, within: timedelta) -> dict[UUID, Reopening]:
    """Of the resolution attempts of one incident, those that had resolved it for a while only, and what reopened each.

    A resolution attempt reopens the one that ended last of those that began before it, had resolved the incident by the
    time it began, and ended no longer than `within` before that. Of several that reopen the same one, the first counts.
    The order in which they are given does not matter.
    """
    found: dict[UUID, Reopening] = {}
    resolved: list[tuple[datetime, UUID]] = []  # a heap of those that began already, by when they ended
    latest: tuple[datetime, UUID] | None = None  # of those that have ended as well
    # Two that began at the same moment are told apart by their ids, so that none reopens the other both ways.
    for session in sorted(sessions, key=lambda row: (row.effective_started_at, row.resolution_id)):
        start = session.effective_started_at
        while resolved and resolved[0][0] <= start:
            ended = heappop(resolved)
            latest = ended if latest is None else max(latest, ended)
        if latest is not None and start - latest[0] <= within:
            found.setdefault(latest[1], Reopening(session.resolution_id, start))
        if session.status == "resolved" and session.ended_at is not None:
            heappush(resolved, (session.ended_at, session.resolution_id))
    return found
