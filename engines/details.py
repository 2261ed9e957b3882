"""What answers and pages tell of one engine instance."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

State = Literal["active", "silent", "closed"]


class EngineInstance(Struct, kw_only=True):
    """One process of an engine, and what of its journal has arrived.

    The journal has the numbers 1 to written. stored, missing and refused count them: stored is in the record, refused
    was answered with a reason or put aside by the engine, missing has not arrived. Ranges are [first, last], ascending.
    state: active was heard within the last minute, silent was not, closed told that it writes no more.
    """

    journal_id: UUID
    engine: str | None
    engine_version: str | None
    client_version: str | None
    host: str | None
    process_id: int | None
    started_at: datetime | None
    first_heard_at: datetime
    last_heard_at: datetime
    closed_at: datetime | None
    state: State
    written: int
    stored: int
    missing: int
    missing_ranges: int
    missing_numbers: list[tuple[int, int]]
    refused: int
    refused_ranges: int
    refused_numbers: list[tuple[int, int]]

    @property
    def is_incomplete(self) -> bool:
        """Whether numbers are missing that are not simply on their way."""
        return self.missing > 0 and self.state != "active"


class Completeness(Struct, kw_only=True):
    """The engine instances in total. incomplete: those that are not active and have numbers missing."""

    active: int
    silent: int
    closed: int
    incomplete: int
    missing_of_incomplete: int
    on_their_way: int
    refused: int

    @property
    def instances(self) -> int:
        return self.active + self.silent + self.closed
