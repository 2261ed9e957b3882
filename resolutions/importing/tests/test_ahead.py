"""The thread that works ahead passes on what it makes and what it raises, and ends when nobody wants more."""

import threading
import time
from collections.abc import Generator
from contextlib import closing

import pytest

from resolutions.importing.ahead import ahead


def numbers(made: list[int], *, fail_at: int | None = None) -> Generator[int, None, None]:
    try:
        for number in range(1000):
            if number == fail_at:
                raise LookupError("no more")
            made.append(number)
            yield number
    finally:
        made.append(-1)


def test_items_come_in_order_then_what_was_raised() -> None:
    items = ahead(numbers([], fail_at=5), depth=2)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(LookupError, match="no more"):
        next(items)
    assert list(ahead(numbers([]), depth=3)) == list(range(1000))


def test_no_more_is_made_than_was_asked_for_and_closing_ends_the_thread() -> None:
    made: list[int] = []
    with closing(ahead(numbers(made), depth=2)) as items:
        assert next(items) == 0
        time.sleep(0.3)
        assert made == [0, 1, 2, 3]  # one taken, two waiting, one in hand
    assert made[-1] == -1
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
