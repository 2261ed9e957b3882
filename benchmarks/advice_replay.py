"""Recorded actions in the order they were taken, each with the advice asked before it. In memory, sends nothing.

Advice rests on what had ended when the action started (at the same instant too: an engine starts its next action when
one has ended), never on what was under way. The estimate is the server's own: analytics.advice.
"""

import heapq
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from analytics.advice.estimate import MOST_EXAMPLES, MOST_OTHERS, Evidence, Example, Proposal, advise, largest
from analytics.advice.shrinkage import Counts
from analytics.advice.traits import Described, describe
from benchmarks.mapping import moment_of
from benchmarks.recordings import LONG_AGO, Session

BEFORE_ANY_EVIDENCE: Final = 0.5
# So many actions may end before the largest groups are looked for again.
LARGEST_KNOWN_FOR: Final = 100

Key = TypeVar("Key", bound=Hashable)


class Action(NamedTuple):
    """A recorded action that ended with success or failed."""

    started_at: datetime
    ended_at: datetime
    proposal: Proposal
    incident_id: str
    success: bool


class Prediction(NamedTuple):
    """The chances of success told before an action, and whether it succeeded.

    overall and action_type are the plain running base rates. Before any action ended, all say 0.5; before any of the
    action type, action_type says what overall says.
    """

    advice: float
    overall: float
    action_type: float
    success: bool


def actions_of(session: Session) -> Iterator[Action]:
    """In their order. An action without times is taken when the one before it ended."""
    clock = moment_of(session.resolution.get("started_at")) or LONG_AGO
    for attempt in session.attempts:
        started = moment_of(attempt.get("started_at")) or clock
        clock = max(started, moment_of(attempt.get("completed_at")) or started)
        if attempt["status"] in ("success", "failed"):
            yield Action(
                started_at=started,
                ended_at=clock,
                proposal=Proposal(
                    action_type=attempt["action_type"],
                    parameters=_described(attempt.get("parameters", {})),
                    incident_type=attempt.get("incident_type"),
                    environment=attempt.get("environment"),
                    incident_id=attempt["incident_id"],
                ),
                incident_id=attempt["incident_id"],
                success=attempt["status"] == "success",
            )


def _described(parameters: dict[str, Any]) -> Described:
    """Those that no server would take (nested too deeply, numbers beyond all bounds) are all alike."""
    try:
        return describe(parameters)
    except (RecursionError, ValueError, OverflowError, msgspec.MsgspecError):
        return Described({}, "(no parameters that could be recorded)")


def predictions(actions: Iterable[Action]) -> Iterator[Prediction]:
    """One for each, in the order in which they started."""
    memory = Memory()
    running: list[tuple[datetime, int, Action]] = []
    for position, action in enumerate(sorted(actions, key=lambda action: action.started_at)):
        while running and running[0][0] <= action.started_at:
            memory.learn(heapq.heappop(running)[2])
        yield memory.predict(action)
        heapq.heappush(running, (action.ended_at, position, action))


@dataclass
class Memory:
    """The counts that a server would read from its database."""

    overall: Counts = field(default_factory=Counts)
    by_action_type: "Tallies[str]" = field(default_factory=lambda: Tallies())
    by_incident_type: "Tallies[tuple[str, str]]" = field(default_factory=lambda: Tallies())
    by_environment: "Tallies[tuple[str, str]]" = field(default_factory=lambda: Tallies())
    examples: dict[str, deque[Example]] = field(default_factory=dict)

    def learn(self, action: Action) -> None:
        proposal, success = action.proposal, action.success
        name = proposal.action_type
        self.overall = _with(self.overall, success)
        self.by_action_type.add(name, success)
        for pairs, told in (
            (self.by_incident_type, proposal.incident_type),
            (self.by_environment, proposal.environment),
        ):
            if told is not None:
                pairs.add((name, told), success)
        examples = self.examples.setdefault(name, deque(maxlen=MOST_EXAMPLES))
        examples.append(
            Example(proposal.parameters, success, action.incident_id, proposal.incident_type, proposal.environment)
        )

    def predict(self, action: Action) -> Prediction:
        name = action.proposal.action_type
        proposal = action.proposal
        evidence = Evidence(
            overall=self.overall,
            by_action_type=self.by_action_type.largest(name),
            by_incident_type=self.by_incident_type.largest((name, proposal.incident_type or "")),
            by_environment=self.by_environment.largest((name, proposal.environment or "")),
            examples=self.examples.get(name, ()),
        )
        overall = _rate(self.overall, BEFORE_ANY_EVIDENCE)
        return Prediction(
            advice=advise(action.proposal, evidence).chance,
            overall=overall,
            action_type=_rate(self.by_action_type.counts.get(name, Counts()), overall),
            success=action.success,
        )


class Tallies(Generic[Key]):
    """Counts by key. Of more than MOST_OTHERS the largest are looked for now and then only, since it takes long."""

    def __init__(self) -> None:
        self.counts: dict[Key, Counts] = {}
        self._changes = 0
        self._looked_at = 0
        self._largest: Mapping[Key, Counts] = {}

    def add(self, key: Key, success: bool) -> None:
        self.counts[key] = _with(self.counts.get(key), success)
        self._changes += 1

    def largest(self, own: Key) -> Mapping[Key, Counts]:
        """As analytics.advice.estimate.largest; of others than the own one, it may be some changes behind."""
        if len(self.counts) <= MOST_OTHERS:
            return self.counts
        if not self._largest or self._changes - self._looked_at > LARGEST_KNOWN_FOR:
            self._largest, self._looked_at = largest(self.counts, own), self._changes
        return {**self._largest, own: self.counts[own]} if own in self.counts else self._largest


def _with(counts: Counts | None, success: bool) -> Counts:
    counts = counts or Counts()
    return Counts(counts.successes + success, counts.failures + (not success))


def _rate(counts: Counts, otherwise: float) -> float:
    return counts.successes / counts.n if counts.n else otherwise
