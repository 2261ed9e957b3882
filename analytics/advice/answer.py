"""The answer of GET /api/advice/: the one definition of its shape, for API, OpenAPI schema, page and client."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from analytics.advice.estimate import Advice
from analytics.figures import Durations, Rate, WindowShown
from attempts.records import VerdictValue
from resolutions.records import ResolutionStatus


class TriedAction(Struct, kw_only=True, frozen=True):
    """One action type as it was tried before. claimed: success among success and failed, as the engines told it.

    verified: worked among what a verdict knows of (worked, no_effect, made_worse), whatever was claimed.
    """

    action_type: str
    claimed: Rate
    verified: Rate
    durations: Durations


class ExpectedFailure(Struct, kw_only=True, frozen=True):
    """One way in which it failed: how often, and which share (0 to 1) of the failures that were looked at."""

    pattern_id: UUID
    action_type: str
    template: str
    state: str
    occurrences: int
    share: float


class PastIncident(Struct, kw_only=True, frozen=True):
    """A resolution attempt that ended. reopened: its incident came back soon after it was claimed to be resolved."""

    incident_id: str
    resolution_id: UUID
    status: ResolutionStatus
    started_at: datetime
    completed_at: datetime | None
    verdict: VerdictValue | None
    reopened: bool


class SimilarIncidents(Struct, kw_only=True, frozen=True):
    """What resolution attempts on incidents of this type ended with; the latest of them, the last started first.

    claimed: resolved among resolved and failed. verified: worked among worked, no_effect, made_worse and reopened.
    """

    resolved: int
    failed: int
    escalated: int
    claimed: Rate
    verified: Rate
    latest: list[PastIncident]


class Chance(Struct, kw_only=True, frozen=True):
    """Of the proposed action, with its evidence: by what engines claimed, and by what verdicts say."""

    claimed: Advice
    verified: Advice


class AdviceAnswer(Struct, kw_only=True, frozen=True):
    """What was learned of such a case from what started in the window.

    has_evidence: whether anything like it ever ended; without, message says so and nothing else here is worth
    following. actions: the action types tried on this type of incident (without one: the proposed action type), the
    surest to work first (by the lower end of the claimed rate's interval); more_actions are left out.
    expected_failures: of the proposed action type, else of this type of incident, the most frequent first, from the
    latest failures_looked_at of them. similar_incidents: null without incident_type. chance: null without action_type.
    exact: false while figures in the window wait to be recounted.
    """

    window: WindowShown
    incident_type: str | None
    action_type: str | None
    environment: str | None
    has_evidence: bool
    message: str
    actions: list[TriedAction]
    more_actions: int
    expected_failures: list[ExpectedFailure]
    failures_looked_at: int
    similar_incidents: SimilarIncidents | None
    chance: Chance | None
    exact: bool
