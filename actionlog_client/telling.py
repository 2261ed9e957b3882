"""Puts together what one call tells: facts as JSON members, and notes of what could not be told as it was given.

Nothing that a caller passes makes it raise: what a field cannot hold is kept in extra, as text, with the field's name.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.notes import name_of_note

_encode: Final = msgspec.json.Encoder().encode


class Telling:
    """Collects the members of one facts object and of its extra. For one call; not shared between threads."""

    __slots__ = ("_encoder", "_extra", "_members", "_prefix")

    def __init__(self, encoder: PayloadEncoder, constant: bytes = b"", prefix: str = "") -> None:
        """constant: members that are JSON already. prefix: where these members stand in the document."""
        self._encoder = encoder
        self._prefix = prefix
        self._members = [constant] if constant else []
        self._extra: dict[str, Any] = {}

    def facts(self) -> bytes:
        return b"{%b}" % b",".join(self._members)

    def extra(self) -> bytes:
        return _encode(self._extra) if self._extra else b"{}"

    def ready(self, members: bytes) -> None:
        """Members that are JSON already."""
        self._members.append(members)

    def note(self, name: str, value: Any) -> None:
        """Tell something in extra; value is plain JSON."""
        self._extra[name] = value

    def json(self, name: str, value: Any) -> None:
        """Any object; None tells nothing."""
        if value is not None:
            encoded = self._encoder.json(value, self._prefix + name)
            self._converted(encoded.notes)
            self._add(name, encoded.json)

    def object(self, name: str, value: Any) -> None:
        """Something that must be a JSON object."""
        encoded = self._encoder.object(value, self._prefix + name)
        self._converted(encoded.notes)
        self._add(name, encoded.json)

    def text(self, name: str, value: Any) -> None:
        """Free text; None tells nothing."""
        if value is not None:
            brief = self._encoder.brief(value)
            self._add(name, _encode(self._noted(name, self._encoder.text(value))) if brief is None else brief)

    def short(self, name: str, value: Any) -> None:
        """Text of up to 255 characters; None tells nothing."""
        if value is not None:
            brief = self._encoder.brief(value)
            self._add(name, _encode(self.shortened(name, value)) if brief is None else brief)

    def shortened(self, name: str, value: Any) -> str:
        """The text as the server takes it, its conversion noted."""
        return self._noted(name, self._encoder.short(value))

    def identity(self, name: str, value: Any) -> str:
        """What a record is found by, as the server takes it, its conversion noted."""
        return self._noted(name, self._encoder.identity(value))

    def time(self, name: str, moment: datetime) -> None:
        """A time with its offset. It goes first: delivery/documents.py tells facts apart by how they begin."""
        self._members.insert(0, b'"%b":"%b"' % (name.encode(), moment.isoformat().encode()))

    def fraction(self, name: str, value: Any) -> None:
        """A number from 0 to 1; None tells nothing."""
        self._number(name, value, most=1.0)

    def seconds(self, name: str, value: Any) -> None:
        """A number from 0 on; None tells nothing."""
        self._number(name, value, most=1e300)

    def truth(self, name: str, value: Any) -> None:
        """Yes or no; None tells nothing."""
        if isinstance(value, bool):
            self._add(name, b"true" if value else b"false")
        elif value is not None:
            self._unusable(name, value)

    def uuid(self, name: str, value: Any) -> None:
        """A UUID or its text; None tells nothing."""
        if value is None:
            return
        try:
            told = value if isinstance(value, UUID) else UUID(value)
        except Exception:
            self._unusable(name, value)
        else:
            self._add(name, b'"%b"' % str(told).encode())

    def choice(self, name: str, value: Any, choices: tuple[str, ...]) -> None:
        """One of a few words; None tells nothing."""
        if isinstance(value, str) and value in choices:
            self._add(name, b'"%b"' % value.encode())
        elif value is not None:
            self._unusable(name, value)

    def _noted(self, name: str, told: tuple[str, str | None]) -> str:
        text, note = told
        if note:
            self._converted({self._prefix + name: note})
        return text

    def _number(self, name: str, value: Any, most: float) -> None:
        if value is None:
            return
        try:
            number = float(value)
        except Exception:
            number = math.nan
        if 0 <= number <= most:
            self._add(name, _encode(number + 0.0))
        else:
            self._unusable(name, value)

    def _add(self, name: str, json: bytes) -> None:
        self._members.append(b'"%b":%b' % (name.encode(), json))

    def _converted(self, notes: Mapping[str, str]) -> None:
        for path, note in notes.items():
            self._extra[name_of_note(path)] = note

    def _unusable(self, name: str, value: Any) -> None:
        """A value that the field cannot hold is kept beside it, the beginning of it when it is long."""
        plain = isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 2**53)
        self._extra[f"unusable {name}"] = value if plain else self._encoder.short(value)[0]
