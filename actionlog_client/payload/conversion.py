"""Turns one Python object into a tree of JSON values: dict, list, str, int, float, Decimal, bool and None.

The walk over containers, its bounds, and the redaction on the way. What is known of single types stands in kinds.py;
what the tree may weigh as JSON is the matter of fitting.py.
"""

import operator
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import islice
from pathlib import PurePath
from typing import Any, Final, TypeVar

import msgspec

from actionlog_client.payload import kinds
from actionlog_client.payload.binary import binary_text
from actionlog_client.payload.foreign import Watch, is_hanging
from actionlog_client.payload.kinds import NOT_A_FIELD, attribute_of, name_of
from actionlog_client.payload.notes import NoteBook
from actionlog_client.payload.snapshots import items_of, pairs_of
from actionlog_client.payload.texts import KEPT_OF_HUGE, clean, cut_middle, cut_note, storable
from actionlog_client.redaction import Redactor, names_a_secret

T = TypeVar("T")

DEEPEST: Final = 50
# Members of all containers in one value. Each costs the caller about a microsecond.
MOST_MEMBERS: Final = 20_000
LONGEST_REPRESENTATION: Final = 10_000
LONGEST_NAME: Final = 1024
# The server counts the digits of a value's numbers as they are written out: 1e-300 has 301.
_MOST_DIGITS: Final = 1_000_000
_MANY_DIGITS: Final = 40

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_decode_exact: Final = msgspec.json.Decoder(float_hook=Decimal).decode


class ForeignCodeAhead(Exception):
    """To go on, code of others must be run, and this walk must not."""


