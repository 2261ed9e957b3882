"""Compares what a journal holds here with what the server has of it. Pure functions; reading both is journal.py's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from actionlog_client.command_line.terminal import numbers
from actionlog_client.delivery.documents import Ranges, united

Range = Sequence[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """missing: ranges of numbers that were delivered, or cannot be delivered any more, and are not on the server."""

    verdict: str
    is_complete: bool
    missing: Ranges


def compare(
    here: dict[str, Any], server: dict[str, Any] | None, trouble: str | None, *, is_told: bool = True
) -> Comparison:
    """here: written, delivered, waiting, refused_numbers, damaged_numbers. server: as /api/engines/{id}/ answers, None
    when it knows nothing of the journal. trouble: why the server could not be asked; is_told: whether there is one."""
    waiting, damaged = here["waiting"], here["damaged_numbers"]
    if trouble is not None:
        if not is_told and not waiting:
            return Comparison("kept on this machine, no server is told", True, [])
        said = [f"{waiting} waiting" if waiting else "nothing waits here"]
        if damaged:
            said.append(f"damaged: {numbers(damaged)}")
        return Comparison(", ".join(said) + "; not compared with the server", not waiting, [])
    known = 0 if server is None else server["written"]
    unknown = [] if server is None else server["missing_numbers"]
    delivered = here["delivered"]
    # What the server has not heard of although it was delivered: it lost it, say by a restored backup.
    beyond = [(known + 1, delivered)] if delivered > known else []
    missing = [*within(unknown, delivered), *within(damaged, here["written"], above=delivered), *beyond]
    missing = united(without(missing, here["refused_numbers"]))
    count = how_many(missing)
    waiting = max(0, waiting - how_many(within(damaged, here["written"], above=delivered)))
    said = []
    if count:
        lost = how_many(within(damaged, here["written"]))
        said.append(f"{count} missing: {numbers(missing)}" + (f" ({lost} damaged on this disk)" if lost else ""))
    if waiting:
        said.append(f"{waiting} waiting")
    refused = how_many(here["refused_numbers"]) or (server or {}).get("refused", 0)
    if not said:
        said.append("complete")
    if refused:
        said.append(f"{refused} refused")
    return Comparison(", ".join(said), not count and not waiting, missing)


def within(ranges: Iterable[Range], last: int, *, above: int = 0) -> Ranges:
    """The part of these ranges from above + 1 to last."""
    cut = [(max(first, above + 1), min(end, last)) for first, end in ranges]
    return [(first, end) for first, end in cut if first <= end]


def without(ranges: Iterable[Range], others: Iterable[Range]) -> Ranges:
    """The part of these ranges that is in none of the others."""
    left = [(first, end) for first, end in ranges]
    for start, stop in others:
        left = [
            part
            for first, end in left
            for part in ((first, min(end, start - 1)), (max(first, stop + 1), end))
            if part[0] <= part[1]
        ]
    return left


def how_many(ranges: Iterable[tuple[int, int]]) -> int:
    """How many numbers these ranges hold, each counted once."""
    return sum(end - first + 1 for first, end in united(ranges))
