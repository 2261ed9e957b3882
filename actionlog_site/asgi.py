"""The ASGI application: the write door in front of Django, the live feed's WebSocket, the lifespan."""

import gc
import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")
django_application = get_asgi_application()

# These import models, so Django comes first.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from actionlog_site.lifespan import Lifespan  # noqa: E402
from actionlog_site.patience import limit_patience  # noqa: E402
from resolutions.door.application import Application, WriteDoor  # noqa: E402
from resolutions.feed.hub import close_hub  # noqa: E402
from resolutions.feed.routing import websocket_application  # noqa: E402

limit_patience()
door = WriteDoor(cast(Application, django_application))
application = Lifespan(
    ProtocolTypeRouter({"http": door, "websocket": websocket_application}), on_shutdown=[close_hub, door.close]
)

# What start-up made stays until the end: no full collection need walk over it again while requests wait.
gc.collect()
gc.freeze()
