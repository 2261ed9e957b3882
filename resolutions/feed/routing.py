"""The WebSocket addresses of the site."""

from typing import Any, Final, cast

from channels.routing import URLRouter
from django.urls import re_path

from access.errors import ApiError
from resolutions.feed.consumer import LiveFeedConsumer, refuse


async def not_found(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await refuse(
        scope, send, ApiError(404, "There is no WebSocket at this address. The live feed is at ws/live-feed/.")
    )


# The consumer sees to access itself, because it does so again while it serves: no session middleware here.
websocket_application: Final = URLRouter(
    [re_path(r"^ws/live-feed/?$", LiveFeedConsumer.as_asgi()), re_path("", cast(Any, not_found))]
)
