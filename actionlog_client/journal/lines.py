"""How an entry stands in a segment: one line, sealed with a checksum. Which file it is in is not its matter."""

from typing import Final
from zlib import crc32

import msgspec

from actionlog_client.journal.entries import Entry, Kind

_LINE: Final = b"%08x %b\n"
_SEAL_LENGTH: Final = 9
_DECODER: Final = msgspec.json.Decoder(Entry)


def sealed(json: bytes) -> bytes:
    """The line that holds this JSON: its CRC-32 as 8 hexadecimal digits, a space, itself, a newline."""
    if b"\n" in json:  # only ever white space: within a JSON string it is escaped
        json = json.replace(b"\n", b" ")
    return _LINE % (crc32(json), json)


def entry_line(
    number: int,
    kind: Kind,
    record_id: str,
    identity: bytes,
    status: str | None,
    facts: bytes,
    steps: bytes,
    extra: bytes,
) -> bytes:
    """The line of an entry, as entry_of() reads it. Every part is JSON already; ids and statuses are plain."""
    json = b'[%d,"%b","%b",%b,%b,%b,%b,%b]' % (
        number,
        kind.encode(),
        record_id.encode(),
        identity,
        b"null" if status is None else b'"%b"' % status.encode(),
        facts,
        steps,
        extra,
    )
    # As in sealed(): a call more would be felt, so often as this is done.
    return _LINE % (crc32(json), json) if b"\n" not in json else sealed(json)


def opened(line: bytes) -> bytes | None:
    """The JSON within a line that comes without its newline; None when the line is not as it was written."""
    json = line[_SEAL_LENGTH:]
    return json if line.startswith(b"%08x " % crc32(json)) else None


def entry_of(line: bytes) -> Entry | None:
    """The entry in a line that comes without its newline; None when the line is damaged."""
    json = opened(line)
    if json is None:
        return None
    try:
        return _DECODER.decode(json)
    except msgspec.MsgspecError:
        return None
