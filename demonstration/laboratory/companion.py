"""What a program of the laboratory does to be found, and to end with its starter. Light: every program imports it."""

import fcntl
import os
import threading
from pathlib import Path
from typing import Final

READY: Final = "ready"


def note_of(name: str) -> str:
    """The name of the file in which a program tells its process, and whose lock it holds while it lives."""
    return f"{name}.process"


def take_note(folder: Path, name: str) -> None:
    """Tells who this process is. The lock is held until it ends, however it ends."""
    descriptor = os.open(folder / note_of(name), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.truncate(descriptor, 0)
    os.write(descriptor, b"%d\n" % os.getpid())


def is_held(note: Path) -> bool:
    """Whether the process that the note tells of is alive."""
    with note.open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def end_with_starter() -> None:
    """This process ends at once when its standard input does, that is, when its starter is gone."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="end-with-starter", daemon=True).start()


def say_ready(told: str = "") -> None:
    print(f"{READY} {told}", flush=True)
