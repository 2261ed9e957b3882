"""What an engine instance tells of its journal beside its documents: the wire form, and the checks beyond it.

A journal belongs to one process of an engine. It numbers what is written into it from 1, and each document that is
sent carries some of these numbers, so that what has not arrived is known by number.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from attempts.records import Text, Time
from attempts.validation import Fault, Suspicion, check_fields

# The integers that every JSON reader holds exactly.
LARGEST_NUMBER: Final = 2**53
MOST_RANGES: Final = 100_000

Count = Annotated[int, Meta(ge=0, le=LARGEST_NUMBER)]
Number = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]
# The first and the last of consecutive numbers, both included.
Range = tuple[Number, Number]


class CarriedNumbers(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """For each document of a list, in the list's order, the journal numbers that it carries; [] for none."""

    resolution_attempts: list[list[Range]] | None = None
    action_attempts: list[list[Range]] | None = None


class JournalReport(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A journal as its writer knows it.

    written is its last number so far; refused are numbers that the sender has put aside by itself and will not send;
    closed tells that nothing more will be written.
    """

    journal_id: UUID
    written: Count
    engine: Text | None = None
    engine_version: Text | None = None
    client_version: Text | None = None
    host: Text | None = None
    process_id: Count | None = None
    started_at: Time | None = None
    closed: bool = False
    refused: list[Range] = []
    numbers: CarriedNumbers | None = None

    def carried(self, name: str) -> list[list[Range]] | None:
        """The numbers of each document of one list; None when they are not told."""
        found: list[list[Range]] | None = getattr(self.numbers, name, None)
        return found


def check_report(report: JournalReport, sent: Mapping[str, int], suspicion: Suspicion) -> None:
    """Check and clean a report in place. sent is how many documents each list of the request has.

    Raises Fault, its path within the report.
    """
    check_fields(report, suspicion)
    told = 0
    for path, ranges in _all_ranges(report, sent):
        told += len(ranges)
        if told > MOST_RANGES:
            raise Fault(f"More than {MOST_RANGES} ranges of numbers; send them in several requests.", path=path)
        for position, (first, last) in enumerate(ranges):
            if last < first:
                raise Fault("The last number of a range is smaller than its first.", path=f"{path}[{position}]")
            if last > report.written:
                raise Fault(
                    f"The journal has no number {last}: it was told to be written up to {report.written}.",
                    path=f"{path}[{position}]",
                )


def _all_ranges(report: JournalReport, sent: Mapping[str, int]) -> Iterator[tuple[str, Sequence[Range]]]:
    """Every list of ranges with its path. Raises Fault for one that does not match the documents."""
    yield "refused", report.refused
    for name, count in sent.items():
        carried = report.carried(name)
        if carried is None:
            continue
        if len(carried) != count:
            raise Fault(
                f"These are the numbers of {len(carried)} documents, but {name} has {count}. Send one list of ranges "
                "for each document, [] for one without a number.",
                path=f"numbers.{name}",
            )
        for position, ranges in enumerate(carried):
            if ranges:
                yield f"numbers.{name}[{position}]", ranges
