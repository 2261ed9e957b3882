"""How the engine works on an incident: a plan of what may help, carried out until the symptoms are gone."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from actionlog_client import ActionAttempt, ActionLogger
from actionlog_client.resolution import ResolutionStatus
from actionlog_client.service import ActionResult, ActionService, ActionSkipped, PlannedAction
from demonstration.engine.actions import ACTION_TYPES, Actions
from demonstration.engine.playbooks import Experience, Option, Proposal
from demonstration.laboratory.monitor import Kind, Monitor, Symptom

NAME: Final = "demo-engine"
VERSION: Final = "1.0"


class Audience(Protocol):
    """Who watches the engine work."""

    def attempted(self, attempt: ActionAttempt) -> None: ...


@dataclass(frozen=True)
class Resolution:
    """What came of an incident. remaining: the symptoms that are still there."""

    status: ResolutionStatus
    root_cause: str
    remaining: tuple[Symptom, ...]
    summary: dict[str, Any]


class Engine:
    """Resolves one incident after the other, and trusts more in what worked."""

    def __init__(self, action_logger: ActionLogger, monitor: Monitor, actions: Actions, audience: Audience) -> None:
        self._logger = action_logger
        self._monitor = monitor
        self._audience = audience
        self._experience = Experience()
        self._service = ActionService(action_logger, checks=[self._is_needed])
        for action_type in ACTION_TYPES:
            self._service.register(action_type, getattr(actions, action_type))

    def resolve(self, incident_id: str, symptoms: list[Symptom]) -> Resolution:
        """Works on an incident of which these symptoms are seen; there must be one at least."""
        first = symptoms[0]
        proposals = self._experience.proposals(symptoms)
        with self._logger.resolution(
            incident_id,
            incident_type=first.kind,
            severity=first.severity,
            service=first.part,
            title=first.title,
            confidence=proposals[0].confidence,
            recommended_actions=[_recommendation(proposal) for proposal in proposals],
        ) as resolution:
            work = _Work(self._service, self._monitor, self._experience, self._audience)
            work.carry_out(proposals)
            remaining = self._monitor.symptoms()
            seen = [{"kind": symptom.kind, "title": symptom.title, **symptom.seen} for symptom in symptoms]
            root_cause = work.root_cause()
            if remaining:
                titles = "; ".join(symptom.title for symptom in remaining)
                resolution.escalated(f"Nothing that was tried helped: {titles}.", summary={"symptoms": seen})
            else:
                resolution.resolved(root_cause=root_cause, summary={"symptoms": seen})
        return Resolution(resolution.status, root_cause, tuple(remaining), resolution.summary or {})

    def _is_needed(self, symptom: Kind) -> None:
        """What another action has repaired already needs no more."""
        if self._monitor.sees(symptom) is None:
            raise ActionSkipped(f"{symptom} is no longer seen.", error_type="not_needed")


class _Work:
    """The work on one incident, inside of its resolution."""

    def __init__(self, service: ActionService, monitor: Monitor, experience: Experience, audience: Audience) -> None:
        self._service = service
        self._monitor = monitor
        self._experience = experience
        self._audience = audience
        self._planned: list[PlannedAction] = []
        self._helped: list[Option] = []

    def carry_out(self, proposals: list[Proposal]) -> None:
        """All are recorded as planned; each is run unless its symptom is gone by then. What failed before another
        helped is tried once more: it may have needed that."""
        failed: list[tuple[Proposal, str]] = []
        try:
            for proposal, planned in [(proposal, self._plan(proposal)) for proposal in proposals]:
                result = self._run(proposal, planned)
                if result.status == "failed":
                    failed.append((proposal, result.attempt_id))
                elif result.success:
                    again, failed = failed, []
                    for other, attempt_id in again:
                        if self._monitor.sees(other.symptom.kind):
                            self._run(other, self._plan(other, retry_of=attempt_id))
        finally:
            for planned in self._planned:
                if planned.is_open:
                    planned.attempt.mark_cancelled("The engine was ended.")

    def root_cause(self) -> str:
        """What the engine makes of it, from the actions that helped."""
        return "; ".join(option.implies for option in self._helped) or "unknown"

    def _plan(
        self, proposal: Proposal, *, retry_of: str | None = None, parameters: dict[str, Any] | None = None
    ) -> PlannedAction:
        option = proposal.option
        planned = self._service.plan(
            option.action_type,
            {"symptom": proposal.symptom.kind, **(parameters or {})},
            action_id=f"{option.action_type}/{option.target}",
            reason=option.reason,
            confidence=proposal.confidence,
            target=option.target,
            critical=option.critical,
            expected_seconds=option.expected_seconds,
            retry_of=retry_of,
        )
        self._planned.append(planned)
        return planned

    def _run(self, proposal: Proposal, planned: PlannedAction, *, is_last: bool = False) -> ActionResult:
        """What came of it, harder means included, if it took too long."""
        option = proposal.option
        result = self._service.run(planned)
        if result.status == "skipped":
            return result
        self._audience.attempted(planned.attempt)
        if result.error_type == "timeout" and option.if_timeout and not is_last:
            harder = self._plan(proposal, retry_of=result.attempt_id, parameters=option.if_timeout)
            return self._run(proposal, harder, is_last=True)
        self._experience.learn(proposal.symptom.kind, option.action_type, repaired=result.success)
        if result.success:
            self._helped.append(option)
        return result


def _recommendation(proposal: Proposal) -> dict[str, Any]:
    return {
        "action_type": proposal.option.action_type,
        "symptom": proposal.symptom.kind,
        "confidence": proposal.confidence,
        "reason": proposal.option.reason,
    }
