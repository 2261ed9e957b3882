"""The arguments that all commands share, and the settings that follow from them."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actionlog_client.settings import Settings, read_settings

if TYPE_CHECKING:
    from actionlog_client.delivery.transport import Transport

FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
# A person waits for the answer.
READ_SECONDS: Final = 10.0


class Trouble(Exception):
    """Something that the user can put right: what, and what to do, and the exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code: Final = exit_code


def add_common(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where the record is")
    where.add_argument("--url", help="the server, such as https://actionlog.example.com; else ACTIONLOG_URL")
    where.add_argument(
        "--api-key-file",
        metavar="FILE",
        type=Path,
        help="a file that holds the API key; else ACTIONLOG_API_KEY. The key itself is no argument: all could see it",
    )
    where.add_argument("--journal-dir", metavar="DIR", help="the journal; else ACTIONLOG_JOURNAL_DIR, data/journal")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of these arguments and of the environment. Raises Trouble."""
    try:
        return read_settings(arguments.url, api_key_of(arguments), arguments.journal_dir)
    except ValueError as error:
        raise Trouble(str(error), USAGE) from error


def api_key_of(arguments: argparse.Namespace) -> str | None:
    """The key in the file that is named; None when none is. Raises Trouble."""
    if arguments.api_key_file is None:
        return None
    try:
        key = arguments.api_key_file.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Trouble(f"The API key cannot be read from {arguments.api_key_file}: {reason}.", USAGE) from error
    if not key or not key.isprintable() or " " in key:
        raise Trouble(f"{arguments.api_key_file} does not hold an API key alone on one line.", USAGE)
    return str(key)


def transport_of(settings: Settings) -> "Transport":
    """The way to the server. Raises Trouble when none is configured."""
    from actionlog_client.delivery.transport import Transport

    return Transport(url_of(settings), settings.api_key, read_seconds=READ_SECONDS)


def url_of(settings: Settings) -> str:
    """Where the server is. Raises Trouble when none is configured."""
    if settings.url is None:
        raise Trouble("No server is told: set ACTIONLOG_URL, or pass --url http://127.0.0.1:8000.", USAGE)
    return settings.url


def key_advice() -> str:
    """What to do when the server does not accept the key."""
    told = "ACTIONLOG_API_KEY" if os.environ.get("ACTIONLOG_API_KEY") else "no key"
    return f"Pass --api-key-file or set ACTIONLOG_API_KEY to a key with the scope read (told now: {told})."
