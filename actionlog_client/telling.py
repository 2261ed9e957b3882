"""Puts together what one call tells: facts as JSON members, and notes of what could not be told as it was given.

Nothing that a caller passes makes it raise: what a field cannot hold is kept in extra, as text, with the field's name.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Raw

from actionlog_client.identifiers import new_id
from actionlog_client.journal.entries import EMPTY_OBJECT
from actionlog_client.payload.encoder import PayloadEncoder
from actionlog_client.payload.notes import name_of_note

_encode: Final = msgspec.json.Encoder().encode


def uuid_text(value: Any) -> str | None:
    """A UUID, or the text of one, as text; None for anything else."""
    if type(value) is str:
        try:
            return str(UUID(value))
        except ValueError:
            return None
    return UUID.__str__(value) if issubclass(type(value), UUID) else None


def told_step(
    encoder: PayloadEncoder, number: int, step: Any, status: Any, moment: datetime, details: Any
) -> tuple[bytes, bytes]:
    """One entry of an attempt's log as a list of one, and its extra."""
    brief, how = encoder.brief(step), encoder.brief(status)
    if brief is not None and how is not None:
        # Most need no conversion, and so nothing to collect notes with.
        members: dict[str, Any] = {"sequence": number, "step": brief, "status": how, "timestamp": moment}
        if details is None:
            return _encode((members,)), EMPTY_OBJECT
        plain = encoder.plain(details)
        if plain is not None:
            members["details"] = Raw(plain)
            return _encode((members,)), EMPTY_OBJECT
    telling = Telling(encoder, {"sequence": number, "timestamp": moment}, prefix=f"logs[{number}].")
    telling.text("step", step)
    telling.text("status", status)
    telling.json("details", details)
    return b"[%b]" % telling.facts(), telling.extra()


class Telling:
    """Collects the members of one facts object and of its extra. For one call; not shared between threads."""

    __slots__ = ("_encoder", "_extra", "_members", "_prefix")

    def __init__(self, encoder: PayloadEncoder, members: dict[str, Any] | None = None, prefix: str = "") -> None:
        """members: what is known to be as the server takes it. prefix: where these members stand in the document."""
        self._encoder = encoder
        self._prefix = prefix
        self._members: dict[str, Any] = {} if members is None else members
        self._extra: dict[str, Any] | None = None

    def facts(self) -> bytes:
        return _encode(self._members)

    def extra(self) -> bytes:
        return _encode(self._extra) if self._extra else EMPTY_OBJECT

    def ready(self, members: Mapping[str, Any]) -> None:
        """Members that are known to be as the server takes them."""
        self._members.update(members)

    def note(self, name: str, value: Any) -> None:
        """Tell something in extra; value is plain JSON."""
        if self._extra is None:
            self._extra = {}
        self._extra[name] = value

    def json(self, name: str, value: Any) -> None:
        """Any object; None tells nothing."""
        if value is not None:
            plain = self._encoder.plain(value)
            self._members[name] = Raw(self._looked_at(name, value) if plain is None else plain)

    def object(self, name: str, value: Any) -> None:
        """Something that must be a JSON object."""
        plain = EMPTY_OBJECT if value is None else self._encoder.plain(value)
        self._members[name] = Raw(self._looked_at(name, value, must_be_object=True) if plain is None else plain)

    def text(self, name: str, value: Any) -> None:
        """Free text; None tells nothing."""
        if value is not None:
            brief = self._encoder.brief(value)
            self._members[name] = self._noted(name, self._encoder.text(value)) if brief is None else brief

    def short(self, name: str, value: Any) -> None:
        """Text of up to 255 characters; None tells nothing."""
        if value is not None:
            self._members[name] = self.shortened(name, value)

    def shortened(self, name: str, value: Any) -> str:
        """The text as the server takes it, its conversion noted."""
        brief = self._encoder.brief(value)
        return self._noted(name, self._encoder.short(value)) if brief is None else brief

    def identity(self, name: str, value: Any) -> str:
        """What a record is found by, as the server takes it, its conversion noted."""
        text, note = self._encoder.identity(value)
        if note:
            self._converted({self._prefix + name: note})
        return text

    def time(self, name: str, moment: datetime) -> None:
        """A time with its offset."""
        self._members[name] = moment

    def fraction(self, name: str, value: Any) -> None:
        """A number from 0 to 1; None tells nothing."""
        if value is not None:
            self._number(name, value, most=1.0)

    def seconds(self, name: str, value: Any) -> None:
        """A number from 0 on; None tells nothing."""
        if value is not None:
            self._number(name, value, most=1e300)

    def truth(self, name: str, value: Any) -> None:
        """Yes or no; None tells nothing."""
        if type(value) is bool:
            self._members[name] = value
        elif value is not None:
            self._unusable(name, value)

    def uuid(self, name: str, value: Any) -> None:
        """A UUID or its text; None tells nothing."""
        told = uuid_text(value)
        if told is not None:
            self._members[name] = told
        elif value is not None:
            self._unusable(name, value)

    def record_id(self, name: str, value: Any) -> str:
        """The id of a record as the caller gave it, else a new one."""
        if value is None:
            return new_id()
        told = uuid_text(value)
        if told is None:
            self._unusable(name, value)
        return told or new_id()

    def choice(self, name: str, value: Any, choices: tuple[str, ...]) -> None:
        """One of a few words; None tells nothing."""
        if value is not None and (told := self.chosen(name, value, choices)) is not None:
            self._members[name] = told

    def chosen(self, name: str, value: Any, choices: tuple[str, ...]) -> str | None:
        """The same as a word; None for what is not one of them."""
        if issubclass(type(value), str) and (word := str.__str__(value)) in choices:
            return word
        if value is not None:
            self._unusable(name, value)
        return None

    def list(self, name: str, value: Any) -> None:
        """Something that must be a JSON list: what becomes none is its one member. None tells nothing."""
        if value is None:
            return
        json = self._looked_at(name, value)
        self._members[name] = Raw(json if json.startswith(b"[") else b"[%b]" % json)

    def _looked_at(self, name: str, value: Any, *, must_be_object: bool = False) -> bytes:
        """Any object as JSON, its conversion noted."""
        encoded = self._encoder.looked_at(value, self._prefix + name, must_be_object=must_be_object)
        self._converted(encoded.notes)
        return encoded.json

    def _noted(self, name: str, told: tuple[str, str | None]) -> str:
        text, note = told
        if note:
            self._converted({self._prefix + name: note})
        return text

    def _number(self, name: str, value: Any, most: float) -> None:
        number = value if type(value) is float else self._as_float(value)
        if 0 <= number <= most:
            self._members[name] = number + 0.0
        else:
            self._unusable(name, value)

    def _as_float(self, value: Any) -> float:
        """NaN for what is no number. What is of another class is read as any payload is: its own code may hang."""
        try:
            if type(value) not in (int, str, Decimal):
                value = msgspec.json.decode(self._encoder.json(value, "").json)
            return float(value)
        except Exception:
            return math.nan

    def _converted(self, notes: Mapping[str, str]) -> None:
        for path, note in notes.items():
            self.note(name_of_note(path), note)

    def _unusable(self, name: str, value: Any) -> None:
        """A value that the field cannot hold is kept beside it, the beginning of it when it is long."""
        plain = type(value) is bool or (type(value) in (int, float) and abs(value) < 2**53)
        self.note(f"unusable {name}", value if plain else self._encoder.short(value)[0])
