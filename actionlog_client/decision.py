"""An engine's decision carried out: the plan is on record before it runs, and what came of it is the summary.

engine = DecisionEngine(service, Policy(least_confidence=0.6))
summary = engine.execute_automated_actions(
    {"incident_id": "inc_001", "severity": "high"},
    [{"action_type": "restart_service", "parameters": {"service": "web"}, "reason": "it answers no more"}],
    confidence=0.9,
)
summary["overall_success"], summary["actions_attempted"], summary["status"]
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from actionlog_client.payload.hiding import hiding
from actionlog_client.resolution import ResolutionAttempt
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.execution import PlannedAction
from actionlog_client.service.handlers import Retry
from actionlog_client.service.outcomes import INVALID_PARAMETERS, ActionResult
from actionlog_client.service.running import Blocking, InLoop, Runtime, drive
from actionlog_client.service.service import ActionService

# Why a planned action was not run, as error_type tells it.
LOW_CONFIDENCE: Final = "low_confidence"
NOT_RUN: Final = "not_run"

_OF_INCIDENT: Final = ("incident_type", "severity", "service", "title", "environment")
_OF_ACTION: Final = (
    "reason",
    "confidence",
    "target",
    "critical",
    "expected_seconds",
    "environment",
    "trace_id",
    "approved_by",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be run of a plan.

    stop_on_failure: after an action that was to run and is no success, the rest is not run; after a critical one never.
    most_attempts: how many attempts of all actions together, retries included; None for no bound. least_confidence:
    an action with less, or with none told, is skipped and the resolution escalated; None runs all. retries: instead of
    those that the actions are registered with. Raises ValueError for what cannot be meant.
    """

    stop_on_failure: bool = True
    most_attempts: int | None = None
    least_confidence: float | None = None
    retries: int | Retry | None = None

    def __post_init__(self) -> None:
        if self.most_attempts is not None and self.most_attempts < 1:
            raise ValueError(f"most_attempts is 1 or more, or None for no bound, not {self.most_attempts!r}.")
        if self.least_confidence is not None and not 0 <= self.least_confidence <= 1:
            raise ValueError(f"least_confidence is a number from 0 to 1, not {self.least_confidence!r}.")

    def facts(self) -> dict[str, Any]:
        """As it is told in a summary."""
        retries = self.retries.attempts if isinstance(self.retries, Retry) else self.retries
        return {
            "stop_on_failure": self.stop_on_failure,
            "most_attempts": self.most_attempts,
            "least_confidence": self.least_confidence,
            "retries": retries,
        }


