"""Says on stderr why an answer comes from local files and not from the server."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from actionlog_client.settings import Settings


@contextmanager
def print_source(settings: Settings) -> Iterator[None]:
    """While it is open, what the package warns of is one line on stderr."""
    if settings.url is None:
        print("actionlog: no server is told (ACTIONLOG_URL or --url): this is what local files hold", file=sys.stderr)
    log = logging.getLogger("actionlog")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("actionlog: %(message)s"))
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
