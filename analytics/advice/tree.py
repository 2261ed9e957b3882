"""From a large group to ever smaller groups within it, the belief shrunk at each step. Pure functions.

What the groups are made of is for the caller: a row is a path of labels, general to exact, and whether it succeeded.
Where a group holds all rows of the group above it, these rows count once: in the smaller group, since its level says
more precisely what they have in common, and from the nearest group above that holds more.
"""

from collections.abc import Hashable, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from analytics.advice.shrinkage import Belief, Counts, Group, learn_strength, log_odds, shrink

# Labels, whether it succeeded, and the rate, 0 < rate < 1, that was to be expected in its context.
Row = tuple[Sequence[Hashable], bool, float]


class Step(NamedTuple):
    """One group on the way: its counts, what is believed with it, and the share of variance its level explains."""

    counts: Counts
    belief: Belief
    explained: float


class Branch(NamedTuple):
    """Where a walk ended. explained: the share of variance that its steps explain together."""

    belief: Belief
    explained: float
    steps: list[Step]


class Context(NamedTuple):
    """What the walk is for: the rate that is to be expected there, and how far, 0 to 1, groups are brought into it."""

    rate: float
    reach: float


NO_CONTEXT: Final = Context(0.5, 0.0)


class _Above(NamedTuple):
    """What a group is shrunk towards, and the group itself, towards which smaller ones within it are shrunk."""

    larger: Counts
    larger_mean: float
    counts: Counts
    mean: float


def walk(
    rows: Sequence[Row],
    own: Sequence[Hashable],
    *,
    root: Counts,
    expected: float,
    belief: Belief,
    told_apart: int = 0,
    context: Context = NO_CONTEXT,
) -> Branch:
    """Along the path `own`, as far as any row went it. A label must name the labels before it too.

    root and expected: the counts and the believed rate of the rows and all others beside them, from which the strengths
    are learned. belief: what the first step starts from. told_apart: groups of this many rows or fewer are those that
    the caller counts by itself, and do not move the belief. context: where groups count as if they had been there,
    better or worse by the same odds as where they were (successes_of()).
    """
    above: dict[Hashable, _Above] = {None: _Above(root, expected, root, expected)}
    start = end = belief
    steps: list[Step] = []
    unexplained = 1.0
    for depth, label in enumerate(own):
        groups = _groups(rows, depth, above)
        strength = learn_strength(groups.values())
        unexplained *= 1 - strength.explained
        if label not in groups:
            break
        group = groups[label]
        if not steps or group.counts.n < steps[-1].counts.n:
            start = end
        if group.counts.n > told_apart:
            end = shrink(group, start, strength, _shift(rows, depth, label, context))
        steps.append(Step(group.counts, end, strength.explained))
        above = {
            found: _Above(
                group.parent,
                group.parent_mean,
                group.counts,
                shrink(group, Belief(group.parent_mean, 0.0), strength).mean,
            )
            for found, group in groups.items()
        }
    return Branch(end, 1 - unexplained, steps)


def _groups(rows: Sequence[Row], depth: int, above: dict[Hashable, _Above]) -> dict[Hashable, Group]:
    """{label: group} of the rows at one depth, each within the nearest group above that holds more."""
    tallies: dict[Hashable, list[int]] = {}
    parent_of: dict[Hashable, Hashable] = {}
    for labels, success, _ in rows:
        if depth < len(labels):
            label = labels[depth]
            tally = tallies.get(label)
            if tally is None:
                tally = tallies[label] = [0, 0]
                parent_of[label] = labels[depth - 1] if depth else None
            tally[success] += 1
    groups = {}
    for label, (failures, successes) in tallies.items():
        counts = Counts(successes, failures)
        larger = above[parent_of[label]]
        if counts.n < larger.counts.n:
            groups[label] = Group(counts, larger.counts, larger.mean)
        else:
            groups[label] = Group(counts, larger.larger, larger.larger_mean)
    return groups


def _shift(rows: Sequence[Row], depth: int, label: Hashable, context: Context) -> float:
    """By how much the log odds of a group would be higher in a context."""
    if not context.reach:
        return 0.0
    expected = fmean(rate for labels, _, rate in rows if depth < len(labels) and labels[depth] == label)
    return context.reach * (log_odds(context.rate) - log_odds(expected))
