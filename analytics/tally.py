"""Counts that are added up fast: names with their numbers, and a histogram whose bins are lanes of one large integer.

A long window adds up thousands of histograms of a hundred bins each; as integers that takes one addition each. Pure.
"""

from collections.abc import Mapping
from typing import Final

from analytics.rollups import Counts

# Bits of a lane. A lane holds 2**64 durations: more than there will be, so that none spills into the next.
_LANE: Final = 64
_BYTES: Final = _LANE // 8


class Tally:
    """Growing counts by name, and of durations by bin."""

    __slots__ = ("_lanes", "counts")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._lanes = 0

    def add(self, other: "Tally") -> None:
        self.add_counts(other.counts)
        self._lanes += other._lanes

    def add_counts(self, counts: Mapping[str, int]) -> None:
        own = self.counts
        known = own.get
        for name, count in counts.items():
            own[name] = known(name, 0) + count

    def add_merged(self, counts: Counts) -> None:
        """Add counts as the rollups have them."""
        for slot, count in counts.items():
            if isinstance(slot, int):
                self.add_bin(slot, count)
            else:
                self.counts[slot] = self.counts.get(slot, 0) + count

    def add_bin(self, bin_number: int, count: int) -> None:
        """count is not negative."""
        self._lanes += count << (_LANE * bin_number)

    def add_bins(self, first_bin: int, bins: bytes) -> None:
        """Add consecutive bins, as bins() gives them."""
        self._lanes += int.from_bytes(bins, "little") << (_LANE * first_bin)

    def bins(self) -> tuple[int, bytes]:
        """The first bin that is not empty, and the counts from it to the last, eight bytes each, lowest first."""
        if not self._lanes:
            return 0, b""
        first = ((self._lanes & -self._lanes).bit_length() - 1) // _LANE
        lanes = self._lanes >> (_LANE * first)
        return first, lanes.to_bytes(-(-lanes.bit_length() // _LANE) * _BYTES, "little")

    def merged(self) -> Counts:
        """All of it as the rollups have it, without zeros."""
        merged: Counts = {name: count for name, count in self.counts.items() if count}
        first, bins = self.bins()
        for start in range(0, len(bins), _BYTES):
            count = int.from_bytes(bins[start : start + _BYTES], "little")
            if count:
                merged[first + start // _BYTES] = count
        return merged
