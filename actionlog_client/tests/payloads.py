"""Nasty objects for tests, and the server's own look at what they become."""

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from actionlog_client.payload.encoder import Encoded, PayloadEncoder
from actionlog_client.telling import Telling
from attempts.canonical import same_json
from attempts.decoding import ATTEMPT_DECODER, decode_document
from attempts.redaction import redactor
from attempts.validation import check_attempt, suspicion_of

ATTEMPT_ID = "0190b8a0-0000-7000-8000-000000000001"


def encoder(**settings: int) -> PayloadEncoder:
    """One that marks as the server of these tests does."""
    return PayloadEncoder(redactor(), **settings)


def telling() -> Telling:
    """For one call of a logger that has this encoder."""
    return Telling(encoder())


def as_stored(parameters: bytes = b"{}", result: bytes = b"null", **texts: str) -> dict[str, Any]:
    """The fields as the server stores them, decoded, by the way of any request. Raises the server's Fault."""
    source = msgspec.json.encode(
        {
            "attempt_id": ATTEMPT_ID,
            "action_id": "a",
            "action_type": "t",
            "incident_id": "i",
            "parameters": Raw(parameters),
            "result": Raw(result),
            "extra": {},
            **texts,
        }
    )
    document, warnings = decode_document(source, ATTEMPT_DECODER, "")
    assert not warnings
    check_attempt(document, suspicion_of(source, [document]))
    return {
        name: bytes(value) if isinstance(value, Raw) else value
        for name, value in msgspec.structs.asdict(document).items()
    }


def stored_unchanged(encoded: Encoded) -> Any:
    """The decoded value, when the server stores it and finds nothing to change in it."""
    stored = as_stored(result=encoded.json)["result"]
    if encoded.json != b"null":
        assert same_json(stored, encoded.json)
    return msgspec.json.decode(encoded.json)


class Raising:
    """Every way to look at it raises."""

    def _no(self, *_: object) -> NoReturn:
        raise RuntimeError("look away")

    __repr__ = __str__ = __getattr__ = __len__ = __iter__ = __eq__ = __bool__ = __hash__ = _no


class Exiting:
    def __repr__(self) -> str:
        raise SystemExit(1)


class Recursing:
    def __repr__(self) -> str:
        return f"<{self!r}>"

    def __getattr__(self, name: str) -> Any:
        return getattr(self, name + "_")


class Locked:
    """Its representation waits for a lock that someone holds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def __repr__(self) -> str:
        with self.lock:
            return "Locked()"


class Endless(Mapping[str, int]):
    """A mapping that goes on for ever and lies about its length."""

    def __getitem__(self, name: str) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number := number + 1)

    def __len__(self) -> int:
        return 2


class Deep(Mapping[str, object]):
    """Each member is another one of these."""

    def __getitem__(self, name: str) -> object:
        return Deep()

    def __iter__(self) -> Iterator[str]:
        return iter(("a", "b"))

    def __len__(self) -> int:
        return 2


class Liar(str):
    """A text that says it is another."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError

    def lower(self) -> NoReturn:
        raise RuntimeError


class Unhashable(type):
    __hash__ = None  # type: ignore[assignment]


class OfUnhashable(metaclass=Unhashable):
    pass


class Masked:
    """Says it is of another class, in vain."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError


class Model:
    """In the manner of pydantic."""

    def __init__(self, /, **fields: object) -> None:
        self._fields = fields

    def model_dump(self) -> dict[str, object]:
        return self._fields


@dataclasses.dataclass(unsafe_hash=True)
class Pool:
    name: str
    size: object
    password: str = "hunter2"

    @property
    def busy(self) -> NoReturn:
        raise RuntimeError


class Shown:
    def __repr__(self) -> str:
        return "Shown(1)"
