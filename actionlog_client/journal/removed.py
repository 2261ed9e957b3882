"""What the disk budget has removed from a folder of journals, as far as anybody who counts must know: when the last of
it was written.

One empty file whose modification time says it for everything, and one for what was not in the store of files either.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from actionlog_client.journal.folder import Segment

_REMOVED: Final = "removed"
_REMOVED_UNSTORED: Final = "removed-unstored"


def note_removed(directory: Path, segments: Iterable[Segment], *, is_stored: bool) -> None:
    """These are gone. is_stored: what they told of attempts is in the store of files. Never raises."""
    until = max((segment.changed_at for segment in segments), default=0.0)
    if until:
        for name in (_REMOVED,) if is_stored else (_REMOVED, _REMOVED_UNSTORED):
            with contextlib.suppress(OSError):
                _set_time(directory / name, until)


def removed_until(directory: Path, *, also_stored: bool) -> float:
    """What was written after this time (seconds since 1970) is still there; 0 when nothing was removed.

    also_stored: removed from the journals, whether it is in the store or not.
    """
    try:
        return (directory / (_REMOVED if also_stored else _REMOVED_UNSTORED)).stat().st_mtime
    except OSError:
        return 0.0


def _set_time(path: Path, until: float) -> None:
    """Forward only."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A file that is new has the time of now, which is later than all that it stands for.
        if os.fstat(file).st_size == 0:
            os.write(file, b"\n")
        elif os.fstat(file).st_mtime >= until:
            return
        os.utime(file, (until, until))
    finally:
        os.close(file)