class Conversion:
    """One walk over one value. characters is about what the tree weighs.

    watch: the walk runs apart and may call foreign code; without one it raises ForeignCodeAhead where it would, or,
    when it is refused, goes without.
    """

    def __init__(
        self,
        redactor: Redactor,
        book: NoteBook,
        most_characters: int,
        *,
        watch: Watch | None = None,
        refused: bool = False,
    ) -> None:
        self.characters = 0
        self._redactor = redactor
        self._marking: Redactor | None = redactor
        self._quiet = False
        self._book = book
        self._most_characters = most_characters
        self._watch = watch
        self._refused = refused
        self._trail: list[str | int] = []
        self._open: set[int] = set()
        self._members_left = MOST_MEMBERS
        self._digits = 0

    def value(self, value: Any) -> Any:
        """The tree. Raises ForeignCodeAhead, and what a deep stack or a lack of memory raises."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        try:
            way = _way_of(kind)  # type: ignore[arg-type]
        except TypeError:  # a metaclass that refuses to be hashed
            way = _way_of.__wrapped__(kind)
        return way(self, value)

    def _note(self, what: str) -> None:
        if not self._quiet:
            self._book.add(self._trail, what)

    # Texts, numbers and other leaves

    def _text(self, text: str) -> str:
        length = len(text)
        if length > self._most_characters:
            self._note(cut_note(length, KEPT_OF_HUGE))
            kept = cut_middle(text, KEPT_OF_HUGE, self._marking)
        else:
            kept = storable(text)
            if kept != text:
                self._note("characters that cannot be stored, replaced")
            if self._marking is not None:
                kept = self._marking.text(kept)
        self.characters += len(kept)
        return kept

    def _subtext(self, text: str) -> str:
        return self._text(str.__str__(text))

    def _number(self, number: Any) -> Any:
        """A number that is short as JSON and long when written out is told as text when there are many of them."""
        self.characters += 8
        if type(number) is float and number and not 1e-21 < abs(number) < 1e21:
            self._digits += 330
        elif type(number) is Decimal and (digits := kinds.digits_of(number)) > _MANY_DIGITS:
            self._digits += digits
            self.characters += len(number.as_tuple().digits)
        if self._digits > _MOST_DIGITS and type(number) is not int:
            self._note("number as text, there are too many with so many digits")
            return str(number)
        return number

    def _representation(self, value: Any) -> str:
        kind = type(value)
        name = name_of(kind)
        text: str | None
        if kinds.has_candid_representation(kind):
            text = repr(value)
        else:
            text = self._ask(kind, lambda: str.__str__(repr(value)))
        if text is None:
            self._note(f"{name} without representation")
            return self._text(f"<{name} object without representation>")
        self._note(f"{name} as its representation")
        if len(text) > LONGEST_REPRESENTATION:
            self._note(cut_note(len(text), LONGEST_REPRESENTATION))
            text = cut_middle(text, LONGEST_REPRESENTATION, self._marking)
        return self._text(text)

    def _bytes(self, value: Any) -> str:
        text, *notes = binary_text(value, self._most_characters)
        for note in notes:
            self._note(note)
        return self._text(text)

    def _memory(self, value: memoryview) -> str:
        try:
            return self._bytes(value)
        except (ValueError, TypeError, NotImplementedError):  # released, or not in one piece
            return self._representation(value)

    def _error(self, error: BaseException) -> Any:
        kind = type(error)
        if kinds.has_candid_message(error):
            message: str | None = str(error)
        else:
            message = self._ask(kind, lambda: str.__str__(str(error)))
        if message is None:
            self._note(f"{name_of(kind)} without message")
            message = f"<{name_of(kind)} object without message>"
        return {"type": self._text(name_of(kind)), "message": self._text(message)}

    # Containers

    def _within(self, container: Any, convert: Callable[[], Any]) -> Any:
        identity = id(container)
        if identity in self._open:
            self._note("circular reference")
            return "<circular reference>"
        if len(self._open) >= DEEPEST:
            self._note(f"cut: nested deeper than {DEEPEST} levels")
            return f"<{name_of(type(container))} nested deeper than {DEEPEST} levels>"
        self._open.add(identity)
        made = convert()
        self._open.discard(identity)
        return made

    def _dict(self, value: dict[Any, Any]) -> Any:
        return self._within(value, lambda: self._object(pairs_of(value, self._members_left), dict.__len__(value)))

    def _object(self, pairs: Iterable[tuple[Any, Any]], length: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        again: dict[str, int] = {}
        for key, item in pairs:
            if self._members_left <= 0:
                break
            self._members_left -= 1
            asked, name = self._name(key)
            if name in made:
                name = _another(name, made, again)
                self._book_name(name, "the name of another member too")
            self._trail.append(name)
            made[name] = self._member(asked, name, item)
            self._trail.pop()
        if len(made) < length:
            self._note(cut_note(length, len(made), "members"))
        return made

    def _name(self, key: Any) -> tuple[str, str]:
        """The name as it was told, and as it may be stored."""
        asked = key if type(key) is str else self._name_of_other(key)
        if len(asked) > LONGEST_NAME:
            name = cut_middle(asked, LONGEST_NAME // 2, self._marking)
            self._book_name(name, cut_note(len(asked), LONGEST_NAME // 2))
            asked = name
        else:
            name = clean(asked, self._marking)
        self.characters += len(name)
        return asked, name

    def _name_of_other(self, key: Any) -> str:
        kind = type(key)
        if issubclass(kind, str) and not issubclass(kind, Enum):
            return str.__str__(key)
        if kind is int and kinds.LOWEST_INTEGER <= key <= kinds.HIGHEST_INTEGER:
            name = str(key)
        else:
            quiet, self._quiet = self._quiet, True
            told = self.value(key)
            self._quiet = quiet
            name = told if isinstance(told, str) else _encode(told).decode()
        self._book_name(clean(name, self._marking)[:LONGEST_NAME], f"name was {name_of(kind)}")
        return name

    def _unmarked(self, value: Any) -> Any:
        """The value as JSON before anything in it is marked. Of a secret nothing is told, so nothing is noted."""
        before = self._marking, self._quiet
        self._marking, self._quiet = None, True
        told = self.value(value)
        self._marking, self._quiet = before
        return told

    def _book_name(self, name: str, what: str) -> None:
        self._trail.append(name)
        self._note(what)
        self._trail.pop()

    def _member(self, asked: str, name: str, item: Any) -> Any:
        if self._marking is not None and (names_a_secret(name) or (asked != name and names_a_secret(asked))):
            mark = self._mark(asked, name, item)
            if mark is not None:
                self.characters += len(mark)
                return mark
        return self.value(item)

    def _mark(self, asked: str, name: str, item: Any) -> str | None:
        """The mark of a secret: of the JSON that would stand there, as the server would make it of the same value."""
        before = self.characters
        told = self._unmarked(item)
        weight, self.characters = self.characters - before, before
        if weight > self._most_characters:
            return self._redactor.mark(f"{weight} characters")
        exact = _decode_exact(_encode(told))
        for each in (asked, name):
            secret, mark = self._redactor.under(each, exact)
            if secret:
                return str(mark)
        return None

    def _sequence(self, value: Any, kind: type) -> Any:
        """A list, a tuple or a deque, or of a class made of one."""
        return self._within(value, lambda: self._list(items_of(value, kind, self._members_left), kind.__len__(value)))  # type: ignore[attr-defined]

    def _list(self, items: Iterable[Any], length: int) -> list[Any]:
        made: list[Any] = []
        for position, item in enumerate(items):
            if self._members_left <= 0:
                break
            self._members_left -= 1
            self.characters += 1
            self._trail.append(position)
            made.append(self.value(item))
            self._trail.pop()
        if len(made) < length:
            self._note(cut_note(length, len(made), "members"))
        return made

    def _set(self, value: Any, kind: type) -> Any:
        self._note(f"{kind.__name__} as sorted list")
        items = items_of(value, kind, self._members_left)
        made = self._within(value, lambda: self._list(items, kind.__len__(value)))  # type: ignore[attr-defined]
        return sorted(made, key=_encode) if isinstance(made, list) else made

    def _fields(self, value: Any, names: tuple[str, ...]) -> Any:
        def convert() -> Any:
            fields = kinds.stored_fields(value, names)
            return self._object(fields, len(fields))

        return self._within(value, convert)

    # Objects that must be asked

    def _ask(self, kind: type, code: Callable[[], T]) -> T | None:
        """What foreign code answers, None when it fails or must not be run."""
        if self._refused or is_hanging(kind):
            return None
        if self._watch is None:
            raise ForeignCodeAhead
        if self._watch.abandoned:
            raise TimeoutError
        self._watch.running = kind
        try:
            return code()
        except BaseException:  # in a thread of its own: nobody else waits for it
            return None
        finally:
            self._watch.running = object

    def _model(self, value: Any) -> Any:
        dumped = self._ask(type(value), lambda: value.model_dump())
        if not isinstance(dumped, dict):
            return self._representation(value)
        return self._within(value, lambda: self._object(pairs_of(dumped, self._members_left), len(dumped)))

    def _mapping(self, value: Any) -> Any:
        def read() -> list[tuple[Any, Any]]:
            return [(key, item) for key, item in islice(value.items(), MOST_MEMBERS + 1)]

        pairs = self._ask(type(value), read)
        if pairs is None:
            return self._representation(value)
        return self._within(value, lambda: self._object(pairs, len(pairs)))

    def _numeric(self, value: Any, read: Callable[[Any], Any]) -> Any:
        number = self._ask(type(value), lambda: read(value))
        if not isinstance(number, int | float):
            return self._representation(value)
        self._note(f"{name_of(type(value))} as number")
        return self.value(number)

    def _timed(self, value: datetime | time, convert: Callable[[Any], kinds.Leaf]) -> Any:
        told = convert(value) if kinds.has_known_zone(value) else self._ask(type(value), lambda: convert(value))
        return self._representation(value) if told is None else self._leaf(told)

    def _path(self, value: PurePath) -> str:
        kind = type(value)
        text = str(value) if kinds.is_plain_path(kind) else self._ask(kind, lambda: str.__str__(str(value)))
        return self._representation(value) if text is None else self._text(text)

    def _leaf(self, leaf: kinds.Leaf) -> Any:
        told, note = leaf
        if note is not None:
            self._note(note)
        return self._text(told) if type(told) is str else self._number(told)


Way = Callable[[Conversion, Any], Any]


@lru_cache(maxsize=1024)
def _way_of(kind: type) -> Way:
    """How objects of this class are converted. Only classes are looked at, never an object."""
    if issubclass(kind, Enum):
        return lambda walk, value: walk.value(kinds.enum_value(value))
    for base, convert in kinds.LEAVES:
        if issubclass(kind, base):
            if base is datetime or base is time:
                return lambda walk, value, convert=convert: walk._timed(value, convert)  # type: ignore[misc]
            return lambda walk, value, convert=convert: walk._leaf(convert(value))  # type: ignore[misc]
    for base, way in _BUILT_IN:
        if issubclass(kind, base):
            return way
    names = kinds.field_names(kind)
    if names is not None:
        return lambda walk, value: walk._fields(value, names)
    if attribute_of(kind, "model_dump") is not NOT_A_FIELD:
        return Conversion._model
    if kinds.is_mapping(kind):
        return Conversion._mapping
    if attribute_of(kind, "__index__") is not NOT_A_FIELD:
        return lambda walk, value: walk._numeric(value, operator.index)
    if kinds.is_real(kind):
        return lambda walk, value: walk._numeric(value, float)
    return Conversion._representation


def _tuple(walk: Conversion, value: tuple[Any, ...]) -> Any:
    names = attribute_of(type(value), "_fields")
    if type(names) is tuple and len(names) == tuple.__len__(value) and all(type(name) is str for name in names):
        pairs = list(zip(names, tuple.__iter__(value), strict=True))
        return walk._within(value, lambda: walk._object(pairs, len(pairs)))
    return walk._sequence(value, tuple)


def _class(walk: Conversion, value: type) -> str:
    walk._note("class as its name")
    return walk._text(f"<class {name_of(value)}>")


_BUILT_IN: Final[tuple[tuple[type, Way], ...]] = (
    (str, Conversion._subtext),
    (dict, Conversion._dict),
    (list, lambda walk, value: walk._sequence(value, list)),
    (tuple, _tuple),
    (set, lambda walk, value: walk._set(value, set)),
    (frozenset, lambda walk, value: walk._set(value, frozenset)),
    (deque, lambda walk, value: walk._sequence(value, deque)),
    (bytes, Conversion._bytes),
    (bytearray, Conversion._bytes),
    (memoryview, Conversion._memory),
    (BaseException, Conversion._error),
    (PurePath, Conversion._path),
    (type, _class),
)


def _another(name: str, made: dict[str, Any], again: dict[str, int]) -> str:
    """A name that is not taken yet: NAME (2), NAME (3), ..."""
    while True:
        again[name] = again.get(name, 1) + 1
        another = f"{name} ({again[name]})"
        if another not in made:
            return another
