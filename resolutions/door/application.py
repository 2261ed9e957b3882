"""The ASGI application of the write door: reads a request, hands it to the recorder, answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from access.errors import DATABASE_LOST, ApiError, database_lost
from access.keys import Key
from attempts.limits import limits
from attempts.submissions import Submission
from resolutions.door.answers import Answer, batch_answer, error_answer, single_answer
from resolutions.door.keys import KeyRing
from resolutions.door.lanes import Lanes
from resolutions.door.recorder import Busy, Lost
from resolutions.door.routes import Route, find_route

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Bodies being read or decoded at once; one more is answered 503. The recorders have limits of their own.
HELD_BYTES: Final = 128 * 1024 * 1024
# For the whole of a body: a sender that falls silent, or drips, may not keep for ever what it has sent so far.
RECEIVE_SECONDS: Final = 60.0
# From here on, decoding is done beside the event loop, which others wait for.
LARGE_BODY: Final = 256 * 1024
# A database that neither answers nor fails: the sender is told to send again, whatever became of this.
ANSWER_TIMEOUT_SECONDS: Final = 10.0


class WriteDoor:
    """Answers the write routes, and passes everything else on."""

    def __init__(self, beyond: Application, *, receive_seconds: float = RECEIVE_SECONDS) -> None:
        self._beyond = beyond
        self._receive_seconds = receive_seconds
        self._keys: KeyRing | None = None
        self._lanes: Lanes | None = None
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = find_route(scope["path"]) if scope["type"] == "http" else None
        if route is None or (route.also_read and scope["method"] != "POST"):
            await self._beyond(scope, receive, send)
            return
        try:
            answer = await self._answer(route, scope, receive)
        except ApiError as error:
            answer = error_answer(error)
        except (*DATABASE_LOST, Lost, TimeoutError):
            answer = error_answer(database_lost())
        except _Gone:
            return
        except Exception:
            logger.exception("the write door failed at %s", scope["path"])
            answer = error_answer(ApiError(500, "This request meets a fault of ours. It was not recorded."))
        await _send(answer, send)

    async def close(self) -> None:
        """Record what waits and let go of everything. The next request starts anew."""
        lanes, self._lanes = self._lanes, None
        keys, self._keys = self._keys, None
        if lanes is not None:
            await lanes.close()
        if keys is not None:
            keys.close()

    async def _answer(self, route: Route, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            raise ApiError(405, "This address takes POST.", headers={"Allow": "POST"})
        if self._keys is None or self._lanes is None:
            self._keys, self._lanes = KeyRing(), Lanes()
        key = await self._keys.writer(scope["headers"])
        length = _declared_length(scope)
        body, submissions = await self._receive(route, length, receive, key)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                cursor = await self._lanes.record(submissions, size=len(body))
        except Busy:
            raise _busy() from None
        if any(submission.outcome == "unauthorized" for submission in submissions):
            self._keys.forget(key)
            raise ApiError(401, "This API key is unknown or revoked. Ask an operator for a new one.")
        return batch_answer(submissions, cursor) if route.batch else single_answer(submissions[0], cursor)

    async def _receive(
        self, route: Route, length: int, receive: Receive, key: Key
    ) -> tuple[bytes, list[Submission[Any]]]:
        """Read and decode the body. What has arrived counts as held; what was only declared costs nobody else a 503."""
        if self._held and self._held + length > HELD_BYTES:
            raise _busy()
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(self._receive_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    self._held += len(part)
                    more = message.get("more_body", False)
                    if size > limits().request_bytes:
                        raise _too_large()
                    if HELD_BYTES < self._held > size:  # one alone may be as large as its own limit
                        raise _busy()
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            return body, await _decode(route, body, key)
        except TimeoutError:
            raise _too_slow() from None
        finally:
            self._held -= size


class _Gone(Exception):
    """The client closed the connection before it had sent its request."""


def _busy() -> ApiError:
    return ApiError(503, "Too much is waiting to be recorded. Send the request again.", headers={"Retry-After": "1"})


def _declared_length(scope: Scope) -> int:
    """How many bytes the body will have, as far as it is told. Raises ApiError when it is too many or unreadable."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise ApiError(415, "Send the body as it is, without Content-Encoding.")
    if length > limits().request_bytes:
        raise _too_large()
    return length


def _too_large() -> ApiError:
    return ApiError(413, f"The request is larger than {limits().request_bytes} bytes; send it in several.")


def _too_slow() -> ApiError:
    message = "The body took too long to arrive. Send the request again, or what it holds in several."
    return ApiError(408, message, headers={"Connection": "close"})


async def _decode(route: Route, body: bytes, key: Key) -> list[Submission[Any]]:
    if len(body) > LARGE_BODY:
        return await asyncio.to_thread(route.decode, body, key)
    return route.decode(body, key)


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
