"""Which addresses the write door answers, and how the body of each becomes submissions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from access.keys import Key
from attempts.submissions import Submission
from resolutions.decoding import (
    Kind,
    decode_completion,
    decode_ingest,
    decode_single,
    decode_steps,
    heartbeat,
)

Decode = Callable[[bytes, Key | None], list[Submission[Any]]]

_UUID: Final = r"(?P<id>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})"
_RECORD: Final = re.compile(
    rf"/api/(?P<plural>action-attempts|resolution-attempts)/{_UUID}/(?P<verb>logs|complete|heartbeat)"
)
_KINDS: Final[dict[str, Kind]] = {"action-attempts": "action_attempt", "resolution-attempts": "resolution_attempt"}


@dataclass(frozen=True, slots=True)
class Route:
    """What one address takes. also_read: other methods on it are Django's."""

    decode: Decode
    batch: bool = False
    also_read: bool = False


def _single(kind: Kind) -> Decode:
    return lambda body, key: [decode_single(kind, body, key)]


_FIXED: Final = {
    "/api/ingest": Route(decode_ingest, batch=True),
    "/api/action-attempts": Route(_single("action_attempt"), also_read=True),
    "/api/resolution-attempts": Route(_single("resolution_attempt"), also_read=True),
}


def find_route(path: str) -> Route | None:
    """The route of an address, with or without its trailing slash; None when Django answers it."""
    path = path.removesuffix("/")
    if route := _FIXED.get(path):
        return route
    found = _RECORD.fullmatch(path)
    if found is None:
        return None
    kind, record_id, verb = _KINDS[found["plural"]], UUID(found["id"]), found["verb"]
    if verb == "logs":
        if kind != "action_attempt":
            return None
        return Route(lambda body, key: [decode_steps(record_id, body, key)])
    if verb == "complete":
        return Route(lambda body, key: [decode_completion(kind, record_id, body, key)])
    return Route(lambda body, key: [heartbeat(kind, record_id, body, key)])
