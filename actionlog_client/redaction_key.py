"""The key under which this engine marks secrets. What a secret is stands in redaction.py.

A key file lies in the journal's folder, so that the engines that share the folder give one secret one mark.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from actionlog_client.journal.folder import write_private
from actionlog_client.redaction import Redactor

KEY_FILE: Final = "redaction-key"
_KEY_BYTES: Final = 32

_log: Final = logging.getLogger(__name__)


def make_redactor(configured_key: str | None, journal_dir: Path) -> Redactor:
    """The redactor under the configured key, else under the key file of the journal's folder."""
    return Redactor.of_text(configured_key) if configured_key else Redactor(load_or_make_key(journal_dir / KEY_FILE))


def load_or_make_key(path: Path) -> bytes:
    """The key in this file, made when there is none: random, mode 0600, the same for all who ask at once.

    Where it can neither be read nor made, a random key for this process alone, and a warning in the log: marks then
    hide as well as ever, but differ from one run to the next.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return _read(path)
        _make(path)
        return _read(path)
    except (OSError, ValueError) as error:
        _log.warning(
            "No key file for the marks of secrets at %s (%s): the marks of this process will be its own."
            " Make the folder writable, or set ACTIONLOG_REDACTION_KEY.",
            path,
            error,
        )
        return os.urandom(_KEY_BYTES)


def _read(path: Path) -> bytes:
    """Raises OSError, and ValueError for a file that holds no key of ours."""
    key = bytes.fromhex(path.read_text("ascii"))
    if len(key) != _KEY_BYTES:
        raise ValueError(f"it does not hold {_KEY_BYTES} bytes in hexadecimal digits; remove it to have a new one made")
    return key


def _make(path: Path) -> None:
    """Make the file whole under another name first: link() lets the first of several win, and shows no half of one."""
    made = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        write_private(made, os.urandom(_KEY_BYTES).hex().encode() + b"\n", durable=True)
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink(missing_ok=True)
