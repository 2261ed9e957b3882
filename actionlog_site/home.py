"""ACTIONLOG_HOME: where one installation keeps what is its own, and how files that nobody else may read get there."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def actionlog_home() -> Path:
    """The folder named by ACTIONLOG_HOME, else var/ beside manage.py. It need not exist yet."""
    return Path(os.environ.get("ACTIONLOG_HOME") or BASE_DIR / "var").resolve()


def make_private_folder(folder: Path) -> None:
    """Makes a folder of mode 0700. One that exists keeps its mode, and so do the folders above it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file_once(path: Path, make: Callable[[], str]) -> str:
    """The text in the file; made, with mode 0600, when there is none. All who race get the same text."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    draft = _write_draft(path, make())
    try:
        # A link appears whole or not at all, and only one of those who race can make it.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text()


def write_private_file(path: Path, text: str) -> None:
    """Writes the file, with mode 0600, in place of any that was there; a reader sees the old text or the new."""
    _write_draft(path, text).replace(path)


def _write_draft(path: Path, text: str) -> Path:
    make_private_folder(path.parent)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(draft)
