"""A verdict as it is sent: decoded, checked, and its note cleaned as every text that reaches the disk."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from access.errors import ApiError
from attempts.decoding import decode_json
from attempts.records import Time, VerdictValue
from attempts.validation import Fault, check_fields, suspicion_of
from resolutions.decoding import as_api_error, check_text

MAX_NOTE: Final = 4000
# A clock of somebody else may be ahead of ours by so much.
SKEW: Final = timedelta(minutes=5)

Source = Literal["check", "human", "alert"]
SOURCES: Final[tuple[Source, ...]] = ("check", "human", "alert")


class VerdictDocument(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A verdict on one attempt or resolution attempt. unknown takes an earlier verdict back.

    verdict_id is made by the client, so that sending again is safe. source: human for a signed-in user and check for
    a key, where it is not told. given_at: now, where it is not told; the latest verdict counts.
    """

    verdict: VerdictValue
    verdict_id: UUID | None = None
    source: Source | None = None
    given_at: Time | None = None
    note: Annotated[str, Meta(max_length=MAX_NOTE)] | None = None


_DECODER: Final = msgspec.json.Decoder(VerdictDocument)
_UNKNOWN: Final = "unknown field `"


def decode_verdict(body: bytes, *, now: datetime) -> VerdictDocument:
    """The verdict in the body of a request. Raises ApiError."""
    check_text(body)
    try:
        return checked(decode_json(body, _DECODER, ""), body, now=now)
    except Fault as fault:
        if _UNKNOWN in fault.message:
            name = fault.message.partition(_UNKNOWN)[2].partition("`")[0]
            raise ApiError(400, "A verdict has no such field.", field=name, path=name) from fault
        raise as_api_error(fault) from fault


def checked(document: VerdictDocument, source: bytes, *, now: datetime) -> VerdictDocument:
    """The document, checked and cleaned in place. source holds its texts as they were sent. Raises Fault."""
    check_fields(document, suspicion_of(source, [document]))
    if document.note is not None and len(document.note) > MAX_NOTE:
        raise Fault(f"Longer than {MAX_NOTE} characters once the secrets in it are marked.", path="note")
    if document.given_at is not None and document.given_at > now + SKEW:
        raise Fault("A verdict cannot be given in the future.", path="given_at")
    return document
