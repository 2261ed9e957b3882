"""How the engine works on an incident: a plan of what may help, carried out until the symptoms are gone."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from actionlog_client import ActionLogger
from actionlog_client.decision import DecisionEngine, Policy, Situation
from actionlog_client.service import ActionResult, ActionService, ActionSkipped
from demonstration.engine.actions import ACTION_TYPES, Actions
from demonstration.engine.playbooks import Experience, Proposal
from demonstration.laboratory.monitor import Kind, Monitor, Symptom

NAME: Final = "demo-engine"
VERSION: Final = "1.0"


class Audience(Protocol):
    """Who watches the engine work."""

    def attempted(self, result: ActionResult) -> None: ...


@dataclass(frozen=True)
class Resolution:
    """What came of an incident. remaining: the symptoms that are still there."""

    status: str
    root_cause: str
    remaining: tuple[Symptom, ...]
    summary: dict[str, Any]


class Engine:
    """Resolves one incident after the other, and trusts more in what worked."""

    def __init__(self, action_logger: ActionLogger, monitor: Monitor, actions: Actions, audience: Audience) -> None:
        self._monitor = monitor
        self._audience = audience
        self._experience = Experience()
        service = ActionService(action_logger, checks=[self._is_needed])
        for action_type in ACTION_TYPES:
            service.register(action_type, getattr(actions, action_type))
        self._decisions = DecisionEngine(service)

    def resolve(self, incident_id: str, symptoms: list[Symptom]) -> Resolution:
        """Works on an incident of which these symptoms are seen; there must be one at least."""
        first = symptoms[0]
        proposals = self._experience.proposals(symptoms)
        watch = _Watch(self._monitor, self._audience)
        summary = self._decisions.execute_automated_actions(
            {
                "incident_id": incident_id,
                "incident_type": first.kind,
                "severity": first.severity,
                "service": first.part,
                "title": first.title,
                "symptoms": [{"kind": symptom.kind, "title": symptom.title, **symptom.seen} for symptom in symptoms],
            },
            recommended_actions(proposals),
            confidence=proposals[0].confidence,
            policy=Policy(until=watch.is_over),
        )
        ends = {entry["action_id"]: entry["status"] for entry in summary["timeline"] if entry["status"] != "skipped"}
        for proposal in proposals:
            if (end := ends.get(action_id(proposal))) is not None:
                self._experience.learn(proposal.symptom.kind, proposal.option.action_type, repaired=end == "success")
        return Resolution(summary["status"], summary["root_cause"] or "unknown", watch.remaining, summary)

    def _is_needed(self, symptom: Kind) -> None:
        """What another action has repaired already needs no more."""
        if self._monitor.sees(symptom) is None:
            raise ActionSkipped(f"{symptom} is no longer seen.", error_type="not_needed")


class _Watch:
    """Tells the audience what was attempted, and the plan whether anything is still to be seen."""

    def __init__(self, monitor: Monitor, audience: Audience) -> None:
        self.remaining: tuple[Symptom, ...] = ()
        self._monitor = monitor
        self._audience = audience

    def is_over(self, situation: Situation) -> tuple[bool, str]:
        if situation.last is not None:
            self._audience.attempted(situation.last)
        self.remaining = tuple(self._monitor.symptoms())
        return not self.remaining, "; ".join(symptom.title for symptom in self.remaining) or "nothing is seen any more"


def recommended_actions(proposals: list[Proposal]) -> list[dict[str, Any]]:
    """The plan: what is trusted most first, harder means right after. Where there are several symptoms all that is not
    known to be over is tried once more in the end, since what failed may have needed what helped."""
    plan: list[dict[str, Any]] = []
    for proposal in proposals:
        plan.append(_recommendation(proposal))
        if proposal.option.harder:
            plan.append(_recommendation(proposal, retry_of=action_id(proposal), parameters=proposal.option.harder))
    if len({proposal.symptom.kind for proposal in proposals}) > 1:
        plan += [_recommendation(proposal, retry_of=action_id(proposal)) for proposal in proposals]
    return plan


def action_id(proposal: Proposal) -> str:
    return f"{proposal.option.action_type}/{proposal.option.target}"


def _recommendation(
    proposal: Proposal, *, retry_of: str | None = None, parameters: dict[str, Any] | None = None
) -> dict[str, Any]:
    option = proposal.option
    return {
        "action_type": option.action_type,
        "action_id": action_id(proposal),
        "parameters": {"symptom": proposal.symptom.kind, **(parameters or {})},
        "reason": option.reason,
        "confidence": proposal.confidence,
        "target": option.target,
        "expected_seconds": option.expected_seconds,
        "root_cause": option.implies,
        "retry_of": retry_of,
    }
