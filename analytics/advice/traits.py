"""How parameters are alike: what can be said of each value, from the most general to the value itself. Pure functions.

A text is known by its first words (commands begin with what they do, and end with what they do it to), a number by its
order of magnitude, everything by its value. Each trait holds the one before it, so that traits form a tree.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

from attempts.canonical import canonical_json, encode_exact

WORDS: Final = 3
LONGEST_TEXT: Final = 200


class Trait(NamedTuple):
    """Something that values have in common. text is for people, but two traits are one when it is equal."""

    kind: Literal["words", "magnitude", "value"]
    text: str


class Described(NamedTuple):
    """Of one attempt. values: {dotted path: traits, general to exact}; whole: equal when all parameters are equal."""

    values: dict[str, tuple[Trait, ...]]
    whole: str


def describe(parameters: Mapping[str, Any]) -> Described:
    """Of a JSON object as decoded, with numbers as int, float or Decimal. Raises what msgspec raises for no JSON."""
    return Described(
        values={path: traits_of(value) for path, value in _leaves(parameters, "")}, whole=_identity(parameters)
    )


def traits_of(value: Any) -> tuple[Trait, ...]:
    if isinstance(value, str):
        words = value.split(maxsplit=WORDS)
        firsts = (" ".join(words[:count]) for count in range(1, len(words)))
        return (*(Trait("words", _shortened(first)) for first in firsts), Trait("value", _shortened(value)))
    exact = Trait("value", _identity(value))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and value:
        return Trait("magnitude", _magnitude(value)), exact
    return (exact,)


def _leaves(parameters: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _magnitude(number: int | float | Decimal) -> str:
    """Between which powers of two it lies."""
    try:
        low = math.ldexp(0.5, math.frexp(abs(float(number)))[1])
    except OverflowError:
        low = math.inf
    return f"{'-' if number < 0 else ''}({low:g} to {2 * low:g})"


def _identity(value: Any) -> str:
    return _shortened(canonical_json(encode_exact(value)))


def _shortened(text: str) -> str:
    """A long text by its beginning and its hash."""
    if len(text) <= LONGEST_TEXT:
        return text
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{text[: LONGEST_TEXT // 2]}...{digest}"
