import random

import pytest

from analytics.advice.shrinkage import Belief, Counts, Group, learn_strength, shrink
from analytics.advice.tree import Row, walk

TYPE = Belief(0.5, 0.01)
ROOT = Counts(30, 30)
# Ten groups of six: half of them always succeed, half of them never.
ROWS: list[Row] = [((group,), group % 2 == 0, 0.5) for group in range(10) for _ in range(6)]


def test_a_walk_shrinks_the_group_towards_what_was_believed_before() -> None:
    strength = learn_strength([Group(Counts(6, 0), ROOT, 0.5), Group(Counts(0, 6), ROOT, 0.5)] * 5)
    branch = walk(ROWS, (0,), root=ROOT, expected=0.5, belief=Belief(0.7, 0.02))
    assert branch.belief == pytest.approx(shrink(Group(Counts(6, 0), ROOT, 0.5), Belief(0.7, 0.02), strength))
    assert branch.explained == pytest.approx(strength.explained)
    assert [step.counts for step in branch.steps] == [Counts(6, 0)]


def test_rows_that_are_alike_in_more_than_one_way_count_once() -> None:
    once = walk(ROWS, (0,), root=ROOT, expected=0.5, belief=TYPE)
    rows = [((group, (group, "again"), (group, "again", "again")), success, 0.5) for (group,), success, _ in ROWS]
    again = walk(rows, (0, (0, "again"), (0, "again", "again")), root=ROOT, expected=0.5, belief=TYPE)
    assert again.belief == pytest.approx(once.belief)
    assert [step.counts.n for step in again.steps] == [6, 6, 6]


def test_a_smaller_group_within_a_group_has_the_last_word() -> None:
    chance = random.Random(3)
    rows: list[Row] = []
    for group in range(8):
        for part in range(4):
            # Groups are all alike; what is within them is not.
            rows += [((group, (group, part)), chance.random() < (0.95 if part < 2 else 0.05), 0.5) for _ in range(10)]
    successes = sum(success for _, success, _ in rows)
    root = Counts(successes, len(rows) - successes)
    for part in range(4):
        branch = walk(rows, (0, (0, part)), root=root, expected=0.5, belief=TYPE)
        assert 0.35 < branch.steps[0].belief.mean < 0.65
        assert (branch.belief.mean > 0.75) if part < 2 else (branch.belief.mean < 0.25)


def test_a_walk_ends_where_nobody_went_on() -> None:
    assert walk(ROWS, ("unseen", "x"), root=ROOT, expected=0.5, belief=TYPE).belief == TYPE
    assert walk([], ("unseen",), root=Counts(), expected=0.5, belief=TYPE).steps == []


def test_groups_that_the_caller_counts_by_itself_do_not_move_the_belief() -> None:
    branch = walk(ROWS, (0,), root=ROOT, expected=0.5, belief=TYPE, told_apart=6)
    assert branch.belief == TYPE
    assert branch.steps[0].counts == Counts(6, 0)
