"""What a summary holds: the counts of each combination of dimensions, as JSON. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from analytics.summaries.periods import EVERYTHING, GROUPINGS
from analytics.tally import Tally

Group = tuple[str, ...]


class Entry(Struct, array_like=True, gc=False):
    """The counts of one combination of values, which are in the order of the grouping's dimensions.

    bins are the counts of durations from first_bin on: eight bytes each, lowest first; in JSON as base64.
    """

    values: tuple[str, ...]
    counts: dict[str, int]
    first_bin: int
    bins: bytes


_decoder: Final = msgspec.json.Decoder(list[Entry])


def encoded(groups: Mapping[Group, Tally]) -> str:
    """The content of a summary; what counts nothing is left out. The same counts are always the same text."""
    entries = []
    for values, tally in sorted(groups.items(), key=lambda group: group[0]):
        counts = {name: count for name, count in sorted(tally.counts.items()) if count}
        first_bin, bins = tally.bins()
        if counts or bins:
            entries.append(Entry(values, counts, first_bin, bins))
    return msgspec.json.encode(entries).decode()


def decoded(content: str) -> list[Entry]:
    """Raises msgspec.DecodeError for what is no content of a summary."""
    return _decoder.decode(content)


def in_all_groupings(everything: Mapping[Group, Tally]) -> dict[str, Mapping[Group, Tally]]:
    """The counts of all dimensions (in the order of DIMENSIONS) as each grouping tells them apart."""
    found: dict[str, Mapping[Group, Tally]] = {EVERYTHING: everything}
    # The larger first: each is added up from the smallest that tells enough apart.
    for grouping, dimensions in reversed(GROUPINGS.items()):
        if grouping not in found:
            source = min(
                (name for name in found if set(dimensions) <= set(GROUPINGS[name])), key=lambda name: len(found[name])
            )
            found[grouping] = _regrouped(found[source], positions_of(dimensions, source))
    return found


def _regrouped(groups: Mapping[Group, Tally], positions: Sequence[int]) -> dict[Group, Tally]:
    found: dict[Group, Tally] = {}
    for values, tally in groups.items():
        part = tuple([values[position] for position in positions])
        if part not in found:
            found[part] = Tally()
        found[part].add(tally)
    return found


def positions_of(names: Iterable[str], grouping: str) -> list[int]:
    """Where these dimensions stand among the values of a grouping."""
    return [GROUPINGS[grouping].index(name) for name in names]
