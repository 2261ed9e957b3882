"""Advice before acting: what is known of a case, put together. Shared by API and page; nothing here writes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from analytics.advice.answer import AdviceAnswer, Chance, SimilarIncidents, TriedAction, TypicalDuration
from analytics.advice.estimate import Advice, Evidence, Example, Proposal, advise, largest
from analytics.advice.past import expected_failures, failures_on, latest_incidents, latest_of
from analytics.advice.shrinkage import Counts, total_of
from analytics.advice.tally import Kind, ResolutionTally, Tally, durations_of, resolutions_of, tallies_of
from analytics.advice.traits import describe
from analytics.advice.words import message_of
from analytics.buckets import BUCKET
from analytics.figures import WindowShown, rate_of
from analytics.histogram import percentile
from analytics.queries import is_exact
from analytics.snapshot import one_snapshot
from analytics.windows import Window

ACTIONS_SHOWN: Final = 20


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
    """What was learned of such a case in a window. Nine queries at most, none of them for each action or incident."""
    with one_snapshot():
        tallies = tallies_of(window)
        actions = _tried(case, tallies, durations_of(window, _narrowed(case)))
        latest = None if case.action_type is None else latest_of(case.action_type, window)
        failures = latest.failures if latest else failures_on(case.incident_type or "", window)
        expected, looked_at = expected_failures(failures, case.environment)
        similar = _similar_incidents(case, window)
        exact = is_exact(window)
    chance = None
    if case.action_type is not None and latest is not None:
        proposal = Proposal(
            case.action_type, describe(case.parameters), case.incident_type, case.environment, case.incident_id
        )
        chance = Chance(
            claimed=_advised(proposal, {kind: tally.claimed for kind, tally in tallies.items()}, latest.claimed),
            verified=_advised(proposal, {kind: tally.verified for kind, tally in tallies.items()}, latest.verified),
        )
    has_evidence = bool(actions) or (
        chance is not None and (chance.claimed.has_evidence or chance.verified.has_evidence)
    )
    return AdviceAnswer(
        window=WindowShown(
            name=window.name, start=window.start, end=window.end, bucket_seconds=int(BUCKET.total_seconds())
        ),
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
    """The dimensions that the list of actions is narrowed to."""
    told = {"incident_type": case.incident_type, "environment": case.environment}
    if case.incident_type is None:
        told["action_type"] = case.action_type
    return {name: value for name, value in told.items() if value is not None}


def _tried(case: Case, tallies: Mapping[Kind, Tally], durations: Mapping[str, Mapping[int, int]]) -> list[TriedAction]:
    """The action types tried in such a case, the surest first."""
    narrowed = _narrowed(case).items()
    totals: defaultdict[str, Tally] = defaultdict(Tally)
    for kind, tally in tallies.items():
        if all(getattr(kind, name) == value for name, value in narrowed):
            totals[kind.action_type] = totals[kind.action_type].plus(tally)
    found = []
    for action_type, tally in totals.items():
        bins = durations.get(action_type, {})
        found.append(
            TriedAction(
                action_type=action_type,
                claimed=rate_of(tally.claimed.successes, tally.claimed.n),
                verified=rate_of(tally.verified.successes, tally.verified.n),
                duration=TypicalDuration(p50=percentile(bins, 0.5), p95=percentile(bins, 0.95), n=sum(bins.values())),
            )
        )
    return sorted(found, key=lambda tried: (-(tried.claimed.low or 0.0), -tried.claimed.n, tried.action_type))


def _similar_incidents(case: Case, window: Window) -> SimilarIncidents | None:
    if case.incident_type is None:
        return None
    told = {"incident_type": case.incident_type}
    if case.environment is not None:
        told["environment"] = case.environment
    tally: ResolutionTally = resolutions_of(window, told)
    return SimilarIncidents(
        resolved=tally.resolved,
        failed=tally.failed,
        escalated=tally.escalated,
        claimed=rate_of(tally.resolved, tally.resolved + tally.failed),
        verified=rate_of(tally.worked, tally.worked + tally.not_worked),
        latest=latest_incidents(case.incident_type, case.environment, window),
    )


def _advised(proposal: Proposal, counts: Mapping[Kind, Counts], examples: list[Example]) -> Advice:
    by_action_type: defaultdict[str, Counts] = defaultdict(Counts)
    by_incident_type: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)
    by_environment: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)
    for (action_type, incident_type, environment), counted in counts.items():
        if counted.n:
            by_action_type[action_type] = by_action_type[action_type].plus(counted)
            if incident_type:
                pair = action_type, incident_type
                by_incident_type[pair] = by_incident_type[pair].plus(counted)
            if environment:
                pair = action_type, environment
                by_environment[pair] = by_environment[pair].plus(counted)
    own = proposal.action_type
    return advise(
        proposal,
        Evidence(
            overall=total_of(by_action_type.values()),
            by_action_type=largest(by_action_type, own),
            by_incident_type=largest(by_incident_type, (own, proposal.incident_type or "")),
            by_environment=largest(by_environment, (own, proposal.environment or "")),
            examples=examples,
        ),
    )
