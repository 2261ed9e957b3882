"""Advice before acting: what is known of a case, put together. Shared by API and page; nothing here writes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from analytics.advice import shrinkage
from analytics.advice.answer import AdviceAnswer, Chance, SimilarIncidents, TriedAction
from analytics.advice.estimate import Advice, Evidence, Example, Proposal, advise, largest
from analytics.advice.past import Latest, expected_failures, failures_on, latest_incidents, latest_of
from analytics.advice.shrinkage import Counts as Outcomes
from analytics.advice.traits import describe
from analytics.advice.words import message_of
from analytics.counting import Groups, counted, grouped, span_of, total_of
from analytics.figures import shown
from analytics.queries import is_exact
from analytics.rollups import VERDICT_COUNTS
from analytics.snapshot import one_snapshot
from analytics.summaries.content import Group
from analytics.sums import claimed_of, durations_of, verified_of
from analytics.windows import Window

ACTIONS_SHOWN: Final = 20
# By what attempts are told apart, in the order of the groups below.
KIND: Final = ("action_type", "incident_type", "environment")


class Case(NamedTuple):
    """What advice is asked for. None where it is not told; one of action_type and incident_type is.

    parameters: as decoded, and cleaned as they are when they are recorded. incident_id: the incident that is worked on.
    """

    action_type: str | None = None
    incident_type: str | None = None
    environment: str | None = None
    parameters: Mapping[str, Any] = {}
    incident_id: str | None = None


def advice_on(case: Case, window: Window) -> AdviceAnswer:
    """What was learned of such a case in a window. At most ten queries, however much there is."""
    with one_snapshot():
        span = [span_of(window.start, window.end)]
        # A chance is estimated from all kinds; what is tried in such a case is then among them.
        [kinds] = counted("attempt", span, by=KIND, told=_narrowed(case) if case.action_type is None else {})
        latest = None if case.action_type is None else latest_of(case.action_type, window)
        failures = latest.failures if latest else failures_on(case.incident_type or "", window)
        expected, looked_at = expected_failures(failures, case.environment)
        similar = _similar_incidents(case, window)
        exact = is_exact(window)
    actions = _tried(case, kinds)
    chance = None if latest is None else _chance(case, kinds, latest)
    has_evidence = any(action.claimed.n or action.verified.n for action in actions) or (
        chance is not None and (chance.claimed.has_evidence or chance.verified.has_evidence)
    )
    return AdviceAnswer(
        window=shown(window),
        incident_type=case.incident_type,
        action_type=case.action_type,
        environment=case.environment,
        has_evidence=has_evidence,
        message=message_of(case.action_type, window.name, actions, chance),
        actions=actions[:ACTIONS_SHOWN],
        more_actions=max(0, len(actions) - ACTIONS_SHOWN),
        expected_failures=expected,
        failures_looked_at=looked_at,
        similar_incidents=similar,
        chance=chance,
        exact=exact,
    )


def _narrowed(case: Case) -> dict[str, str]:
    """The dimensions that actions are listed of: on an incident of a known type all of its actions, as alternatives."""
    told = {"incident_type": case.incident_type, "environment": case.environment}
    if case.incident_type is None:
        told["action_type"] = case.action_type
    return {name: value for name, value in told.items() if value is not None}


def _tried(case: Case, kinds: Groups) -> list[TriedAction]:
    """The action types of which attempts ended or have a verdict in such a case, the surest first."""
    narrowed = [(KIND.index(name), value) for name, value in _narrowed(case).items()]
    by_action_type = grouped(
        {group[:1]: tally}
        for group, tally in kinds.items()
        if all(group[position] == value for position, value in narrowed)
    )
    found = [
        TriedAction(
            action_type=action_type,
            claimed=claimed_of(counts, "attempt"),
            verified=verified_of(counts),
            durations=durations_of(counts),
        )
        for (action_type,), counts in by_action_type.items()
    ]
    return sorted(
        (tried for tried in found if tried.claimed.n or tried.verified.n),
        key=lambda tried: (-(tried.claimed.low or 0.0), -tried.claimed.n, tried.action_type),
    )


def _similar_incidents(case: Case, window: Window) -> SimilarIncidents | None:
    if case.incident_type is None:
        return None
    told = {"incident_type": case.incident_type}
    if case.environment is not None:
        told["environment"] = case.environment
    counts = total_of(counted("resolution", [span_of(window.start, window.end)], told=told))
    return SimilarIncidents(
        resolved=counts.get("resolved", 0),
        failed=counts.get("failed", 0),
        escalated=counts.get("escalated", 0),
        claimed=claimed_of(counts, "resolution"),
        verified=verified_of(counts),
        latest=latest_incidents(case.incident_type, case.environment, window),
    )


def _chance(case: Case, kinds: Groups, latest: Latest) -> Chance:
    proposal = Proposal(
        case.action_type or "", describe(case.parameters), case.incident_type, case.environment, case.incident_id
    )
    claimed, verified = {}, {}
    for group, tally in kinds.items():
        counts = tally.counts
        claimed[group] = Outcomes(counts.get("success", 0), counts.get("failed", 0))
        verified[group] = Outcomes(
            counts.get("worked", 0), sum(counts.get(name, 0) for name in VERDICT_COUNTS if name != "worked")
        )
    return Chance(
        claimed=_advised(proposal, claimed, latest.claimed), verified=_advised(proposal, verified, latest.verified)
    )


def _advised(proposal: Proposal, kinds: Mapping[Group, Outcomes], examples: list[Example]) -> Advice:
    by_action_type: defaultdict[str, Outcomes] = defaultdict(Outcomes)
    by_incident_type: defaultdict[tuple[str, str], Outcomes] = defaultdict(Outcomes)
    by_environment: defaultdict[tuple[str, str], Outcomes] = defaultdict(Outcomes)
    for (action_type, incident_type, environment), outcomes in kinds.items():
        if outcomes.n:
            by_action_type[action_type] = by_action_type[action_type].plus(outcomes)
            if incident_type:
                pair = action_type, incident_type
                by_incident_type[pair] = by_incident_type[pair].plus(outcomes)
            if environment:
                pair = action_type, environment
                by_environment[pair] = by_environment[pair].plus(outcomes)
    own = proposal.action_type
    return advise(
        proposal,
        Evidence(
            overall=shrinkage.total_of(by_action_type.values()),
            by_action_type=largest(by_action_type, own),
            by_incident_type=largest(by_incident_type, (own, proposal.incident_type or "")),
            by_environment=largest(by_environment, (own, proposal.environment or "")),
            examples=examples,
        ),
    )
