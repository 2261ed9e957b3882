"""The ASGI application: the write door in front of Django, the live feed's WebSocket, the lifespan."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")
django_application = get_asgi_application()

from actionlog_site.lifespan import Lifespan  # noqa: E402  # these import models, so Django comes first
from resolutions.door.application import Application, WriteDoor  # noqa: E402

door = WriteDoor(cast(Application, django_application))
application = Lifespan(door, on_shutdown=[door.close])
