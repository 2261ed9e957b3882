"""The way into this package: any Python object as JSON, and any text, as the server is sure to take them.

Never raises and never waits for long because of what it is given. Keeps nothing, sends nothing.
"""

from typing import Any, Final

import msgspec

from actionlog_client.payload.conversion import Conversion, ForeignCodeAhead
from actionlog_client.payload.fitting import encode, fit
from actionlog_client.payload.foreign import Watch, run_apart
from actionlog_client.payload.kinds import name_of
from actionlog_client.payload.notes import NO_NOTES, NoteBook, Notes
from actionlog_client.payload.texts import MOST_SHORT, clean, cut_middle, cut_note, shorten, storable
from actionlog_client.redaction import REMEMBERED_LENGTH, Redactor, names_a_secret

MOST_VALUE_BYTES: Final = 2 * 1024 * 1024
MOST_TEXT_CHARACTERS: Final = 1024 * 1024
UNKNOWN: Final = "unknown"

# Texts that are remembered: so long, and so many. As many names.
_BRIEF_CHARACTERS: Final = 64
_MOST_BRIEFS: Final = 4096

# What the fast way passes: small flat objects of plain values, nothing in which looks like a secret.
_FAST_MEMBERS: Final = 64
_FAST_TEXT: Final = 2048
_FAST_BYTES: Final = 4096
_HIGHEST_FAST: Final = 2**63 - 1
_LOWEST_FAST: Final = -_HIGHEST_FAST


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """JSON that is ready to be sent, and notes of what was converted: {place in the document: what it was}."""

    json: bytes
    notes: Notes


