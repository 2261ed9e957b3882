"""Where a logger's entries go: into a local journal, and from there to the server and into files.

Made for the life of a process: threads begin with the first entry, start anew in a forked child, and end at exit.
"""

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from actionlog_client.clock import Clock
from actionlog_client.delivery.requests import Heartbeat
from actionlog_client.journal.entries import EMPTY_LIST, EMPTY_OBJECT, Kind, Weight
from actionlog_client.payload import PayloadEncoder
from actionlog_client.settings import Settings

logger = logging.getLogger("actionlog")

# What an engine that ends may spend on what it has not delivered yet. The rest stays in its journal.
EXIT_SECONDS = 3.0


class Recorder(Protocol):
    """What ActionLogger needs of the place where its entries go."""

    @property
    def encoder(self) -> PayloadEncoder: ...

    def tell_who_is_alive(self, heartbeats: Callable[[], Sequence[Heartbeat]]) -> None:
        """heartbeats gives what is open; it is asked now and then."""

    def append(
        self,
        kind: Kind,
        record_id: str,
        identity: bytes,
        status: str | None,
        *,
        facts: bytes = EMPTY_OBJECT,
        steps: bytes = EMPTY_LIST,
        extra: bytes = EMPTY_OBJECT,
        weight: Weight,
    ) -> int:
        """As Journal.append."""

    def statistics(self, days_back: int) -> dict[str, Any]: ...

    def attempts_by_incident(self, incident_id: str) -> list[dict[str, Any]]: ...

    def flush(self, timeout: float | None) -> bool: ...

    def close(self, timeout: float | None) -> bool: ...


class LocalRecorder:
    """Not finished."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        raise NotImplementedError
