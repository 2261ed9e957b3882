"""Which pattern owns what, once the masking rules have changed: pure, from what failures carried and what they will.

A pattern keeps its id, and with it its state and history, where most of its failures go. What operators merged stays
one, what they parted stays apart; what the new rules find alike becomes one, what they tell apart becomes several.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from analytics.patterns.grouping import Unseen


class Owned(NamedTuple):
    """A fingerprint as it is owned now. parted: it was taken from the owner of its key, by a split."""

    fingerprint: UUID
    key: UUID
    pattern: UUID
    parted: bool
    occurrences: int


class Founded(NamedTuple):
    """A pattern to be made. It takes over the state of the one that most of its failures come from."""

    pattern: UUID
    origin: UUID
    failures: int


class Assignment(NamedTuple):
    """Who is to own what. absorbed: {pattern: the one that it becomes part of}; kept: those that stay themselves."""

    owners: dict[UUID, UUID]
    key_owners: dict[UUID, UUID]
    absorbed: dict[UUID, UUID]
    founded: list[Founded]
    kept: set[UUID]


class _Node(NamedTuple):
    """Failures that the new rules find alike; apart from them, where operators parted a pattern, those of that one."""

    key: UUID
    parted: UUID | None


class _Unit(NamedTuple):
    """Failures that were alike, of one pattern."""

    key: UUID
    pattern: UUID


def assign(
    *,
    old: Iterable[Owned],
    present: Iterable[Owned],
    landed: Mapping[tuple[UUID, UUID], int],
    renewed: Mapping[UUID, Unseen],
) -> Assignment:
    """old are the fingerprints of earlier rules, present those of the new ones that are there already.

    landed counts failures by (fingerprint that they carry, fingerprint that they will carry); renewed tells of each of
    the latter. The answer depends on nothing but these, except for the ids of founded patterns.
    """
    carried = {each.fingerprint: each for each in old}
    nodes = _nodes(carried, landed, renewed)
    flows: dict[_Unit, Counter[_Node]] = defaultdict(Counter)
    for (before, after), failures in landed.items():
        if before in carried:
            flows[_Unit(carried[before].key, carried[before].pattern)][nodes[after]] += failures
    elders = {unit.pattern for unit in flows}
    for each in present:
        node = _Node(each.key, each.pattern if each.parted else None)
        nodes.setdefault(each.fingerprint, node)
        # At least one: it is there, so its pattern is to go on owning something.
        flows[_Unit(each.key, each.pattern)][node] += max(each.occurrences, 1)
    groups = _groups(flows, nodes.values())
    weights: dict[_Node, Counter[UUID]] = defaultdict(Counter)
    for unit, flow in flows.items():
        for node, failures in flow.items():
            weights[groups[node]][unit.pattern] += failures
    homes = {unit.pattern: groups[_main(flow)] for unit, flow in flows.items()}
    return _named(nodes, groups, weights, homes, elders)


def _nodes(
    carried: Mapping[UUID, Owned], landed: Mapping[tuple[UUID, UUID], int], renewed: Mapping[UUID, Unseen]
) -> dict[UUID, _Node]:
    """Where each new fingerprint belongs: with all of its key, unless most of its failures were parted from them."""
    sides: dict[UUID, Counter[UUID | None]] = defaultdict(Counter)
    for (before, after), failures in landed.items():
        owned = carried.get(before)
        sides[after][owned.pattern if owned is not None and owned.parted else None] += failures
    return {
        after: _Node(renewed[after].key, max(counted, key=lambda side: (counted[side], str(side))))
        for after, counted in sides.items()
    }


def _main(flow: Counter[_Node]) -> _Node:
    """Where most of the failures of a unit go."""
    return max(flow, key=lambda node: (flow[node], str(node)))


def _groups(flows: Mapping[_Unit, Counter[_Node]], nodes: Iterable[_Node]) -> dict[_Node, _Node]:
    """The first node of the group of each. What a pattern of several units, as merges make it, goes to is one."""
    parent = {node: node for node in nodes}

    def root(node: _Node) -> _Node:
        while parent[node] != node:
            node = parent[node]
        return node

    mains: dict[UUID, list[_Node]] = defaultdict(list)
    for unit, flow in flows.items():
        mains[unit.pattern].append(_main(flow))
    for together in mains.values():
        for node in together[1:]:
            one, other = sorted((root(together[0]), root(node)), key=str)
            parent[other] = one
    return {node: root(node) for node in parent}


def _named(
    nodes: Mapping[UUID, _Node],
    groups: Mapping[_Node, _Node],
    weights: Mapping[_Node, Counter[UUID]],
    homes: Mapping[UUID, _Node],
    elders: set[UUID],
) -> Assignment:
    """Gives each group its pattern: of those at home in it an old one, with the most failures; else a new one."""
    residents: dict[_Node, list[UUID]] = defaultdict(list)
    for pattern, home in homes.items():
        residents[home].append(pattern)
    names: dict[_Node, UUID] = {}
    absorbed: dict[UUID, UUID] = {}
    founded: list[Founded] = []
    for group in sorted(set(groups.values()), key=str):
        weight = weights[group]
        ranked = _ranked(residents[group], weight, elders)
        if ranked:
            names[group] = ranked[0]
            absorbed.update(dict.fromkeys(ranked[1:], ranked[0]))
        elif weight:
            origin = _ranked(list(weight), weight, elders)[0]
            names[group] = uuid4()
            founded.append(Founded(names[group], origin, weight.total()))
        else:
            names[group] = uuid4()
            founded.append(Founded(names[group], names[group], 0))
    whole = {node.key: names[groups[node]] for node in sorted(groups, key=str) if node.parted is not None}
    whole |= {node.key: names[groups[node]] for node in groups if node.parted is None}
    return Assignment(
        owners={fingerprint: names[groups[node]] for fingerprint, node in nodes.items()},
        key_owners=whole,
        absorbed=absorbed,
        founded=founded,
        kept=set(homes) - set(absorbed),
    )


def _ranked(patterns: Sequence[UUID], weight: Counter[UUID], elders: set[UUID]) -> list[UUID]:
    return sorted(patterns, key=lambda pattern: (pattern not in elders, -weight[pattern], pattern))