class PayloadEncoder:
    """Turns what engines log into what the server takes. May be used by any thread at any time."""

    def __init__(self, redactor: Redactor, most_bytes: int = MOST_VALUE_BYTES) -> None:
        """most_bytes: what one value may weigh as JSON; the server takes 8 MiB a document."""
        self.redactor = redactor
        self.most_bytes: Final = most_bytes
        self._briefs: dict[str, str] = {}
        self._names: set[str] = set()

    def json(self, value: Any, path: str) -> Encoded:
        """Any object as JSON. path is where it will stand in the document, for the notes."""
        plain = self.plain(value)
        return Encoded(plain, NO_NOTES) if plain is not None else self.looked_at(value, path)

    def plain(self, value: Any) -> bytes | None:
        """The fast way: a small flat object of plain values as JSON; None when it must be looked at more closely."""
        if type(value) is not dict or len(value) > _FAST_MEMBERS:
            return None
        value = value.copy()  # the engine's other threads may change theirs
        known = self._names
        for name, item in value.items():
            if type(name) is not str or (name not in known and not self._is_plain_name(name)):
                return None
            kind = type(item)
            if kind is str:
                if len(item) > _FAST_TEXT:
                    return None
                # No credential is a single word: each has a space, a colon or the like before it.
                if not item.isidentifier() and ("\0" in item or self.redactor.text(item) != item):
                    return None
            elif kind is int or kind is float:
                if not _LOWEST_FAST <= item <= _HIGHEST_FAST:
                    return None
            elif kind is not bool and item is not None:
                return None
        try:
            json = encode(value)
        except UnicodeEncodeError:
            return None
        return json if len(json) <= _FAST_BYTES else None

    def _is_plain_name(self, name: str) -> bool:
        """Whether this name of a member is that of no secret and stays as it is; those that do are remembered."""
        if len(name) > REMEMBERED_LENGTH or names_a_secret(name) or clean(name, self.redactor) != name:
            return False
        if len(self._names) >= _MOST_BRIEFS:
            self._names.clear()
        self._names.add(name)
        return True

    def object(self, value: Any, path: str) -> Encoded:
        """The same for fields that must be objects: {} for None, {"value": ...} for what becomes no object."""
        if value is None:
            return Encoded(b"{}", NO_NOTES)
        plain = self.plain(value)
        return Encoded(plain, NO_NOTES) if plain is not None else self.looked_at(value, path, must_be_object=True)

    def brief(self, value: Any) -> str | None:
        """A short text as the server takes it, when it needs no conversion; names of steps come again and again."""
        if type(value) is not str:
            return None
        brief = self._briefs.get(value)
        if brief is None and len(value) <= _BRIEF_CHARACTERS:
            brief, note = self.text(value)
            if note is not None:
                return None
            if len(self._briefs) >= _MOST_BRIEFS:
                self._briefs.clear()
            self._briefs[value] = brief
        return brief

    def text(self, value: Any) -> tuple[str, str | None]:
        """Free text, and a note when it is not plainly what was given; empty for None."""
        if value is None:
            return "", None
        text, note = self._plain_text(value)
        most = min(MOST_TEXT_CHARACTERS, self.most_bytes)
        if not text.isascii():
            most //= 3
        if len(text) > most:
            return self._light(cut_middle(text, most, self.redactor), cut_note(len(text), most))
        return self._light(clean(text, self.redactor), note)

    def _light(self, text: str, note: str | None) -> tuple[str, str | None]:
        """A control character weighs six bytes as JSON: of a text full of them less is kept."""
        most = min(MOST_TEXT_CHARACTERS, self.most_bytes)
        if len(text) <= most // 6 or text.isprintable() or len(encode(text)) <= 2 * most:
            return text, note
        return cut_middle(text, most // 6, self.redactor), cut_note(len(text), most // 6)

    def short(self, value: Any) -> tuple[str, str | None]:
        """A text of up to 255 characters that is no identity; empty for None."""
        if value is None:
            return "", None
        text, note = self._plain_text(value)
        if len(text) > self.most_bytes:
            text, note = cut_middle(text, MOST_SHORT, self.redactor), cut_note(len(text), MOST_SHORT)
        return _short(clean(text, self.redactor), self.redactor, note)

    def identity(self, value: Any) -> tuple[str, str | None]:
        """What a record is found by: never redacted, without U+0000, up to 255 characters, and never empty."""
        if value is None:
            return UNKNOWN, "nothing"
        if type(value) is str and 0 < len(value) <= _BRIEF_CHARACTERS and value.isascii() and "\0" not in value:
            return value, None
        text, note = self._plain_text(value)
        told = storable(text.replace("\0", ""))
        if not told:
            return UNKNOWN, note or "nothing"
        return _short(told, None, note if told == text else "characters that cannot be stored")

    def _plain_text(self, value: Any) -> tuple[str, str | None]:
        """A text as it is; of anything else, and without trusting it, its text, and a note of what it was."""
        kind = type(value)
        if issubclass(kind, str):
            return str.__str__(value), None
        told = msgspec.json.decode(self.looked_at(value, "").json)
        if issubclass(kind, BaseException) and isinstance(told, dict):
            told = told.get("message")
        return (told if isinstance(told, str) else encode(told).decode()), name_of(kind)

    def looked_at(self, value: Any, path: str, *, must_be_object: bool = False) -> Encoded:
        """What json() and object() do with all that is not plain()."""
        try:
            book, walk, tree = self._tree(value, path)
            if must_be_object and type(tree) is not dict:
                book.add((), f"{name_of(type(value))} as the member value")
                tree = {"value": tree}
            return Encoded(fit(tree, walk.characters, self.most_bytes, book, self.redactor), book.notes())
        except Exception as error:  # a stack that was deep already, no memory: nothing that an engine should die of
            lost = f"<{name_of(type(value))} object that could not be read>"
            told = {"value": lost} if must_be_object else lost
            return Encoded(encode(told), {path: f"{name_of(type(error))} while reading {name_of(type(value))}"})

    def _tree(self, value: Any, path: str) -> tuple[NoteBook, Conversion, Any]:
        """The notes, the walk and the tree. Foreign code is called in a second walk apart, and only if there is any."""

        def convert(watch: Watch | None, *, refused: bool = False) -> tuple[NoteBook, Conversion, Any]:
            book = NoteBook(path, self.redactor)
            walk = Conversion(self.redactor, book, self.most_bytes, watch=watch, refused=refused)
            return book, walk, walk.value(value)

        try:
            return convert(None)
        except ForeignCodeAhead:
            watch = Watch()
        done: list[tuple[NoteBook, Conversion, Any]] = []
        if run_apart(lambda: done.append(convert(watch)), watch) and done:
            return done[0]
        return convert(None, refused=True)


def _short(text: str, redactor: Redactor | None, note: str | None) -> tuple[str, str | None]:
    shortened = shorten(text, redactor)
    return shortened, note if shortened == text else cut_note(len(text), len(shortened))
