"""Every message of ws/live-feed/, typed. The rows inside are those of details.py."""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from attempts.decoding import decode_json
from attempts.validation import Fault
from resolutions.feed.queries import Change, Frame


class Filters(Struct, forbid_unknown_fields=True, frozen=True):
    """Which rows a follower wants: those whose present state has all these values. Null wants any value.

    A row that has no such field is not wanted: a filter on action_type leaves out resolution attempts. The status
    "abandoned" is that of a row whose engine went silent before it told an outcome.
    """

    incident_id: str | None = None
    incident_type: str | None = None
    environment: str | None = None
    engine: str | None = None
    action_type: str | None = None
    status: str | None = None

    def want(self, change: Change) -> bool:
        return all(
            wanted is None or change.facets.get(name) == wanted
            for name, wanted in zip(self.__struct_fields__, msgspec.structs.astuple(self), strict=True)
        )


ALL: Final = Filters()


class Subscribe(Struct, forbid_unknown_fields=True, tag_field="type", tag="subscribe"):
    """From the client: begin, or begin anew, above this cursor (absent or null: from the head)."""

    after: int | str | None = None
    filters: Filters = ALL


class Changes(Struct, tag_field="type", tag="changes"):
    """Rows that changed, in their present state. A client that has taken them may come back with this cursor."""

    cursor: int
    attempts: list[Raw]
    resolutions: list[Raw]


class Reset(Struct, tag_field="type", tag="reset"):
    """The client's cursor is not known: fetch a fresh page. What changes from this cursor on follows by itself."""

    cursor: int


class Heartbeat(Struct, tag_field="type", tag="heartbeat"):
    """The connection is alive, and all up to this cursor was sent."""

    cursor: int


class ErrorDetail(Struct):
    code: str
    message: str
    field: str | None
    path: str | None


class Error(Struct, tag_field="type", tag="error"):
    """What the client sent could not be taken; nothing changed. The shape is that of every error (access.errors)."""

    error: ErrorDetail


ServerMessage = Changes | Reset | Heartbeat | Error

_subscribe: Final = msgspec.json.Decoder(Subscribe)


def decode_subscribe(source: bytes) -> Subscribe:
    """Raises attempts.validation.Fault, which names the field."""
    return decode_json(source, _subscribe, "")


def error_of(fault: Fault) -> Error:
    return Error(ErrorDetail(fault.code, fault.message, fault.field, fault.path or None))


def changes_message(frame: Frame, filters: Filters = ALL) -> Changes:
    """The frame as its message, with the rows that are wanted."""
    return Changes(
        frame.cursor,
        [change.document for change in frame.attempts if filters.want(change)],
        [change.document for change in frame.resolutions if filters.want(change)],
    )


def encode(message: ServerMessage) -> str:
    """As text, because that is what a browser parses."""
    return msgspec.json.encode(message).decode()
