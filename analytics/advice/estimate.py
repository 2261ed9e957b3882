"""The estimate: what is believed of a proposed action, step by step from all attempts to ones just like it. Pure.

overall -> action type -> incident type and environment -> each parameter, from its first words or magnitude to its
value -> all parameters together -> the same on this incident type -> the same in the same incident. At each step the
belief so far is the parent of the next (shrinkage.py). Attempts that are alike in parameters were made on incidents of
all types: what they tell is how much better they went than others on theirs, and that is what counts here, as far as it
is known how this incident type goes. Incident type and environment are counted over everything (rollups
know them); parameters over a sample of the latest attempts of the action type, which also forgets what was long ago.
Run once on claimed outcomes and once on verified ones: which these are is for whoever brings the evidence.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from heapq import nlargest
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeVar

from msgspec import Struct

from analytics.advice.shrinkage import (
    Belief,
    Counts,
    Group,
    combine,
    first_belief,
    interval,
    learn_strength,
    shrink,
)
from analytics.advice.traits import Described
from analytics.advice.tree import Context, walk

# So many examples are enough: more cost time and hardly change the answer.
MOST_EXAMPLES: Final = 1000
# Of other action types, and pairs with one, the larger ones tell how much such groups differ.
MOST_OTHERS: Final = 1000
# Of action types it is believed beforehand, more than of other groups, that they differ.
TYPES_DIFFER: Final = 0.75
# Parameters beyond these, in the order in which they are told, are compared all together only.
MOST_PARAMETERS: Final = 32

Key = TypeVar("Key", bound=Hashable)

LevelName = Literal[
    "overall", "action_type", "incident_type", "environment", "parameter", "all_parameters", "same_incident"
]


class Proposal(NamedTuple):
    """An action that somebody thinks of taking. None where it is not told."""

    action_type: str
    parameters: Described
    incident_type: str | None = None
    environment: str | None = None
    incident_id: str | None = None


class Example(NamedTuple):
    """An attempt that ended with success or failed."""

    parameters: Described
    success: bool
    incident_id: str
    incident_type: str | None = None
    environment: str | None = None


class Evidence(NamedTuple):
    """What was recorded. The keys of pairs begin with the action type.

    overall: all attempts. Of other action types, and of pairs with one, the larger ones suffice: see largest().
    examples: of the proposed action type only, the latest MOST_EXAMPLES or fewer, in any order.
    """

    overall: Counts
    by_action_type: Mapping[str, Counts]
    by_incident_type: Mapping[tuple[str, str], Counts]
    by_environment: Mapping[tuple[str, str], Counts]
    examples: Sequence[Example]


class Level(Struct, frozen=True, kw_only=True):
    """One step of the estimate.

    n attempts (successes + failures) are alike in what `like` says (of a parameter: parameter, and words, magnitude or
    value; all_parameters comes for all incident types, and once more for the one that `like` names). rate is theirs,
    null without any; estimate is what is believed with this step and those before it (of a parameter: by this parameter
    alone), for the incident type and environment that were asked about; explained is the share, 0 to 1, of the variance
    of outcomes that lies between what this level tells apart: how much it matters. Attempts count once, at the most
    specific level that holds the same ones; at the levels before it, they do not move the estimate or are taken back.
    """

    level: LevelName
    like: dict[str, str]
    successes: int
    failures: int
    n: int
    rate: float | None
    estimate: float
    explained: float


class Advice(Struct, frozen=True, kw_only=True):
    """The chance of success, a fraction, with its 95 % interval; basis is the most specific level with any attempt.

    has_evidence: whether any attempt of this action type ended; without, chance is the rate of all others, or 0.5
    without any at all, and not worth following. levels: general to specific, those with attempts.
    """

    has_evidence: bool
    basis: LevelName | None
    chance: float
    low: float
    high: float
    levels: list[Level]


def largest(counted: Mapping[Key, Counts], own: Key) -> Mapping[Key, Counts]:
    """At most MOST_OTHERS of them, the largest, and the own one."""
    if len(counted) <= MOST_OTHERS:
        return counted
    found = dict(nlargest(MOST_OTHERS, counted.items(), key=lambda item: item[1].n))
    return found | {own: counted[own]} if own in counted else found


def advise(proposal: Proposal, evidence: Evidence) -> Advice:
    """The chance that the proposed action succeeds. Takes some 30 ms with MOST_EXAMPLES and five parameters."""
    everything = evidence.overall
    overall = first_belief(everything)
    levels = [_level("overall", {}, everything, overall, 0.0)] if everything.n else []
    types = {name: Group(counts, everything, overall.mean) for name, counts in evidence.by_action_type.items()}
    own = types.get(proposal.action_type)
    belief = overall
    if own is not None and own.counts.n:
        strength = learn_strength(types.values(), TYPES_DIFFER)
        belief = of_type = shrink(own, overall, strength)
        # Of many types most have few attempts, and so the same counts.
        by_group = {group: shrink(group, overall, strength).mean for group in set(types.values())}
        means = {name: by_group[group] for name, group in types.items()}
        like = {"action_type": proposal.action_type}
        levels.append(_level("action_type", like, own.counts, belief, strength.explained))
        context = _in_context(proposal, evidence, means, of_type, levels)
        belief = _with_parameters(proposal, evidence.examples, of_type, context, levels)
    low, high = interval(belief)
    return Advice(
        has_evidence=own is not None and own.counts.n > 0,
        basis=levels[-1].level if levels else None,
        chance=belief.mean,
        low=low,
        high=high,
        levels=levels,
    )


class _Kind(NamedTuple):
    """Incident types, or environments: what is believed of the action type in each, and how much they matter."""

    beliefs: Mapping[str, Belief]
    explained: float


class _Context(NamedTuple):
    """What is believed of the action type in the proposal's incident type and environment.

    kinds: of these two, those in which it was tried, by name. reach: 0 to 1, how far the attempts in this context, and
    not those in all others, make the belief.
    """

    belief: Belief
    kinds: Mapping[str, _Kind]
    reach: float


def _in_context(
    proposal: Proposal, evidence: Evidence, means: Mapping[str, float], of_type: Belief, levels: list[Level]
) -> _Context:
    """of_type, the belief of the action type, with what is known of it in this incident type and environment."""
    kinds: dict[str, _Kind] = {}
    reaches = []
    contexts: tuple[tuple[Literal["incident_type", "environment"], str | None, Mapping[tuple[str, str], Counts]], ...]
    contexts = (
        ("incident_type", proposal.incident_type, evidence.by_incident_type),
        ("environment", proposal.environment, evidence.by_environment),
    )
    for name, told, pairs in contexts:
        counts = Counts() if told is None else pairs.get((proposal.action_type, told), Counts())
        if told is None or not counts.n:
            continue
        groups = {
            pair: Group(found, evidence.by_action_type[pair[0]], means[pair[0]])
            for pair, found in pairs.items()
            if pair[0] in means
        }
        strength = learn_strength(groups.values())
        beliefs = {
            value: shrink(group, of_type, strength)
            for (action_type, value), group in groups.items()
            if action_type == proposal.action_type
        }
        kinds[name] = _Kind(beliefs, strength.explained)
        reaches.append((strength.reach(counts.n), strength.explained))
        levels.append(_level(name, {name: told}, counts, beliefs[told], strength.explained))
    explained = math.fsum(weight for _, weight in reaches)
    return _Context(
        _believed_in(proposal, kinds, of_type),
        kinds,
        math.fsum(reach * weight for reach, weight in reaches) / explained if explained else 0.0,
    )


def _believed_in(case: Proposal | Example, kinds: Mapping[str, _Kind], of_type: Belief) -> Belief:
    """What is believed of the action type in the incident type and environment of a proposal or an example."""
    parts = []
    for name, kind in kinds.items():
        part = kind.beliefs.get(getattr(case, name))
        if part is not None:
            parts.append((part, kind.explained))
    return combine(of_type, parts)


def _with_parameters(
    proposal: Proposal, examples: Sequence[Example], of_type: Belief, context: _Context, levels: list[Level]
) -> Belief:
    """What is believed in this context, with what is known of each parameter, of all together, and of the same in the
    same incident type and incident.

    Attempts count as they would have gone here: else what works for incidents that are easily mended would make
    hopeless ones easy. Where nothing is known of the proposal's own context they count as they are: of two things that
    came together, type and parameter, it is then the parameter that is there again.
    """
    root = Counts(successes := sum(example.success for example in examples), len(examples) - successes)
    belief, expected = context.belief, _expected(examples, context, of_type)
    here = Context(belief.mean, context.reach)
    inside = "incident_type" in context.kinds
    whole = _whole_labels(proposal, inside, proposal.incident_id)
    wholes = [
        (
            _whole_labels(example, inside, None if proposal.incident_id is None else example.incident_id),
            example.success,
            rate,
        )
        for example, rate in zip(examples, expected, strict=True)
    ]
    equal = sum(labels[0] == whole[0] for labels, _, _ in wholes)
    parts = []
    for path, traits in islice(proposal.parameters.values.items(), MOST_PARAMETERS):
        rows = [
            (found, example.success, rate)
            for example, rate in zip(examples, expected, strict=True)
            if (found := example.parameters.values.get(path))
        ]
        branch = walk(rows, traits, root=root, expected=of_type.mean, belief=belief, told_apart=equal, context=here)
        parts.append((branch.belief, branch.explained))
        for step, trait in zip(branch.steps, traits, strict=False):
            levels.append(_level("parameter", {"parameter": path, trait.kind: trait.text}, *step))
    branch = walk(wholes, whole, root=root, expected=of_type.mean, belief=combine(belief, parts), context=here)
    ends: list[tuple[LevelName, dict[str, str]]] = [("all_parameters", {})]
    if inside:
        ends.append(("all_parameters", {"incident_type": proposal.incident_type or ""}))
    ends.append(("same_incident", {"incident_id": proposal.incident_id or ""}))
    for step, (name, like) in zip(branch.steps, ends, strict=False):
        levels.append(_level(name, like, *step))
    return branch.belief


def _expected(examples: Sequence[Example], context: _Context, of_type: Belief) -> list[float]:
    """Of each example, the rate that is believed in its incident type and environment."""
    known: dict[tuple[str | None, str | None], float] = {}
    rates = []
    for example in examples:
        of = example.incident_type, example.environment
        if of not in known:
            known[of] = _believed_in(example, context.kinds, of_type).mean
        rates.append(known[of])
    return rates


def _whole_labels(case: Proposal | Example, inside: bool, incident_id: str | None) -> tuple[Hashable, ...]:
    """Of a walk along all parameters together, then, if inside, into one incident type, and into one incident."""
    labels: list[Hashable] = [whole := case.parameters.whole]
    if inside:
        labels.append((whole, case.incident_type))
    if incident_id is not None:
        labels.append((labels[-1], incident_id))
    return tuple(labels)


def _level(name: LevelName, like: dict[str, str], counts: Counts, belief: Belief, explained: float) -> Level:
    return Level(
        level=name,
        like=like,
        successes=counts.successes,
        failures=counts.failures,
        n=counts.n,
        rate=counts.successes / counts.n if counts.n else None,
        estimate=belief.mean,
        explained=explained,
    )
