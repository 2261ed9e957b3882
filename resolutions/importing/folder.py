"""Finds and reads the files of a folder. Knows nothing of what is in them."""

import os
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

SUFFIX: Final = ".json"
# What a bigint holds. Times are only compared, and some file systems know later ones than 2262.
_BIGINT: Final = 2**63 - 1


class FoundFile(Struct, frozen=True, gc=False):
    """A file as it stood when it was found: path absolute, times in nanoseconds.

    problem: why it, or the folder that this is instead, could not be looked at.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    problem: str | None = None


def scan(folder: str) -> Iterator[FoundFile]:
    """The *.json files below an absolute path, in no particular order, as they are found: memory does not grow.

    Hidden files and folders are passed over, and symbolic links are not followed. A sub-folder that cannot be read is
    told as a problem; what vanishes meanwhile is not.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                        try:
                            told = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
                        yield FoundFile(
                            entry.path, told.st_size, told.st_mtime_ns & _BIGINT, told.st_ctime_ns & _BIGINT
                        )
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or current == folder:
                yield FoundFile(current, problem=f"This folder cannot be read: {error.strerror}.")


def read(file: FoundFile) -> bytes:
    """What is in a file, and one byte more than it had when it was found if it has grown since. Raises OSError.

    It may have been replaced meanwhile: a symbolic link is not followed, and a pipe not waited for.
    """
    descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, file.size + 1)
    finally:
        os.close(descriptor)


def printable(path: str) -> str:
    """A path for terminals and text columns: what is no printable character, or no text at all, is escaped."""
    if path.isprintable():
        return path
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in path)
