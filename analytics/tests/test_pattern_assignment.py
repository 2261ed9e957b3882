"""Who owns what under changed masking rules: the pure rule."""

from uuid import UUID

from analytics.patterns.assignment import Assignment, Owned, assign
from analytics.patterns.grouping import Unseen


def an_id(number: int) -> UUID:
    return UUID(int=number)


# Patterns are 1 to 9, their keys ten times that, fingerprints of earlier rules a hundred times, new ones from 9000 on.
def old(fingerprint: int, pattern: int, *, key: int | None = None, parted: bool = False) -> Owned:
    return Owned(an_id(fingerprint), an_id(key or fingerprint // 10), an_id(pattern), parted, 1)


def decide(prints: list[Owned], landed: dict[tuple[int, int], int], present: tuple[Owned, ...] = ()) -> Assignment:
    """Fingerprints 9010 and 9011 have the key 901."""
    after = {new for _, new in landed}
    renewed = {an_id(new): Unseen(an_id(new // 10), an_id(new), 101, "", "", "") for new in after}
    counts = {(an_id(before), an_id(new)): failures for (before, new), failures in landed.items()}
    return assign(old=prints, present=present, landed=counts, renewed=renewed)


def owner(decided: Assignment, fingerprint: int) -> int:
    return decided.owners[an_id(fingerprint)].int


def test_a_pattern_keeps_its_id_where_most_of_its_failures_go() -> None:
    decided = decide([old(100, 1)], {(100, 9010): 7, (100, 9020): 3})
    assert owner(decided, 9010) == 1
    (founded,) = decided.founded
    assert (decided.owners[an_id(9020)], founded.origin, founded.failures) == (founded.pattern, an_id(1), 3)
    assert decided.key_owners == {an_id(901): an_id(1), an_id(902): founded.pattern}
    assert decided.kept == {an_id(1)}


def test_what_becomes_alike_is_the_larger_pattern() -> None:
    decided = decide([old(100, 1), old(200, 2)], {(100, 9010): 3, (200, 9011): 7})
    assert (owner(decided, 9010), owner(decided, 9011)) == (2, 2)
    assert (decided.absorbed, decided.founded) == ({an_id(1): an_id(2)}, [])


def test_a_few_failures_that_go_elsewhere_take_no_pattern_with_them() -> None:
    decided = decide([old(100, 1), old(200, 2)], {(100, 9010): 8, (100, 9020): 2, (200, 9020): 5})
    assert (owner(decided, 9010), owner(decided, 9020)) == (1, 2)
    assert (decided.absorbed, decided.founded) == ({}, [])


def test_what_operators_merged_stays_one() -> None:
    decided = decide([old(100, 1, key=10), old(110, 1, key=11)], {(100, 9010): 7, (110, 9020): 3})
    assert (owner(decided, 9010), owner(decided, 9020)) == (1, 1)
    assert decided.founded == []


def test_what_operators_parted_stays_apart() -> None:
    prints = [old(100, 1, key=10), old(110, 2, key=10, parted=True)]
    decided = decide(prints, {(100, 9010): 3, (110, 9011): 7})
    assert (owner(decided, 9010), owner(decided, 9011)) == (1, 2)
    # What is not seen yet joins the one that the key was left with.
    assert decided.key_owners == {an_id(901): an_id(1)}
    assert decided.absorbed == {}


def test_parted_fingerprints_that_become_one_go_to_where_most_failures_come_from() -> None:
    prints = [old(100, 1, key=10), old(110, 2, key=10, parted=True)]
    decided = decide(prints, {(100, 9010): 7, (110, 9010): 3})
    assert owner(decided, 9010) == 1
    assert decided.absorbed == {an_id(2): an_id(1)}


def test_an_old_pattern_takes_over_what_was_founded_while_it_waited() -> None:
    present = Owned(an_id(9010), an_id(901), an_id(5), False, 100)
    decided = decide([old(100, 1)], {(100, 9011): 3}, (present,))
    assert (owner(decided, 9010), owner(decided, 9011)) == (1, 1)
    assert decided.absorbed == {an_id(5): an_id(1)}
    assert decided.key_owners == {an_id(901): an_id(1)}


def test_the_order_of_what_is_told_decides_nothing() -> None:
    prints = [old(100, 1), old(200, 2), old(300, 3)]
    landed = {(100, 9010): 5, (200, 9011): 5, (300, 9020): 1, (300, 9012): 1}
    one = decide(prints, landed)
    other = decide(prints[::-1], dict(reversed(landed.items())))
    assert (one.owners, one.absorbed, one.key_owners) == (other.owners, other.absorbed, other.key_owners)


def test_nothing_old_leaves_everything_as_it_is() -> None:
    present = Owned(an_id(9010), an_id(901), an_id(5), False, 100)
    decided = decide([], {}, (present,))
    assert (decided.owners, decided.absorbed, decided.founded) == ({an_id(9010): an_id(5)}, {}, [])
