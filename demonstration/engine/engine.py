"""How the engine works on an incident: a plan of what may help, carried out until the symptoms are gone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from actionlog_client.attempt import ActionAttempt
from actionlog_client.logger import ActionLogger
from actionlog_client.resolution import ResolutionAttempt, ResolutionStatus
from demonstration.engine.actions import ACTION_TYPES, Actions
from demonstration.engine.playbooks import Experience, Option, Proposal
from demonstration.laboratory.monitor import Monitor, Symptom

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
        self._handlers: dict[str, Callable[..., dict[str, Any]]] = {
            action_type: getattr(actions, action_type) for action_type in ACTION_TYPES
        }

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
            run = _Run(self._monitor, self._handlers, self._experience, self._audience, resolution)
            run.carry_out(proposals)
            remaining = self._monitor.symptoms()
            seen = [{"kind": symptom.kind, "title": symptom.title, **symptom.seen} for symptom in symptoms]
            root_cause = run.root_cause()
            if remaining:
                titles = "; ".join(symptom.title for symptom in remaining)
                resolution.escalated(f"Nothing that was tried helped: {titles}.", summary={"symptoms": seen})
            else:
                resolution.resolved(root_cause=root_cause, summary={"symptoms": seen})
        return Resolution(resolution.status, root_cause, tuple(remaining), resolution.summary or {})


class _Run:
    """The work on one incident."""

    def __init__(
        self,
        monitor: Monitor,
        handlers: dict[str, Callable[..., dict[str, Any]]],
        experience: Experience,
        audience: Audience,
        resolution: ResolutionAttempt,
    ) -> None:
        self._monitor = monitor
        self._handlers = handlers
        self._experience = experience
        self._audience = audience
        self._resolution = resolution
        self._planned: list[ActionAttempt] = []
        self._helped: list[Option] = []

    def carry_out(self, proposals: list[Proposal]) -> None:
        """All are recorded as planned; each is run unless its symptom is gone by then. What failed before another
        helped is tried once more: it may have needed that."""
        planned = [(proposal, self._plan(proposal)) for proposal in proposals]
        again: list[tuple[Proposal, ActionAttempt]] = []
        try:
            for proposal, attempt in planned:
                if self._run(proposal, attempt):
                    again, retry = [], again
                    for failed, before in retry:
                        if self._monitor.sees(failed.symptom.kind):
                            self._run(failed, self._plan(failed, retry_of=before))
                elif attempt.status == "failed":
                    again.append((proposal, attempt))
        finally:
            for attempt in self._planned:
                if attempt.status == "pending":
                    attempt.mark_cancelled("The engine was ended.")

    def root_cause(self) -> str:
        """What the engine makes of it, from the actions that helped."""
        return "; ".join(option.implies for option in self._helped) or "unknown"

    def _plan(
        self, proposal: Proposal, *, retry_of: ActionAttempt | None = None, parameters: dict[str, Any] | None = None
    ) -> ActionAttempt:
        option = proposal.option
        attempt = self._resolution.start_action_attempt(
            f"{option.action_type}/{option.target}",
            option.action_type,
            {"symptom": proposal.symptom.kind, **(parameters or {})},
            status="pending",
            reason=option.reason,
            confidence=proposal.confidence,
            target=option.target,
            critical=option.critical,
            expected_seconds=option.expected_seconds,
            retry_of=retry_of,
        )
        self._planned.append(attempt)
        return attempt

    def _run(self, proposal: Proposal, attempt: ActionAttempt) -> bool:
        """Whether it was run and helped."""
        kind, option = proposal.symptom.kind, proposal.option
        if not self._monitor.sees(kind):
            attempt.mark_skipped(f"{kind} is no longer seen.", error_type="not_needed")
            return False
        self._carry_out(attempt)
        self._audience.attempted(attempt)
        repaired = attempt.status == "success"
        if (
            attempt.error_type == "timeout"
            and option.if_timeout
            and not set(option.if_timeout) & set(attempt.parameters)
        ):
            harder = self._plan(proposal, retry_of=attempt, parameters=option.if_timeout)
            return self._run(proposal, harder)
        self._experience.learn(kind, option.action_type, repaired)
        if repaired:
            self._helped.append(option)
        return repaired

    def _carry_out(self, attempt: ActionAttempt) -> None:
        """What goes wrong is on record, and is the engine's ordinary business."""
        try:
            with attempt:
                attempt.mark_success(self._handlers[attempt.action_type](**attempt.parameters))
        except Exception:
            return


def _recommendation(proposal: Proposal) -> dict[str, Any]:
    return {
        "action_type": proposal.option.action_type,
        "symptom": proposal.symptom.kind,
        "confidence": proposal.confidence,
        "reason": proposal.option.reason,
    }
