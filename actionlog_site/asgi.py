"""The ASGI application of the site."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")

_django = get_asgi_application()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers the lifespan protocol itself and leaves HTTP to Django."""
    if scope["type"] != "lifespan":
        await _django(scope, receive, send)
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
