"""Recorded sessions, read from files and turned into the calls a live engine would have made. Sends nothing.

A file holds one JSON object a line, plain or gzipped. The ids are derived from what a line says, so that the same
recording has the same ids each time, in whichever file it stands.
"""

import gzip
import hashlib
import heapq
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from benchmarks.mapping import (
    ABOUT_INCIDENT,
    Document,
    encode,
    identity,
    mapping,
    moment_of,
    read_action,
    read_resolution,
)

NAMESPACE: Final = uuid.UUID("5c2f7f5e-9d0b-5c2a-8f43-6a1c5a0d2b11")
GZIP_MAGIC: Final = b"\x1f\x8b"
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST: Final = float("inf")


# When, of which action, the how-manieth of it: the order in which calls are made.
Event = tuple[datetime, int, int, "Call"]


class RecordingError(ValueError):
    """A line that is no recorded session; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One POST: path below the server's address. starts: it begins this attempt; attempt_id None: the session's own."""

    path: str
    body: bytes
    attempt_id: str | None = None
    starts: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded session: its calls in order, and what the server should hold when all were taken."""

    calls: list[Call]
    resolution: Document
    attempts: list[Document]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, not yet looked into. occurrence counts equal lines of the file, which are sessions apart."""

    source: str
    number: int
    content: bytes
    occurrence: int

    def session(self) -> Session:
        """Raises RecordingError when it is none."""
        try:
            told = json.loads(self.content, parse_constant=str, parse_float=_number)
        except (ValueError, RecursionError) as error:
            raise RecordingError(f"{self.source}, line {self.number}: not JSON: {error}") from error
        if not isinstance(told, dict):
            raise RecordingError(f"{self.source}, line {self.number}: not a JSON object")
        if "actions" not in told and "action_id" in told:
            # A log of a single attempt, as older loggers wrote them: a session with one action.
            about = ("incident_id", *ABOUT_INCIDENT, "started_at")
            told = {name: told[name] for name in about if name in told} | {"actions": [told]}
        digest = hashlib.sha256(self.content).hexdigest()
        return plan_session(told, identifier=str(uuid.uuid5(NAMESPACE, f"{digest}/{self.occurrence}")))


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that are not blank. Raises OSError, EOFError or zlib.error when it cannot be read."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    seen: Counter[bytes] = Counter()
    with gzip.open(path) if zipped else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            content = line.strip()
            if content:
                digest = hashlib.sha256(content).digest()
                yield Line(path.name, number, content, seen[digest])
                seen[digest] += 1


def plan_session(told: Document, *, identifier: str) -> Session:
    """The calls of one session: opened, its actions as they overlapped in time, closed."""
    incident_id = identity(told.get("incident_id")) or f"unnamed-{identifier[:8]}"
    opening, closing = read_resolution(told, incident_id=incident_id)
    opening = {"resolution_id": identifier, **opening}
    actions = told.get("actions")
    if not isinstance(actions, list):
        if actions is not None:
            closing.setdefault("extra", {})["actions"] = actions
        actions = []
    clock = moment_of(told.get("started_at")) or LONG_AGO
    queues: list[list[Event]] = []
    attempts = []
    for position, entry in enumerate(actions):
        action = mapping(entry)
        # An entry that is no object still stands for an action of which nothing else is known.
        action = {"extra": {"recorded": entry}} if action is None else action
        calls, attempt = _plan_action(action, position, opening)
        queue, clock = _schedule(position, calls, clock)
        queues.append(queue)
        attempts.append(attempt)
    return Session(
        calls=[
            Call("/api/resolution-attempts/", encode(opening)),
            *(call for _, _, _, call in heapq.merge(*queues, key=lambda event: event[:3])),
            *_closing_calls("/api/resolution-attempts/", opening, closing, "resolution_id"),
        ],
        resolution=_as_sent(opening | closing),
        attempts=attempts,
    )


def _plan_action(told: Document, position: int, opening: Document) -> tuple[list[tuple[Any, Call]], Document]:
    """The calls of one action, each with the time it was made at, if told; and the attempt they amount to."""
    action_id = identity(told.get("action_id")) or f"action-{position + 1:03}"
    start, steps, end = read_action(told, action_id=action_id)
    attempt_id = str(uuid.uuid5(uuid.UUID(opening["resolution_id"]), f"{position}/{action_id}"))
    inherited = {key: opening[key] for key in ABOUT_INCIDENT if key in opening}
    start = {
        "attempt_id": attempt_id,
        "incident_id": opening["incident_id"],
        "resolution_id": opening["resolution_id"],
        **inherited,
        **start,
    }
    path = "/api/action-attempts/"
    calls: list[tuple[Any, Call]] = [
        (start.get("started_at"), Call(path, encode(start | {"status": "in_progress"}), attempt_id, starts=True))
    ]
    steps_path = f"{path}{attempt_id}/logs/"
    calls += [(step.get("timestamp"), Call(steps_path, encode({"logs": [step]}), attempt_id)) for step in steps]
    calls += [(end.get("completed_at"), call) for call in _closing_calls(path, start, end, "attempt_id")]
    return calls, _as_sent({**start, "status": "in_progress", **end, "logs": steps})


def _closing_calls(path: str, opening: Document, closing: Document, name: str) -> list[Call]:
    """Complete, when an outcome is told; without one, what else is told at the end is some more of the document."""
    attempt_id = opening.get("attempt_id")
    if closing.get("status", "in_progress") != "in_progress":
        return [Call(f"{path}{opening[name]}/complete/", encode(closing), attempt_id)]
    if not closing:
        return []
    identities = {key: opening[key] for key in (name, "action_id", "action_type", "incident_id") if key in opening}
    return [Call(path, encode(identities | closing), attempt_id)]


def _schedule(position: int, calls: list[tuple[Any, Call]], clock: datetime) -> tuple[list[Event], datetime]:
    """Gives each call a time: its own, but none before the call it follows. Where the first has none, clock is it.

    Returns the calls with their place in time, and the time at which an action without times would follow.
    """
    first = next((moment for told, _ in calls if (moment := moment_of(told))), clock)
    events = []
    for index, (told, call) in enumerate(calls):
        first = max(first, moment_of(told) or first)
        events.append((first, position, index, call))
    return events, first


def _as_sent(document: Document) -> Document:
    """The document as it is once it was encoded, with every digit."""
    sent: Document = json.loads(encode(document), parse_float=Decimal)
    return sent


def _number(text: str) -> float | str:
    """A float; text where none is large enough."""
    number = float(text)
    return text if abs(number) == LARGEST else number
