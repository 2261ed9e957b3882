"""Django's SECRET_KEY of an installation that was given none."""

import secrets
from pathlib import Path

from actionlog_site.home import make_private_file_once


def secret_key(home: Path) -> str:
    """The key kept in home/secret-key (mode 0600), made on the first call."""
    return make_private_file_once(home / "secret-key", lambda: secrets.token_urlsafe(48))
