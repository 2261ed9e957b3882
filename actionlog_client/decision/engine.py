"""DecisionEngine: records a plan, has it carried out (course.py), and ends the resolution with what came of it."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from actionlog_client.decision.course import NOT_RUN, Course, Step
from actionlog_client.decision.ending import ending_of
from actionlog_client.decision.policy import Policy
from actionlog_client.decision.recommendations import Recommendation, known, recommendations_of, told
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.hiding import hiding
from actionlog_client.resolution import ResolutionAttempt
from actionlog_client.service.cancellation import CancellationToken
from actionlog_client.service.execution import PlannedAction
from actionlog_client.service.running import Blocking, InLoop, Runtime, drive
from actionlog_client.service.service import ActionService

_OF_INCIDENT: Final = ("incident_type", "severity", "service", "title", "environment")


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
        service, title, environment and symptoms (anything that was seen of it; kept in the summary).
        recommended_actions: names of actions, or dictionaries or objects with action_type and, as wanted, parameters,
        action_id, reason, confidence, target, critical, expected_seconds, root_cause (what was wrong, should it help)
        and retry_of: the place, action_id or action_type of an earlier one, or the id of an attempt. What is to try an
        earlier one again has its action_id, and is run only if that ran without success. confidence, 0 to 1, is the
        decision's, and that of each action that tells none.

        The summary has actions_attempted, actions_successful, actions_failed, actions_skipped, actions_cancelled,
        overall_success, timeline, confidence, policy, resolution_id, incident_id, root_cause and status: resolved when
        all that was planned ran and each action came to success at last; escalated when the confidence was too low for
        an action, or something was left undone though nothing failed; else failed.

        With Policy.until it is resolved once the incident is over, else escalated, and overall_success means just that
        (overall_success_means is "incident_over"); the counts are of attempts all the same. until_raised tells how
        often it could not answer, and why.

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
        recommended = recommendations_of(recommended_actions, confidence)
        encoder = self._hiding(recommended)
        resolution = self.service.action_logger.resolution(
            incident if isinstance(incident, str) else told(incident, "incident_id"),
            **{name: told(incident, name) for name in _OF_INCIDENT},
            confidence=confidence,
            recommended_actions=msgspec.json.decode(
                encoder.json([self._recordable(action) for action in recommended], "recommended_actions").json
            ),
        )
        plan: list[Step] = []
        with resolution:
            try:
                for action in recommended:
                    plan.append((self._planned(resolution, action, plan, policy), action))
                course = Course(
                    service=self.service,
                    runtime=runtime,
                    policy=policy,
                    token=token or CancellationToken(),
                    incident=incident,
                    resolution_id=resolution.resolution_id,
                    hidden=lambda text: encoder.text(text)[0],
                )
                await course.run(plan)
            except BaseException as error:
                for planned, _ in plan:
                    if planned.is_open:
                        planned.skip(f"Not run: the engine was stopped by {type(error).__name__}.", error_type=NOT_RUN)
                raise
            symptoms = msgspec.json.decode(encoder.json(told(incident, "symptoms"), "summary.symptoms").json)
            ending = ending_of(resolution.summarize(), course, plan, symptoms)
            resolution.close(ending.status, root_cause=ending.root_cause, summary=ending.summary)
        summary = self.service.action_logger.encoder.object(resolution.summary, "summary").json
        return {
            **msgspec.json.decode(summary),
            "resolution_id": resolution.resolution_id,
            "incident_id": resolution.incident_id,
            "status": resolution.status,
            "root_cause": ending.root_cause,
        }

    def _planned(
        self, resolution: ResolutionAttempt, action: Recommendation, plan: list[Step], policy: Policy
    ) -> PlannedAction:
        retry_of = plan[action.retry_of][0].attempt if isinstance(action.retry_of, int) else action.retry_of
        return self.service.plan(
            action.action_type,
            action.parameters,
            resolution.incident_id,
            action_id=action.action_id,
            retries=policy.retries,
            retry_of=retry_of,
            resolution=resolution,
            **action.facts,
        )

    def _hiding(self, recommended: list[Recommendation]) -> PayloadEncoder:
        """What encodes without the secrets of any of them."""
        secrets: set[str] = set()
        for action in recommended:
            secrets |= self.service.secrets_in(action.action_type, action.parameters)
        return hiding(self.service.action_logger.encoder, secrets)

    def _recordable(self, action: Recommendation) -> dict[str, Any]:
        parameters = self.service.recordable(action.action_type, action.parameters)
        named = {"action_type": action.action_type, "action_id": action.action_id, "parameters": parameters}
        return known(named | action.facts | {"retry_of": action.retry_of, "root_cause": action.root_cause})
