"""ws/live-feed/: one follower of the feed. The messages are those of messages.py, the waiting is the hub's."""

import asyncio
import logging
from time import monotonic
from typing import Any, Final

import msgspec
from channels.db import DatabaseSyncToAsync
from channels.generic.websocket import AsyncWebsocketConsumer

from access.errors import DATABASE_LOST, ApiError, as_api_error
from attempts.validation import Fault
from resolutions.feed import messages
from resolutions.feed.followers import require_follower
from resolutions.feed.hub import Hub, open_hub
from resolutions.feed.queries import Reset, parse_cursor

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 1.0
# A client that says nothing for so long gets all from the head on, so that watching needs no protocol.
SILENCE_SECONDS: Final = 1.0
# What may follow a WebSocket's acceptance where HTTP would have answered 401, 403 and 500.
CLOSE_CODES: Final = {401: 4401, 403: 4403}
INTERNAL_ERROR: Final = 1011


class LiveFeedConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Sends what changed from its own cursor, one message at a time.

    Nothing is queued for a follower that does not read: its send is awaited, and meanwhile it is only a cursor.
    """

    _serving: asyncio.Task[None] | None = None

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        try:
            await self._require_follower()
        except Exception as error:
            refusal = as_api_error(error)
            if refusal is None:
                raise
            await refuse(self.scope, self.base_send, refusal)
            return
        await self.accept()
        self._serving = asyncio.create_task(self._serve(open_hub(), messages.Subscribe(), patience=SILENCE_SECONDS))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            told = messages.decode_subscribe(bytes_data or (text_data or "").encode())
        except Fault as fault:
            await self.send(messages.encode(messages.error_of(fault)))
            return
        await self._stop()
        self._serving = asyncio.create_task(self._serve(open_hub(), told))

    async def disconnect(self, code: int) -> None:
        await self._stop()

    async def _stop(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])

    async def _serve(self, hub: Hub, told: messages.Subscribe, *, patience: float = 0) -> None:
        """Until the client goes, subscribes anew, or may follow no longer."""
        try:
            if told.after is None:
                cursor = await hub.head()
                await asyncio.sleep(patience)
                # Where it begins, so that it can come back even if nothing happens.
                await self._say(messages.Heartbeat(cursor))
            else:
                cursor = parse_cursor(told.after) if isinstance(told.after, str) else told.after
            await self._follow(hub, cursor, told.filters)
        except ApiError as refusal:
            await self.close(CLOSE_CODES.get(refusal.status, INTERNAL_ERROR), refusal.message)
        except OSError:
            # How an ASGI server tells that the client left in the middle of a send.
            pass
        except Exception:
            logger.exception("The live feed ended for one follower")
            await self.close(INTERNAL_ERROR)

    async def _follow(self, hub: Hub, cursor: int, filters: messages.Filters) -> None:
        number = -1
        next_check = monotonic() + HEARTBEAT_SECONDS
        while True:
            try:
                if monotonic() >= next_check:
                    await self._require_follower()
                    next_check = monotonic() + HEARTBEAT_SECONDS
                    await self._say(messages.Heartbeat(cursor))
                async with asyncio.timeout(next_check - monotonic()):
                    found = await hub.next_frame(cursor, later_than=number)
            except TimeoutError:
                continue
            except DATABASE_LOST:
                # Nothing can be read, and nobody's right to read be checked: wait with both.
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if isinstance(found, Reset):
                cursor, number = found.cursor, -1
                await self._say(messages.Reset(cursor))
                continue
            if filters == messages.ALL:
                await self.send(found.text)
            else:
                changes = messages.changes_message(found.frame, filters)
                if changes.attempts or changes.resolutions:
                    await self._say(changes)
            cursor, number = found.frame.cursor, found.number

    async def send(self, *args: Any, **kwargs: Any) -> None:
        """Raises OSError, as ASGI tells a server to, when the client is gone.

        uvicorn raises RuntimeError instead after a client that answered no ping, until the socket is closed as well.
        """
        try:
            await super().send(*args, **kwargs)
        except RuntimeError as error:
            raise ConnectionAbortedError from error

    async def _say(self, message: messages.ServerMessage) -> None:
        await self.send(messages.encode(message))

    async def _require_follower(self) -> None:
        await DatabaseSyncToAsync(require_follower, thread_sensitive=False)(self.scope["headers"])


async def refuse(scope: Any, send: Any, error: ApiError) -> None:
    """Answer the handshake with an HTTP error, where the server can; else by closing, which clients see as 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": CLOSE_CODES.get(error.status, INTERNAL_ERROR)})
        return
    headers = {"Content-Type": "application/json", **error.headers}
    await send(
        {
            "type": "websocket.http.response.start",
            "status": error.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(error.body())})
