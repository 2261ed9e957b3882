"""Answers the ASGI lifespan protocol, which Django does not: what is to be closed is closed before the process ends."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from resolutions.door.application import Application, Receive, Scope, Send

logger = logging.getLogger(__name__)


class Lifespan:
    """Wraps an application; runs the given functions, in their order, when the server shuts down."""

    def __init__(self, application: Application, *, on_shutdown: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self._application = application
        self._on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for close in self._on_shutdown:
                    try:
                        await close()
                    except Exception:
                        logger.exception("closing failed")
                await send({"type": "lifespan.shutdown.complete"})
                return
