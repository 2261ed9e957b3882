"""Times without an offset in old files, as Python's isoformat() writes them. Decides which zone they are in: the one
that the operator names, and none without him."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw

from attempts.records import AttemptDocument, Step
from attempts.validation import kinds_of

TIMES: Final = kinds_of(AttemptDocument).times
STEP_TIMES: Final = kinds_of(Step).times

_as_object: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_as_steps: Final = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_as_time: Final = msgspec.json.Decoder(datetime).decode


def put_in_zone(source: bytes, zone: ZoneInfo) -> bytes | None:
    """The document with its times that lack an offset in this zone; None when none does, or this is no document.

    Of an hour that happens twice when clocks are put back, the first is meant (fold=0); a time that is left out when
    they are put forward is read with the offset before.
    """
    try:
        source.decode()
        told = _as_object(source)
        changed = _put(told, TIMES, zone)
        if bytes(told.get("logs", b"")).startswith(b"["):
            steps = _as_steps(told["logs"])
            if [True for step in steps if _put(step, STEP_TIMES, zone)]:
                told["logs"] = Raw(msgspec.json.encode(steps))
                changed = True
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return msgspec.json.encode(told) if changed else None


def _put(told: dict[str, Raw], names: tuple[str, ...], zone: ZoneInfo) -> bool:
    changed = False
    for name in names:
        if name not in told:
            continue
        try:
            time = _as_time(told[name])
        except msgspec.DecodeError:  # null, or no time: decoding the document says so
            continue
        if time.tzinfo is None:
            told[name] = Raw(msgspec.json.encode(time.replace(tzinfo=zone)))
            changed = True
    return changed
