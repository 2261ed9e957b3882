"""What a pattern concentrates on: parameters, target, environment, engine that its failures have more often than
successful attempts of the same action types do.

Pure: which attempts are compared, and where from, is the caller's. What the values are is in parameters/levels.py, the
tests in parameters/significance.py. What is found says what went together, not what was the cause.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from analytics.parameters.levels import Level, divide
from analytics.parameters.paths import columns_of
from analytics.parameters.significance import FALSE_DISCOVERY_RATE, Outcomes, adjusted, difference_p

# Fewer failures, or successes, say nothing.
LEAST_ATTEMPTS: Final = 5
LARGEST_P: Final = 0.01
MOST_TRAITS: Final = 100
MOST_TOLD: Final = 20

Difference = Literal["more", "less", "chance"]


class TraitShare(Struct, kw_only=True, frozen=True):
    """count of n attempts have it; share is the fraction."""

    count: int
    n: int
    share: float


class TraitFigures(Struct, kw_only=True, frozen=True):
    """How many of the failures and of the successes have one value or range of one trait.

    difference: more (or less) among the failures, or by no more than chance does. q_value is the p-value adjusted for
    the number of tests.
    """

    trait: Level
    failures: TraitShare
    successes: TraitShare
    p_value: float
    q_value: float
    difference: Difference


class Concentration(Struct, kw_only=True, frozen=True):
    """The traits that differ, most certain first, then those that differ by no more than chance; at most MOST_TOLD.

    failures and successes are how many attempts of each were compared. enough is false where there are too few to say
    anything: then traits is empty.
    """

    failures: int
    successes: int
    enough: bool
    tests: int
    traits: list[TraitFigures]


class _Cell(NamedTuple):
    level: Level
    failures: int
    successes: int


def concentration_of(failures: Sequence[dict[str, Any]], successes: Sequence[dict[str, Any]]) -> Concentration:
    """Compare the traits of failures with those of successes: objects such as {"target": "db-1", "parameters": {...}}.

    Each value is tested by Fisher's exact test, the p-values are adjusted together (Benjamini, Hochberg), and what is
    called more or less has a p-value of at most 1 % besides. Of a trait with many values only those are tested that are
    common; the others count as tests without an effect, so that picking the common ones makes nothing look certain.
    """
    f, s = len(failures), len(successes)
    if min(f, s) < LEAST_ATTEMPTS:
        return Concentration(failures=f, successes=s, enough=False, tests=0, traits=[])
    columns = columns_of([*failures, *successes])
    known = sorted(columns, key=lambda path: (-len(columns[path].values), path))[:MOST_TRAITS]
    cells: list[_Cell] = []
    untested = 0
    for path in known:
        division = divide(path, columns[path], f + s, least=LEAST_ATTEMPTS, of_interest=f)
        of_failures, of_successes = division.codes[:f], division.codes[f:]
        cells += [
            _Cell(level, of_failures.count(code), of_successes.count(code))
            for code, level in enumerate(division.levels)
        ]
        untested += sum(left.values for left in division.left_out if left.why in ("many_values", "rare"))
    p_values = [difference_p(Outcomes(cell.failures, f), Outcomes(cell.successes, s)) for cell in cells]
    q_values = adjusted([*p_values, *[1.0] * untested])
    found = [
        TraitFigures(
            trait=cell.level,
            failures=TraitShare(count=cell.failures, n=f, share=cell.failures / f),
            successes=TraitShare(count=cell.successes, n=s, share=cell.successes / s),
            p_value=p_value,
            q_value=q_value,
            difference=_difference(p_value, q_value, cell.failures / f > cell.successes / s),
        )
        for cell, p_value, q_value in zip(cells, p_values, q_values, strict=False)
    ]
    found.sort(key=lambda one: (one.difference == "chance", one.difference == "less", one.p_value, one.trait.parameter))
    return Concentration(failures=f, successes=s, enough=True, tests=len(q_values), traits=found[:MOST_TOLD])


def _difference(p_value: float, q_value: float, more: bool) -> Difference:
    if q_value > FALSE_DISCOVERY_RATE or p_value > LARGEST_P:
        return "chance"
    return "more" if more else "less"
