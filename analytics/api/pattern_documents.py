"""What operators send about failure patterns: decoded and checked."""

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from access.errors import ApiError
from attempts.decoding import decode_json
from attempts.validation import Fault

MAX_NOTE: Final = 2000
_UNKNOWN: Final = "unknown field `"

Note = Annotated[str, Meta(max_length=MAX_NOTE)]


class DecisionDocument(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A decision on a pattern; the note is kept in its history."""

    note: Note = ""


class MergeDocument(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The patterns that become part of another."""

    patterns: Annotated[list[UUID], Meta(min_length=1, max_length=100)]
    note: Note = ""


class SplitDocument(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The fingerprints that become a pattern of their own."""

    fingerprints: Annotated[list[UUID], Meta(min_length=1, max_length=10_000)]
    note: Note = ""


Document = TypeVar("Document", bound=Struct)
_DECODERS: Final[dict[type[Struct], Any]] = {
    type_: msgspec.json.Decoder(type_) for type_ in (DecisionDocument, MergeDocument, SplitDocument)
}


def decode(body: bytes, type_: type[Document]) -> Document:
    """The document in the body of a request; an empty body is an empty object. Raises ApiError 400."""
    try:
        body.decode()
        document: Document = decode_json(body or b"{}", _DECODERS[type_], "")
    except UnicodeDecodeError:
        raise ApiError(400, "The request is not UTF-8.") from None
    except Fault as fault:
        if _UNKNOWN in fault.message:
            name = fault.message.partition(_UNKNOWN)[2].partition("`")[0]
            raise ApiError(400, "There is no such field here.", field=name, path=name) from fault
        path = fault.path or None
        raise ApiError(400, fault.message, field=path.partition("[")[0] if path else None, path=path) from fault
    return document
