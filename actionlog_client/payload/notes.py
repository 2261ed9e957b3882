"""Notes of what a payload was before it became JSON, and how they travel: in the extra of the attempt."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from actionlog_client.payload.texts import CUT, shorten
from actionlog_client.redaction import Redactor, names_a_secret

Notes = Mapping[str, str]

NO_NOTES: Final[Notes] = MappingProxyType({})
MOST_NOTES: Final = 20
_LONGEST_NOTE: Final = 500
_CONVERTED: Final = "converted"


class NoteBook:
    """Takes notes by the place in the document, at most MOST_NOTES, and counts the others."""

    def __init__(self, path: str, redactor: Redactor) -> None:
        self._path = path
        self._redactor = redactor
        self._notes: dict[str, str] = {}
        self._others = 0

    def add(self, trail: Iterable[str | int], what: str) -> None:
        """trail: the names and positions that lead from the value to the place."""
        if len(self._notes) >= MOST_NOTES and not self._makes_room(what):
            self._others += 1
            return
        place = self._path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in trail)
        place = shorten(self._redactor.text(place), self._redactor)
        what = self._redactor.text(what)
        before = self._notes.get(place)
        if before is None:
            self._notes[place] = what
        elif what not in before and len(before) < _LONGEST_NOTE:
            self._notes[place] = f"{before}; {what}"

    def _makes_room(self, what: str) -> bool:
        """What was cut is lost, and so is told before what was only converted."""
        if not what.startswith(CUT):
            return False
        for place, note in reversed(self._notes.items()):
            if CUT not in note:
                del self._notes[place]
                self._others += 1
                return True
        return False

    def notes(self) -> Notes:
        if not self._notes:
            return NO_NOTES
        if self._others:
            self._notes[f"{self._path} (others)"] = f"{self._others} more"
        return self._notes


def name_of_note(place: str) -> str:
    """The name in extra of a note. No name that is taken for that of a secret, whatever stands in the path: the server
    would mark the note."""
    name = f"{_CONVERTED} {place}"
    return f"{name} (type)" if names_a_secret(name) else name
