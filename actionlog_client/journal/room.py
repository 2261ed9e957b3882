"""How much the journals of one folder may take on disk, and what gives way first. One definition of the watermarks.

The budget counts the bytes in all files of all journals in the folder. As it fills up, in this order:

1. Above KEEP, segments that all readers are done with are removed, the oldest first, whichever journal they are of,
   and with them the journals of processes that are gone. Below it they stay, for whoever wants to look; but of
   journals of which nothing is left to do, and nothing was refused, only the latest KEPT_JOURNALS do.
2. Above SHED, what is on the server goes though it is not in the store of files, because that cannot be written.
   And the steps in segments that are closed and of which nothing was sent yet lose their details; above STEPS,
   no step is written any more (append returns 0).
3. Above STARTS, no action may start (append raises JournalFull).
4. What is left up to the whole budget is for the outcomes of what runs already. Each start also sets OUTCOME_ROOM
   aside for its own, which counts as used until the end is told; an outcome that is larger, when there is no room for
   that beside the others, is written with its status alone and says so.
5. After that outcomes are kept in memory: whole up to WAITING_WHOLE bytes, as identity and status alone up to
   WAITING_BARE bytes, and beyond that not at all: their numbers are given, and will be missing.

A disk that is full before the budget is has the same order: what is done goes, steps and starts are refused, and a
reserve file of each journal is given up for outcomes.
"""

from dataclasses import dataclass
from typing import Final

KEEP: Final = 0.5
SHED: Final = 0.75
STEPS: Final = 0.8
STARTS: Final = 0.9
KEPT_JOURNALS: Final = 32

# For the outcome of each attempt that has started, in bytes.
OUTCOME_ROOM: Final = 1024

WAITING_WHOLE: Final = 8 * 1024 * 1024
WAITING_BARE: Final = 12 * 1024 * 1024

# Of the budget: one segment, and the reserve.
_SEGMENT_SHARE: Final = 1 / 16
_LARGEST_SEGMENT: Final = 4 * 1024 * 1024
_RESERVE_SHARE: Final = 1 / 32
_LARGEST_RESERVE: Final = 256 * 1024
_REFUSED_SHARE: Final = 1 / 10


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes one journal may grow from now on, for each weight of entry."""

    steps: int
    starts: int
    outcomes: int


UNLIMITED: Final = Room(1 << 62, 1 << 62, 1 << 62)


def room_left(budget: int, used: int, writers: int) -> Room:
    """What each of so many writers may take until the next measuring, so that they stay within the budget together."""

    def share(watermark: float) -> int:
        return max(0, int(budget * watermark) - used) // max(1, writers)

    return Room(share(STEPS), share(STARTS), share(1.0))


def segment_size(budget: int) -> int:
    return min(_LARGEST_SEGMENT, int(budget * _SEGMENT_SHARE))


def reserve_size(budget: int) -> int:
    return min(_LARGEST_RESERVE, int(budget * _RESERVE_SHARE))


def refused_share(budget: int) -> int:
    """How large one refused.log may become before its oldest lines go."""
    return int(budget * _REFUSED_SHARE)