class DecisionEngine:
    """Carries out what an engine decided, by the actions of a service and under a policy."""

    def __init__(self, service: ActionService, policy: Policy | None = None) -> None:
        self.service: Final = service
        self.policy: Final = policy or Policy()

    def execute_automated_actions(
        self,
        incident: Any,
        recommended_actions: Iterable[Any],
        *,
        confidence: float | None = None,
        policy: Policy | None = None,
        token: CancellationToken | None = None,
    ) -> dict[str, Any]:
        """Record the plan as pending attempts, run it in order, and return the summary that is stored.

        incident: its id, or a dictionary or object with incident_id and, as far as known, incident_type, severity,
        service, title and environment. recommended_actions: names of actions, or dictionaries or objects with
        action_type and, as wanted, parameters, action_id, reason, confidence, target, critical, expected_seconds.
        confidence, 0 to 1, is the decision's, and that of each action that tells none.

        The summary has actions_attempted, actions_successful, actions_failed, actions_skipped, actions_cancelled,
        overall_success, timeline, confidence, policy, resolution_id, incident_id and status: resolved when all that
        was planned ran and each action came to success at last; escalated when the confidence was too low for an
        action, or something was left undone though nothing failed; else failed.

        Raises JournalFull when something cannot be logged, and what is no Exception, such as KeyboardInterrupt. The
        rest of the plan is then skipped and the resolution failed: nothing is left pending.
        """
        return drive(self._execute(Blocking(), incident, recommended_actions, confidence, policy or self.policy, token))

    async def execute_automated_actions_async(
        self,
        incident: Any,
        recommended_actions: Iterable[Any],
        *,
        confidence: float | None = None,
        policy: Policy | None = None,
        token: CancellationToken | None = None,
    ) -> dict[str, Any]:
        """As execute_automated_actions, for callers in an event loop."""
        return await self._execute(InLoop(), incident, recommended_actions, confidence, policy or self.policy, token)

    async def _execute(
        self,
        runtime: Runtime,
        incident: Any,
        recommended_actions: Iterable[Any],
        confidence: float | None,
        policy: Policy,
        token: CancellationToken | None,
    ) -> dict[str, Any]:
        recommended = [_recommendation_of(action, confidence) for action in recommended_actions]
        resolution = self.service.action_logger.resolution(
            incident if isinstance(incident, str) else _told(incident, "incident_id"),
            **{name: _told(incident, name) for name in _OF_INCIDENT},
            confidence=confidence,
            recommended_actions=self._recordable(recommended),
        )
        plan: list[PlannedAction] = []
        with resolution:
            try:
                for position, action in enumerate(recommended):
                    plan.append(self._planned(resolution, action, _action_id(recommended, position), policy))
                course = Course(self.service, policy, token or CancellationToken(), len(plan))
                for planned, action in zip(plan, recommended, strict=True):
                    await course.take(runtime, planned, action)
            except BaseException as error:
                for planned in plan:
                    if planned.is_open:
                        planned.skip(f"Not run: the engine was stopped by {type(error).__name__}.", error_type=NOT_RUN)
                raise
            _close(resolution, course, policy)
        summary = self.service.action_logger.encoder.object(resolution.summary, "summary").json
        return {
            **msgspec.json.decode(summary),
            "resolution_id": resolution.resolution_id,
            "incident_id": resolution.incident_id,
            "status": resolution.status,
        }

    def _planned(
        self,
        resolution: ResolutionAttempt,
        action: "Recommendation",
        action_id: Any,
        policy: Policy,
    ) -> PlannedAction:
        return self.service.plan(
            action.action_type,
            action.parameters,
            resolution.incident_id,
            action_id=action_id,
            retries=policy.retries,
            resolution=resolution,
            **action.facts,
        )

    def _recordable(self, recommended: list["Recommendation"]) -> Any:
        """The recommendations as plain JSON, without the secrets of any of them."""
        secrets: set[str] = set()
        told = []
        for action in recommended:
            secrets |= self.service.secrets_in(action.action_type, action.parameters)
            parameters = self.service.recordable(action.action_type, action.parameters)
            named = {"action_type": action.action_type, "action_id": action.action_id, "parameters": parameters}
            told.append(_known(named | action.facts))
        encoder = hiding(self.service.action_logger.encoder, secrets)
        return msgspec.json.decode(encoder.json(told, "recommended_actions").json)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended action as it was read. problem: why it cannot be an action."""

    action_type: Any
    parameters: Any = None
    action_id: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


@dataclass(slots=True)
class Course:
    """A plan as it goes: what was run, and why the rest is not."""

    service: ActionService
    policy: Policy
    token: CancellationToken
    planned: int
    attempts: int = 0
    successes: int = 0
    stopped: str | None = None
    unsure: str | None = None

    async def take(self, runtime: Runtime, planned: PlannedAction, action: Recommendation) -> None:
        """The next action of the plan: run it, or tell why not."""
        if self.token.is_cancelled and self.stopped is None:
            self.stopped = f"the plan was cancelled: {self.token.reason}"
        left = None if self.policy.most_attempts is None else self.policy.most_attempts - self.attempts
        if left == 0 and self.stopped is None:
            self.stopped = f"the policy allows {self.policy.most_attempts} attempts"
        if self.stopped is not None:
            planned.skip(f"Not run: {self.stopped}.", error_type=NOT_RUN)
            return
        if action.problem is not None:
            self._ended(planned, action, planned.skip(action.problem, error_type=INVALID_PARAMETERS))
            return
        if (doubt := self._doubt(action)) is not None:
            self.unsure = self.unsure or f"{planned.attempt.action_id}: {doubt}"
            planned.skip(doubt, error_type=LOW_CONFIDENCE)
            return
        result = await self.service.run_with(runtime, planned, self.token, left)
        if planned.attempt.started_at is not None:
            self.attempts += len(result.attempt_ids)
        self._ended(planned, action, result)

    def _doubt(self, action: Recommendation) -> str | None:
        least = self.policy.least_confidence
        if least is None:
            return None
        told = _number(action.facts.get("confidence"))
        if told is None:
            return f"No confidence was told, and the policy asks for {least:g}."
        return f"The confidence {told:g} is below {least:g}." if told < least else None

    def _ended(self, planned: PlannedAction, action: Recommendation, result: ActionResult) -> None:
        if result.success:
            self.successes += 1
        elif self.policy.stop_on_failure or action.facts.get("critical") is True:
            words = {"failed": "failed", "skipped": "was not run", "cancelled": "was cancelled"}
            self.stopped = f"{planned.attempt.action_id} {words.get(result.status, 'had no outcome')} before"


def _close(resolution: ResolutionAttempt, course: Course, policy: Policy) -> None:
    told = resolution.summarize()
    summary: dict[str, Any] = {"actions_planned": course.planned, "policy": policy.facts()}
    if course.stopped is not None:
        summary["stopped_because"] = course.stopped
    if course.unsure is not None:
        resolution.escalated(course.unsure, summary=summary)
    elif course.planned == 0:
        resolution.escalated("No action was recommended.", summary=summary)
    elif told["actions_failed"] or told["actions_cancelled"]:
        all_done = course.successes == course.planned
        resolution.close("resolved" if all_done and told["overall_success"] else "failed", summary=summary)
    elif course.successes == course.planned:
        resolution.resolved(summary=summary)
    else:
        resolution.escalated(course.stopped or "Not every action could be run.", summary=summary)


def _recommendation_of(action: Any, confidence: float | None) -> Recommendation:
    if isinstance(action, str):
        action = {"action_type": action}
    action_type, action_id = _told(action, "action_type"), _told(action, "action_id")
    told = {name: _told(action, name) for name in _OF_ACTION}
    facts = _known({"confidence": confidence} | _known(told))
    if not isinstance(action_type, str) or not action_type:
        problem = "The recommendation names no action_type."
        return Recommendation("unknown", {"recommended": action}, action_id, facts, problem)
    return Recommendation(action_type, _told(action, "parameters"), action_id, facts)


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _action_id(recommended: list[Recommendation], position: int) -> Any:
    """As told; else the action's type, numbered where the plan has several of it: their outcomes are not one."""
    action = recommended[position]
    if action.action_id is not None:
        return action.action_id
    alike = [other for other in recommended if other.action_type == action.action_type]
    return action.action_type if len(alike) == 1 else f"{action.action_type}_{position + 1}"


def _told(thing: Any, name: str) -> Any:
    try:
        return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    except Exception:  # a property of a stranger's class: not told
        return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number
