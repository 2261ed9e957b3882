"""How the threads behind a logger share Python's lock with the engine: they give it up every few items.

A thread that computes keeps the lock for 5 ms at a time, which an event loop would notice.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def giving_way(items: Iterable[Item], every: int) -> Iterator[Item]:
    """The items, with a moment for other threads after so many of them."""
    for position, item in enumerate(items, 1):
        yield item
        if not position % every:
            time.sleep(0)
