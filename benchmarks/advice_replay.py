"""Recorded actions in the order they were taken, each with the advice asked before it. In memory, sends nothing.

Advice rests on what had ended when the action started (at the same instant too: an engine starts its next action when
one has ended), never on what was under way. The estimate is the server's own: analytics.advice.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from analytics.advice.estimate import MOST_EXAMPLES, Evidence, Example, Proposal, advise
from analytics.advice.shrinkage import Counts
from analytics.advice.traits import describe
from benchmarks.mapping import moment_of
from benchmarks.recordings import LONG_AGO, Session

BEFORE_ANY_EVIDENCE: Final = 0.5


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
                    parameters=describe(attempt.get("parameters", {})),
                    incident_type=attempt.get("incident_type"),
                    environment=attempt.get("environment"),
                    incident_id=attempt["incident_id"],
                ),
                incident_id=attempt["incident_id"],
                success=attempt["status"] == "success",
            )


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
    by_action_type: dict[str, Counts] = field(default_factory=dict)
    by_incident_type: dict[tuple[str, str], Counts] = field(default_factory=dict)
    by_environment: dict[tuple[str, str], Counts] = field(default_factory=dict)
    examples: dict[str, deque[Example]] = field(default_factory=dict)

    def learn(self, action: Action) -> None:
        proposal, success = action.proposal, action.success
        name = proposal.action_type
        self.overall = _with(self.overall, success)
        self.by_action_type[name] = _with(self.by_action_type.get(name), success)
        for pairs, told in (
            (self.by_incident_type, proposal.incident_type),
            (self.by_environment, proposal.environment),
        ):
            if told is not None:
                pairs[name, told] = _with(pairs.get((name, told)), success)
        examples = self.examples.setdefault(name, deque(maxlen=MOST_EXAMPLES))
        examples.append(Example(proposal.parameters, success, action.incident_id))

    def predict(self, action: Action) -> Prediction:
        name = action.proposal.action_type
        evidence = Evidence(
            by_action_type=self.by_action_type,
            by_incident_type=self.by_incident_type,
            by_environment=self.by_environment,
            examples=self.examples.get(name, ()),
        )
        overall = _rate(self.overall, BEFORE_ANY_EVIDENCE)
        return Prediction(
            advice=advise(action.proposal, evidence).chance,
            overall=overall,
            action_type=_rate(self.by_action_type.get(name, Counts()), overall),
            success=action.success,
        )


def _with(counts: Counts | None, success: bool) -> Counts:
    counts = counts or Counts()
    return Counts(counts.successes + success, counts.failures + (not success))


def _rate(counts: Counts, otherwise: float) -> float:
    return counts.successes / counts.n if counts.n else otherwise
