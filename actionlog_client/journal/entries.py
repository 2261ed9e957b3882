"""One entry of a journal: what one logging call told about one record. Where entries are kept is not its matter.

Entries are made of JSON that is ready to be sent, so that a document is put together from them without parsing.
"""

from enum import Enum
from typing import Final, Literal, Protocol
from uuid import UUID

from msgspec import Raw, Struct

Kind = Literal["attempt", "resolution"]

# With one of these an attempt, or a resolution attempt, has ended.
ATTEMPT_ENDS: Final = ("success", "failed", "skipped", "cancelled")
RESOLUTION_ENDS: Final = ("resolved", "failed", "escalated")
ENDS: Final = frozenset(ATTEMPT_ENDS + RESOLUTION_ENDS)
EMPTY_OBJECT: Final = b"{}"
EMPTY_LIST: Final = b"[]"


class Weight(Enum):
    """What happens to an entry for which the disk has no room: see TakesEntries.append."""

    START = "start"
    STEP = "step"
    OUTCOME = "outcome"


class JournalFull(Exception):
    """The disk budget of the journal, or the disk, has no room for another action. The action must not be run
    unlogged: repair the way to the server, or give the journal more room."""


class JournalClosed(Exception):
    """This journal takes no more entries: it was closed, or left to the parent after a fork. Open a new one."""


class Entry(Struct, array_like=True, gc=False, frozen=True):
    """What one call told. number counts from 1 within a journal.

    identity, facts and extra are JSON objects, steps is a JSON list. The entries of one attempt never tell the same
    fact twice, but for identity (the same in each) and status (the later goes); extra is merged by key.

    also: the numbers of later entries that were merged into this one when their step details were given up for room.
    """

    number: int
    kind: Kind
    id: str
    identity: Raw
    status: str | None
    facts: Raw
    steps: Raw
    extra: Raw
    also: tuple[int, ...] = ()

    def numbers(self) -> tuple[int, ...]:
        """The numbers of the calls this entry tells of: its own, and those of the entries merged into it."""
        return (self.number, *self.also)


class TakesEntries(Protocol):
    """What a logger tells its calls to: a journal, or a recorder that has one."""

    def append(
        self,
        kind: Kind,
        record_id: str,
        identity: bytes,
        status: str | None = None,
        *,
        facts: bytes = EMPTY_OBJECT,
        steps: bytes = EMPTY_LIST,
        extra: bytes = EMPTY_OBJECT,
        weight: Weight,
    ) -> int:
        """Keep an entry; it survives the end of this process from the return on. Returns its number.

        Without room: START raises JournalFull; STEP returns 0, the entry is dropped and the caller counts it; OUTCOME
        always returns a number: room is set aside for it, and if even that is gone it is kept in memory and written as
        soon as there is room. A journal raises JournalClosed after close() or leave_to_parent(), and nothing else.
        """


class Journal(TakesEntries, Protocol):
    """Where entries are kept. All methods may be called from any thread."""

    @property
    def journal_id(self) -> UUID: ...

    @property
    def written(self) -> int:
        """The number of the last entry; 0 when there is none."""

    def close(self) -> None:
        """Nothing more will be written."""

    def leave_to_parent(self) -> None:
        """Called in a forked child: let go of what belongs to the parent process, without disturbing it."""
