"""How far a reader of a journal has come, kept in a small file of its own."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from actionlog_client.journal.lines import opened, sealed

# Who reads a journal, by the names of their files: the courier, and the store of files.
DELIVERED: Final = "delivered"
STORED: Final = "stored"


class Position(NamedTuple):
    """A place between two lines: a segment, an offset in bytes within it, and the number of the last entry before."""

    segment: int
    offset: int
    number: int


BEGINNING: Final = Position(1, 0, 0)
_TEXT: Final = b"%012d %016d %016d"


class Cursor:
    """The position up to which a reader has done its work. A cursor that cannot be read says the beginning: what was
    done is then done again, which is harmless, and nothing is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Position:
        try:
            told = opened(self._path.read_bytes().rstrip(b"\n"))
        except OSError:
            return BEGINNING
        return Position(*map(int, told.split())) if told else BEGINNING

    def save(self, position: Position) -> None:
        """One write in place of a line that always has the same length. Raises OSError when it cannot be made."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, sealed(_TEXT % position), 0)
        finally:
            os.close(file)
