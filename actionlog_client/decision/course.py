"""A plan as it goes: what is run, why the rest is not, and whether the incident is over."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from actionlog_client.decision.policy import Policy, Situation
from actionlog_client.decision.recommendations import Recommendation
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.execution import PlannedAction
from actionlog_client.service.handlers import is_async
from actionlog_client.service.outcomes import INVALID_PARAMETERS, ActionResult, HandlerTimeout
from actionlog_client.service.running import Runtime
from actionlog_client.service.service import ActionService

# Why a planned action was not run, as error_type tells it.
LOW_CONFIDENCE: Final = "low_confidence"
LOW_CHANCE: Final = "low_chance"
NOT_NEEDED: Final = "not_needed"
NOT_RUN: Final = "not_run"

Step = tuple[PlannedAction, Recommendation]


@dataclass(slots=True)
class Course:
    """Carries out a plan. hidden: a text as it may be told.

    over: the incident is, as until told; why: what it said of it last. unanswered: how often it raised. stopped: why
    nothing more is run, but for the retries of the action stopped_at. unsure: the first action that was too doubtful.
    results: what came of each step. ends: what came of each action at last, by its place in the plan.
    """

    service: ActionService
    runtime: Runtime
    policy: Policy
    token: CancellationToken
    incident: Any
    resolution_id: str
    hidden: Callable[[Any], str]
    results: list[ActionResult] = field(default_factory=list)
    ends: dict[int, ActionResult] = field(default_factory=dict)
    attempts: int = 0
    over: bool = False
    why: str = ""
    unanswered: int = 0
    last_error: dict[str, str] | None = None
    stopped: str | None = None
    stopped_at: int | None = None
    unsure: str | None = None

    async def run(self, plan: list[Step]) -> None:
        """All of it, in order. Raises what ActionService.run does."""
        await self._look()
        for planned, action in plan:
            self.results.append(await self._take(planned, action))

    @property
    def all_came_to_success(self) -> bool:
        """Each action, at last."""
        return all(end.success for end in self.ends.values())

    async def _take(self, planned: PlannedAction, action: Recommendation) -> ActionResult:
        """The next action of the plan: run it, or tell why not."""
        if self.over:
            return self._ended(action, planned.skip(f"Not run: {self.stopped}.", error_type=NOT_NEEDED))
        if self.token.is_cancelled:
            self._stop(f"the plan was cancelled: {self.token.reason}")
        left = None if self.policy.most_attempts is None else self.policy.most_attempts - self.attempts
        if left == 0:
            self._stop(f"the policy allows {self.policy.most_attempts} attempts")
        if self.stopped is not None and self.stopped_at != action.action:
            return self._ended(action, planned.skip(f"Not run: {self.stopped}.", error_type=NOT_RUN))
        if action.problem is not None:
            return self._judged(action, planned.skip(action.problem, error_type=INVALID_PARAMETERS))
        if (needless := self._needless(action)) is not None:
            return planned.skip(needless, error_type=NOT_RUN)
        if (doubt := self._doubt(action)) is not None:
            self.unsure = self.unsure or f"{planned.attempt.action_id}: {doubt}"
            return self._ended(action, planned.skip(doubt, error_type=LOW_CONFIDENCE))
        if (warning := await self._warning(action)) is not None:
            self.unsure = self.unsure or f"{planned.attempt.action_id}: {warning}"
            return self._ended(action, planned.skip(warning, error_type=LOW_CHANCE))
        is_needed = None if self.policy.until is None else self._goes_on
        result = await self.service.run_with(self.runtime, planned, self.token, left, is_needed)
        if planned.attempt.started_at is not None:
            self.attempts += len(result.attempt_ids)
            await self._look(result)
        return self._judged(action, result)

    def _needless(self, action: Recommendation) -> str | None:
        """Why there is nothing to be tried again."""
        before = self.ends.get(action.action)
        if before is None:
            return None
        if before.success:
            return f"Not run: {before.action_id} came to success, and needs no other try."
        if before.status == "skipped":
            return f"Not run: {before.action_id} was not run, so it cannot be tried again."
        if isinstance(before.cause, HandlerTimeout) and before.cause.is_running:
            return f"Not run: {before.action_id} may still be running, and is not tried again beside that."
        return None

    def _doubt(self, action: Recommendation) -> str | None:
        least = self.policy.least_confidence
        if least is None:
            return None
        told = _number(action.facts.get("confidence"))
        if told is None:
            return f"No confidence was told, and the policy asks for {least:g}."
        return f"The confidence {told:g} is below {least:g}." if told < least else None

    async def _warning(self, action: Recommendation) -> str | None:
        """What the server has against it, asked where the policy wants that. No answer is no warning."""
        least = self.policy.least_chance
        if least is None:
            return None
        parameters = self.service.recordable(action.action_type, action.parameters)
        secrets = self.service.secrets_in(action.action_type, action.parameters)
        logger = self.service.action_logger
        answer = await self.runtime.check(
            lambda: logger.advice(action.action_type, parameters, secrets=secrets), is_async=False
        )
        return warning_of(answer, least)

    def _judged(self, action: Recommendation, result: ActionResult) -> ActionResult:
        """It was to run: as the policy has it, the plan goes on or does not."""
        if result.success:
            if self.stopped_at == action.action:
                self.stopped = self.stopped_at = None
        elif self.policy.stops_on_failure or action.facts.get("critical") is True:
            words = {"failed": "failed", "skipped": "was not run", "cancelled": "was cancelled"}
            self._stop(f"{result.action_id} {words.get(result.status, 'had no outcome')} before", action.action)
        return self._ended(action, result)

    def _ended(self, action: Recommendation, result: ActionResult) -> ActionResult:
        """What was not tried again stays as it had ended."""
        if result.status != "skipped" or action.action not in self.ends:
            self.ends[action.action] = result
        return result

    def _stop(self, why: str, at: int | None = None) -> None:
        """For this reason, unless there is one already; at: the action whose retries may still run."""
        if self.stopped is None:
            self.stopped, self.stopped_at = why, at
        elif at is None:
            self.stopped_at = None

    async def _goes_on(self, result: ActionResult) -> bool:
        await self._look(result)
        return not self.over

    async def _look(self, *latest: ActionResult) -> None:
        """Ask whether the incident is over. What is raised is no answer."""
        until = self.policy.until
        if until is None or self.over:
            return
        situation = Situation(self.incident, self.resolution_id, (*self.results, *latest))
        try:
            said = await self.runtime.check(lambda: until(situation), is_async=is_async(until))
            self.over, why = _answer(said)
            self.why = self.hidden(why) if why else ""
        except Exception as error:
            self.unanswered += 1
            self.last_error = {"type": type(error).__name__, "message": self.hidden(error)}
        if self.over:
            self.stopped, self.stopped_at = with_reason("the incident is over", self.why), None


def warning_of(answer: Any, least: float) -> str | None:
    """Why an action is not worth trying, from the answer of /api/advice/; None when it is, or when nothing is known."""
    chance = answer.get("chance") if isinstance(answer, dict) else None
    for side, by in (("verified", "by verdicts"), ("claimed", "by what engines claimed")):
        told = chance.get(side) if isinstance(chance, dict) else None
        if isinstance(told, dict) and told.get("has_evidence") is True:
            estimate = _number(told.get("chance"))
            if estimate is None or estimate >= least:
                return None
            return f"The chance of success, {estimate:.2f} {by}, is below {least:g}."
    return None


def with_reason(clause: str, reason: str) -> str:
    """Without a full stop, as it stands in a sentence."""
    return f"{clause}: {reason.rstrip('. ')}" if reason else clause


def _answer(said: Any) -> tuple[bool, Any]:
    why = None
    if isinstance(said, tuple) and len(said) == 2:
        said, why = said
    if isinstance(said, str):
        raise TypeError("until answers True or False, or one of them and a text; a text alone could mean either.")
    return bool(said), why


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number
