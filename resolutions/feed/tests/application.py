"""The feed alone as an ASGI application, for web processes of the tests."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")
get_asgi_application()

from resolutions.feed.hub import close_hub  # noqa: E402  # imports models, so Django comes first
from resolutions.feed.routing import websocket_application  # noqa: E402


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await close_hub()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await websocket_application(scope, receive, send)
