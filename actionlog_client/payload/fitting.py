"""Makes a tree of JSON values weigh no more than it may: long texts are cut first, then long lists and objects."""

from itertools import islice
from typing import Any, Final

import msgspec

from actionlog_client.payload.notes import NoteBook
from actionlog_client.payload.texts import cut_middle, cut_note
from actionlog_client.redaction import Redactor

encode: Final = msgspec.json.Encoder(decimal_format="number").encode

# How long texts and how large containers stay, from one try to the next. Each try looks at each member once.
_TRIES: Final[tuple[tuple[int, int | None], ...]] = (
    (65_536, None), (16_384, None), (4096, None), (1024, None),
    (1024, 1000), (1024, 100), (256, 10), (64, 3),
)  # fmt: skip


def fit(tree: Any, characters: int, most_bytes: int, book: NoteBook, redactor: Redactor) -> bytes:
    """The tree as JSON of at most most_bytes; characters is about what it weighs. What is cut is noted."""
    if characters <= most_bytes:
        json = encode(tree)
        if len(json) <= most_bytes:
            return json
    for longest, most_members in _TRIES:
        smaller = _Smaller(longest, most_members, redactor)
        cut = smaller.of(tree)
        if smaller.characters <= most_bytes:
            json = encode(cut)
            if len(json) <= most_bytes:
                for trail, what in smaller.cuts:
                    book.add(trail, what)
                return json
    book.add((), "cut: everything, it is too large")
    return b"{}"


class _Smaller:
    """One try: a smaller copy of a tree, what about it weighs, and what was cut."""

    def __init__(self, longest: int, most_members: int | None, redactor: Redactor) -> None:
        self.characters = 0
        self.cuts: list[tuple[list[str | int], str]] = []
        self._longest = longest
        self._most_members = most_members
        self._redactor = redactor
        self._trail: list[str | int] = []

    def of(self, tree: Any) -> Any:
        if type(tree) is str:
            return self._text(tree)
        if type(tree) is dict:
            self._cut_note(len(tree))
            return {name: self._member(name, item) for name, item in islice(tree.items(), self._most_members)}
        if type(tree) is list:
            self._cut_note(len(tree))
            return [self._member(position, item) for position, item in enumerate(islice(tree, self._most_members))]
        self.characters += 8
        return tree

    def _member(self, place: str | int, item: Any) -> Any:
        self.characters += 4 + (len(place) if isinstance(place, str) else 0)
        self._trail.append(place)
        made = self.of(item)
        self._trail.pop()
        return made

    def _text(self, text: str) -> str:
        if len(text) > self._longest:
            self.cuts.append((list(self._trail), cut_note(len(text), self._longest)))
            text = cut_middle(text, self._longest, self._redactor)
        self.characters += len(text)
        return text

    def _cut_note(self, members: int) -> None:
        if self._most_members is not None and members > self._most_members:
            self.cuts.append((list(self._trail), cut_note(members, self._most_members, "members")))
