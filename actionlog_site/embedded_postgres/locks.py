"""File locks that vanish with the processes that hold them, however those end."""

import fcntl
import os
from pathlib import Path


def take_lock(path: Path, operation: int) -> int | None:
    """An open descriptor that holds the lock (fcntl.LOCK_*) until it and all its inherited copies are closed.

    None when LOCK_NB was given and others hold it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock for himself alone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
