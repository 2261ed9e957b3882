"""The members of a container, taken at once: the engine's other threads may change it meanwhile.

Read by the methods of the built-in types, whatever a subclass has made of them.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, TypeVar

T = TypeVar("T")

_TRIES: Final = 3


def pairs_of(value: dict[Any, Any], most: int) -> Iterable[tuple[Any, Any]]:
    """The first members of a dictionary; none when it changes each time it is looked at."""
    if dict.__len__(value) <= most:
        return dict.copy(value).items()
    return _taken(lambda: list(islice(dict.items(value), most)))


def items_of(value: Any, kind: type, most: int) -> list[Any]:
    """The first items of a list, tuple, deque, set or frozenset: kind is which of these the value is made of."""
    if kind is list or kind is tuple:
        return list(kind.__getitem__(value, slice(0, most)))
    return _taken(lambda: list(islice(kind.__iter__(value), most)))  # type: ignore[attr-defined]


def _taken(take: Callable[[], list[T]]) -> list[T]:
    for _ in range(_TRIES):
        try:
            return take()
        except RuntimeError:  # changed while it was read
            continue
    return []
