"""The API keys that this process has seen lately, so that a request costs no query to be let in.

That a key was revoked since is found in the recording transaction itself, which looks at its row.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.db import connections

from access.authentication import active_key, credentials_from_headers
from access.errors import unauthorized
from access.keys import Key
from access.permissions import require_scope

REMEMBERED: Final = 1024
REMEMBERED_SECONDS: Final = 60.0
# With the one thread busy, so long may it take until it is this key's turn.
LOOK_UP_SECONDS: Final = 10.0


class KeyRing:
    """Finds the key of a request. For the event loop's thread."""

    def __init__(self) -> None:
        # By the Authorization header as it came: a known one is not taken apart again.
        self._known: dict[bytes, tuple[float, Key]] = {}
        # One thread, so that many requests with wrong keys cost one connection.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keys")

    async def writer(self, headers: Sequence[tuple[bytes, bytes]]) -> Key:
        """The key that may write.

        Raises ApiError: 401 without an active key, 403 without the scope; and TimeoutError when the database has not
        told in time.
        """
        told = [value for name, value in headers if name == b"authorization"]
        found = self._known.get(told[0]) if len(told) == 1 else None
        if found is not None and found[0] > time.monotonic():
            key = found[1]
        else:
            token = credentials_from_headers(headers)
            if token is None:
                raise unauthorized("Writing needs an API key. Send it as: Authorization: Bearer KEY.")
            found_out = asyncio.get_running_loop().run_in_executor(self._executor, _look_up, token)
            key = await asyncio.wait_for(found_out, LOOK_UP_SECONDS)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[told[0]] = (time.monotonic() + REMEMBERED_SECONDS, key)
        require_scope(key, "ingest")
        return key

    def forget(self, key: Key) -> None:
        """Look this key up anew next time: it was found to be revoked."""
        self._known = {header: known for header, known in self._known.items() if known[1].id != key.id}

    def close(self) -> None:
        self._executor.shutdown(wait=False)


def _look_up(token: str) -> Key:
    try:
        return active_key(token)
    finally:
        connections.close_all()
