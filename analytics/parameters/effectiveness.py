"""Which parameters go with success: every value and range, and every pair, with what chance alone would have done.

For the attempts of one action type. Pure: which attempts these are, and where from, is the caller's. What the values
are is in levels.py, and the tests are in significance.py. A difference that is found says what went together, not what
was the cause.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from analytics.figures import Rate, rate_of
from analytics.parameters.cells import Attempt, Attempts, members_of
from analytics.parameters.levels import LEAST_ATTEMPTS, LeftOut, Level, divide
from analytics.parameters.paths import Column, columns_of
from analytics.parameters.significance import (
    FALSE_DISCOVERY_RATE,
    Outcomes,
    adjusted,
    difference_p,
    interaction_p,
)

LEAST_ATTEMPTS_OF_PAIR: Final = 20
LARGEST_P: Final = 0.01
MOST_PARAMETERS: Final = 100
MOST_PAIRED_PARAMETERS: Final = 12

Difference = Literal["higher", "lower", "chance", "too_few"]


class ValueFigures(Struct, kw_only=True, frozen=True):
    """The attempts with one value or range. rest are all others; median_seconds is of the known durations.

    difference says how the rate differs from the rest: chance means by no more than chance does, too_few that one of
    both has fewer than LEAST_ATTEMPTS and was not tested. q_value is the p-value adjusted for the number of tests.
    """

    level: Level
    observed: Rate
    median_seconds: float | None
    rest: Rate
    p_value: float | None
    q_value: float | None
    difference: Difference


class PairFigures(Struct, kw_only=True, frozen=True):
    """The attempts with two values at once. first_alone are those with the first and not the second.

    difference is higher (or lower) when the rate is above (below) both first_alone and second_alone, and by more than
    the two values together account for. p_value is then the largest of the three; see effectiveness_of.
    """

    first: Level
    second: Level
    observed: Rate
    median_seconds: float | None
    first_alone: Rate
    second_alone: Rate
    p_value: float
    q_value: float
    difference: Difference


class Effectiveness(Struct, kw_only=True, frozen=True):
    """What is known of the parameters of one action type. tests is how many tests the q-values are adjusted for.

    values are by parameter and value; pairs with the smallest p-value first.
    """

    observed: Rate
    median_seconds: float | None
    values: list[ValueFigures]
    pairs: list[PairFigures]
    left_out: list[LeftOut]
    tests: int


class _Cell(NamedTuple):
    level: Level
    members: int
    outcomes: Outcomes


class _Pair(NamedTuple):
    first: _Cell
    second: _Cell
    members: int
    both: Outcomes
    p_value: float
    above: bool


def effectiveness_of(attempts: Iterable[Attempt]) -> Effectiveness:
    """The figures of (parameters, success, duration in seconds or None) of attempts that ended in success or failure.

    Each value is tested against all other attempts by Fisher's exact test. Two values at once are looked at where at
    least LEAST_ATTEMPTS_OF_PAIR attempts have both, and LEAST_ATTEMPTS have the first only, the second only, and
    neither. Such a pair says more than its values do if three hold: its rate differs from that of the first alone, and
    from that of the second alone, in the same direction (Fisher), and it is not what both make together when they act
    independently (Woolf). It is as sure as the least sure of the three, so its p-value is the largest (where it is not
    below 5 % already, the others are not computed). The p-values of all values and pairs are adjusted together
    (Benjamini, Hochberg), so that without any effect at least 95 % of data sets show no difference at all. So that this
    is not as close where there are hardly any tests to adjust for, the p-value itself must also be at most 1 %.

    At most MOST_PARAMETERS parameters are looked at, the most common ones, in pairs at most MOST_PAIRED_PARAMETERS.
    """
    known = Attempts.of(attempts)
    n = len(known.parameters)
    everyone = known.outcomes((1 << n) - 1)
    columns, left_out = _columns(known.parameters)
    parameters: list[list[_Cell]] = []
    for parameter, column in columns.items():
        division = divide(parameter, column, n)
        left_out += division.left_out
        members = [members_of(division.codes, code) for code in range(len(division.levels))]
        cells = [_Cell(*cell, known.outcomes(cell[1])) for cell in zip(division.levels, members, strict=True)]
        if cells:
            parameters.append(cells)

    values = [cell for cells in parameters for cell in cells]
    tested = {
        _test_of(cell, n): difference_p(cell.outcomes, everyone.without(cell.outcomes))
        for cell in values
        if min(cell.outcomes.n, n - cell.outcomes.n) >= LEAST_ATTEMPTS
    }
    paired, too_many = _most_told(parameters)
    left_out += too_many
    pairs = [
        pair
        for one, other in combinations(paired, 2)
        for first in one
        for second in other
        if (pair := _pair(known, everyone, first, second)) is not None
    ]
    pairs.sort(key=lambda pair: pair.p_value)
    q_values = adjusted([*tested.values(), *(pair.p_value for pair in pairs)])
    q_value_of = dict(zip(tested, q_values, strict=False))
    return Effectiveness(
        observed=rate_of(*everyone),
        median_seconds=known.median((1 << n) - 1),
        values=[
            _value_figures(known, everyone, cell, tested.get(test), q_value_of.get(test))
            for cell, test in ((cell, _test_of(cell, n)) for cell in values)
        ],
        pairs=[
            _pair_figures(known, pair, q_value) for pair, q_value in zip(pairs, q_values[len(tested) :], strict=True)
        ],
        left_out=left_out,
        tests=len(q_values),
    )


def _columns(parameters: list[dict[str, Any]]) -> tuple[dict[str, Column], list[LeftOut]]:
    """The values by path, sorted by path, of the most common paths."""
    columns = columns_of(parameters)
    ordered = sorted(columns, key=lambda path: (-len(columns[path].values), path))
    beyond = [len(columns[path].values) for path in ordered[MOST_PARAMETERS:]]
    left_out = [LeftOut.of(None, "many_parameters", values=len(beyond), attempts=beyond[0])] if beyond else []
    return {path: columns[path] for path in sorted(ordered[:MOST_PARAMETERS])}, left_out


def _most_told(parameters: list[list[_Cell]]) -> tuple[list[list[_Cell]], list[LeftOut]]:
    """The parameters that are looked at in pairs: those which the most attempts have a counted value of."""

    def told(cells: list[_Cell]) -> int:
        return sum(cell.outcomes.n for cell in cells if cell.level.kind != "missing")

    beyond = sorted(parameters, key=told, reverse=True)[MOST_PAIRED_PARAMETERS:]
    if not beyond:
        return parameters, []
    note = LeftOut.of(None, "many_for_pairs", values=len(beyond), attempts=told(beyond[0]))
    return [cells for cells in parameters if cells not in beyond], [note]


def _test_of(cell: _Cell, attempts: int) -> int:
    """What names a test. Of two values one is the rest of the other, and what is missing in an object is missing at
    all its paths: that is one test, not several."""
    return min(cell.members, cell.members ^ ((1 << attempts) - 1))


def _pair(known: Attempts, everyone: Outcomes, first: _Cell, second: _Cell) -> _Pair | None:
    """The attempts with two values of different parameters; None where there are too few of any of the four kinds."""
    members = first.members & second.members
    n = members.bit_count()
    neither_n = everyone.n - first.outcomes.n - second.outcomes.n + n
    if n < LEAST_ATTEMPTS_OF_PAIR or min(first.outcomes.n - n, second.outcomes.n - n, neither_n) < LEAST_ATTEMPTS:
        return None
    both = Outcomes((members & known.succeeded).bit_count(), n)
    first_alone, second_alone = first.outcomes.without(both), second.outcomes.without(both)
    neither = everyone.without(first.outcomes).without(second_alone)
    above = both.rate > first_alone.rate
    if above == (both.rate < second_alone.rate) or both.rate in (first_alone.rate, second_alone.rate):
        p_value = 1.0
    else:
        p_value = interaction_p(both, first_alone, second_alone, neither)
        if p_value <= FALSE_DISCOVERY_RATE:
            p_value = max(p_value, difference_p(both, first_alone), difference_p(both, second_alone))
    return _Pair(first, second, members, both, p_value, above)


def _value_figures(
    known: Attempts, everyone: Outcomes, cell: _Cell, p_value: float | None, q_value: float | None
) -> ValueFigures:
    rest = everyone.without(cell.outcomes)
    return ValueFigures(
        level=cell.level,
        observed=rate_of(*cell.outcomes),
        median_seconds=known.median(cell.members),
        rest=rate_of(*rest),
        p_value=p_value,
        q_value=q_value,
        difference="too_few"
        if p_value is None or q_value is None
        else _difference(p_value, q_value, cell.outcomes.rate > rest.rate),
    )


def _pair_figures(known: Attempts, pair: _Pair, q_value: float) -> PairFigures:
    return PairFigures(
        first=pair.first.level,
        second=pair.second.level,
        observed=rate_of(*pair.both),
        median_seconds=known.median(pair.members),
        first_alone=rate_of(*pair.first.outcomes.without(pair.both)),
        second_alone=rate_of(*pair.second.outcomes.without(pair.both)),
        p_value=pair.p_value,
        q_value=q_value,
        difference=_difference(pair.p_value, q_value, pair.above),
    )


def _difference(p_value: float, q_value: float, above: bool) -> Literal["higher", "lower", "chance"]:
    if q_value > FALSE_DISCOVERY_RATE or p_value > LARGEST_P:
        return "chance"
    return "higher" if above else "lower"
