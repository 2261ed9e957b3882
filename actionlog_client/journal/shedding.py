"""Gives up the details of steps, for room. Pure functions over entries; which segments lose them is for held.py."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from actionlog_client.journal.entries import EMPTY_LIST, EMPTY_OBJECT, Entry

DROPPED: Final = "dropped"


class _Step(Struct):
    """What is left of a step."""

    sequence: int
    status: str = DROPPED


class _Told(Struct):
    sequence: int


_DECODER: Final = msgspec.json.Decoder(list[_Told])


def without_details(entries: Iterable[Entry]) -> list[Entry]:
    """The same entries with each step reduced to {"sequence": n, "status": "dropped"}, ascending by number.

    Entries that tell nothing but steps of one attempt become one, which keeps the numbers of all of them.
    """
    kept: dict[int, Entry] = {}
    steps_of: dict[tuple[str, str], int] = {}
    for entry in entries:
        steps = _dropped(entry.steps)
        if steps is None:
            kept[entry.number] = entry
        elif entry.status is not None or bytes(entry.facts) != EMPTY_OBJECT or bytes(entry.extra) != EMPTY_OBJECT:
            kept[entry.number] = msgspec.structs.replace(entry, steps=_encoded(steps))
        else:
            number = steps_of.setdefault((entry.id, bytes(entry.identity).decode()), entry.number)
            first = kept.get(number)
            if first is None:
                kept[number] = msgspec.structs.replace(entry, steps=_encoded(steps))
            else:
                merged = b"[%b,%b]" % (bytes(first.steps)[1:-1], bytes(_encoded(steps))[1:-1])
                kept[number] = msgspec.structs.replace(first, steps=Raw(merged), also=(*first.also, *entry.numbers()))
    return [kept[number] for number in sorted(kept)]


def _dropped(steps: Raw) -> list[_Step] | None:
    """None when there are none, or when they are not what a logger tells."""
    if bytes(steps) == EMPTY_LIST:
        return None
    try:
        told = _DECODER.decode(steps)
    except msgspec.MsgspecError:
        return None
    return [_Step(step.sequence) for step in told] or None


def _encoded(steps: list[_Step]) -> Raw:
    return Raw(msgspec.json.encode(steps))
