"""The values and ranges into which one parameter divides attempts. Outcomes are not looked at: they come after.

What is left out, and told as left out: identifiers and redacted values, which say nothing about the next attempt; long
texts and lists; values of fewer than LEAST_ATTEMPTS attempts; and, of a parameter with more than MANY_VALUES different
values, those that fewer than one in twenty of its attempts carries (names of hosts, pods, users).
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import compress, repeat
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from analytics.parameters.paths import Column, value_text
from analytics.parameters.ranges import Range, ranges_of
from attempts.canonical import decode_exact, encode_exact

LEAST_ATTEMPTS: Final = 10
MANY_VALUES: Final = 20
LEAST_SHARE_OF_MANY: Final = 0.05
MOST_RANGES: Final = 4
LONGEST_TEXT: Final = 80  # characters of a text, of the JSON of a list

OMITTED: Final = 255  # the code of an attempt that none of the levels holds; there are at most 25 levels

_MARK: Final = re.compile(r"\[redacted:[0-9a-f]{16}\]")
# UUIDs, hashes and their beginnings, ULIDs.
_IDENTIFIER: Final = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=.*[0-9])(?:[0-9a-f]{12,}|[0-9a-hjkmnp-tv-z]{26})", re.IGNORECASE
)

Why = Literal["redacted", "identifier", "long", "many_values", "rare", "constant", "many_parameters", "many_for_pairs"]
_NOTES: Final[dict[Why, str]] = {
    "redacted": "redacted values",
    "identifier": "identifiers: each names one thing",
    "long": f"texts and lists of more than {LONGEST_TEXT} characters",
    "many_values": f"more than {MANY_VALUES} values: those of fewer than one attempt in twenty",
    "rare": f"values of fewer than {LEAST_ATTEMPTS} attempts",
    "constant": "the same value in all attempts",
    "many_parameters": "parameters beyond the most common ones",
    "many_for_pairs": "parameters beyond the most common ones, in pairs only",
}


class Level(Struct, frozen=True, kw_only=True):
    """One value or range of a parameter. text is for reading: canonical JSON, a range, or "missing".

    A range holds low <= number < high; null is no bound.
    """

    parameter: str
    kind: Literal["value", "range", "missing"]
    text: str
    low: float | None = None
    high: float | None = None


class LeftOut(Struct, frozen=True, kw_only=True):
    """What is not counted of a parameter: how many different values, in how many attempts, and why.

    Without a parameter it is about whole parameters: values is how many, attempts those of the most common one.
    """

    parameter: str | None
    why: Why
    note: str
    values: int
    attempts: int

    @classmethod
    def of(cls, parameter: str | None, why: Why, *, values: int, attempts: int) -> "LeftOut":
        return cls(parameter=parameter, why=why, note=_NOTES[why], values=values, attempts=attempts)


class Division(NamedTuple):
    """The levels of a parameter, and for each attempt, by position, the index of its level, or OMITTED."""

    levels: list[Level]
    codes: bytearray
    left_out: list[LeftOut]


def divide(
    parameter: str, column: Column, attempts: int, *, least: int = LEAST_ATTEMPTS, of_interest: int = 0
) -> Division:
    """Divide so many attempts by one parameter. Without levels, nothing can be learned from it.

    Numbers of at most MOST_RANGES different values are values; more are divided into that many ranges at their
    quantiles. 1, 1.0 and 1e0 are one number; true is not 1. Missing is a level of its own. least is how many attempts a
    level has; of many values those are kept, too, that one in twenty of the first `of_interest` attempts carries.
    """
    numbers, others = _parted(column)
    counts = Counter(others.values)
    by_text: dict[str, list[Any]] = {}
    omitted: Counter[Why] = Counter()
    different: Counter[Why] = Counter()
    for key, n in counts.items():
        unfit = _why_unfit(key)
        if unfit:
            omitted[unfit] += n
            different[unfit] += 1
        else:
            by_text.setdefault(_text(key), []).append(key)

    levels: list[Level] = []
    code_of: dict[Any, int] = {}
    many = len(by_text) > MANY_VALUES
    too_few: Why = "many_values" if many else "rare"
    needed = max(least, LEAST_SHARE_OF_MANY * len(column.values) if many else 0)
    interesting = _common_among(others, of_interest) if many else frozenset()
    for text, keys in sorted(by_text.items()):
        n = sum(counts[key] for key in keys)
        if n >= needed or (n >= least and not interesting.isdisjoint(keys)):
            code_of.update(dict.fromkeys(keys, len(levels)))
            levels.append(Level(parameter=parameter, kind="value", text=text))
        else:
            omitted[too_few] += n
            different[too_few] += 1
    codes = bytearray([_MISSING]) * attempts
    _write(codes, others.positions, map(code_of.get, others.values, repeat(OMITTED)))
    if len(numbers.values) >= least:
        ranges = ranges_of(sorted(numbers.values), most=MOST_RANGES, least=least)
        starts, below = [found.first for found in ranges], len(levels) - 1
        _write(codes, numbers.positions, [below + bisect_right(starts, number) for number in numbers.values])
        levels += [_range_level(parameter, found) for found in ranges]
    elif numbers.values:
        _write(codes, numbers.positions, repeat(OMITTED, len(numbers.values)))
        omitted["rare"] += len(numbers.values)
        different["rare"] += len(set(numbers.values))

    if codes.count(0) == attempts:
        return Division([], codes, [LeftOut.of(parameter, "constant", values=1, attempts=attempts)])
    missing = OMITTED
    if min(len(column.values), attempts - len(column.values)) >= least:
        missing = len(levels)
        levels.append(Level(parameter=parameter, kind="missing", text="missing"))
    left_out = [LeftOut.of(parameter, why, values=different[why], attempts=n) for why, n in sorted(omitted.items())]
    return Division(levels, codes.replace(bytes([_MISSING]), bytes([missing])), left_out)


_MISSING: Final = 254
_NUMBERS: Final = frozenset((int, float, Decimal))


def _parted(column: Column) -> tuple[Column, Column]:
    """The numbers to be divided into ranges, and the keys of all other values, by which equal ones are counted."""
    kinds = set(map(type, column.values))
    if kinds <= _NUMBERS:
        numbers = column
    elif kinds.isdisjoint(_NUMBERS):
        numbers = Column([], [])
    else:
        numbers = _selected(column, [type(value) in _NUMBERS for value in column.values])
    # The first ones mostly tell: to make a set of very many floats takes time.
    if len(set(numbers.values[:1000])) <= MOST_RANGES and len(set(numbers.values)) <= MOST_RANGES:
        keys = column.values if kinds <= _NUMBERS | {str} else list(map(_key, column.values))
        return Column([], []), Column(column.positions, keys)
    if numbers is column:
        return column, Column([], [])
    others = _selected(column, [type(value) not in _NUMBERS for value in column.values])
    return numbers, Column(others.positions, list(map(_key, others.values)))


def _common_among(others: Column, of_interest: int) -> frozenset[Any]:
    """The keys that one in twenty of the first so many attempts carries; those are a small part, so levels stay few."""
    carried = Counter(key for position, key in zip(*others, strict=True) if position < of_interest)
    return frozenset(key for key, n in carried.items() if n >= LEAST_SHARE_OF_MANY * of_interest)


def _selected(column: Column, chosen: list[bool]) -> Column:
    return Column(list(compress(column.positions, chosen)), list(compress(column.values, chosen)))


def _write(codes: bytearray, positions: list[int], found: Iterable[int]) -> None:
    """Write the codes of the attempts at these positions."""
    if len(positions) == len(codes):
        codes[:] = bytes(found)
        return
    for position, code in zip(positions, found, strict=True):
        codes[position] = code


def _range_level(parameter: str, found: Range) -> Level:
    low, high = (None if edge is None else float(edge) for edge in (found.low, found.high))
    return Level(parameter=parameter, kind="range", text=found.text, low=low, high=high)


def _key(value: Any) -> Any:
    """What equal values share, cheaply: texts and numbers are themselves, all else is its JSON (True would be 1)."""
    if isinstance(value, str) or type(value) in _NUMBERS:
        return value
    # A long list is not even encoded: all of them share a key.
    return b"" if isinstance(value, list) and len(value) > LONGEST_TEXT else encode_exact(value)


def _why_unfit(key: Any) -> Why | None:
    if type(key) in _NUMBERS:
        return None
    text = key.decode() if isinstance(key, bytes) else key
    if _MARK.search(text):
        return "redacted"
    if len(text) > LONGEST_TEXT or key == b"":
        return "long"
    return "identifier" if _IDENTIFIER.fullmatch(text) else None


def _text(key: Any) -> str:
    return value_text(decode_exact(key) if isinstance(key, bytes) else key)
