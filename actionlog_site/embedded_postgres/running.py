"""What there is to know of a server that runs, or ran, on a home's data folder. Starts and stops nothing."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from actionlog_site.embedded_postgres.configuration import DATABASE, PORT, SUPERUSER
from actionlog_site.embedded_postgres.locks import is_held


@dataclass(frozen=True)
class Layout:
    """Where things lie below ACTIONLOG_HOME."""

    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def socket_note(self) -> Path:
        """Where the last server's socket folder is: apart, since a socket's path may have 108 bytes only."""
        return self.folder / "socket-folder"

    @property
    def server_lock(self) -> Path:
        """Held by whoever starts the server, and inherited by all its processes: held means it starts or lives."""
        return self.folder / "server.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by all who use the server: the last one to leave stops it."""
        return self.folder / "users.lock"


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid tells."""

    pid: int
    socket_folder: str
    ready: bool

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(self.socket_folder, safe='')}&port={PORT}"

    def is_alive(self, data: Path) -> bool:
        """Whether the process exists and is not another that got the same number since."""
        try:
            os.kill(self.pid, 0)
        except OSError:
            return False
        try:
            return Path(f"/proc/{self.pid}/cwd").samefile(data)  # a server works in its data folder
        except FileNotFoundError:  # a zombie has no folder; a system without /proc has the number only
            return not Path("/proc/self/cwd").exists()
        except PermissionError:
            return True


def read_postmaster(data: Path) -> Postmaster | None:
    """The server's own account of itself; None when there is none, or it is still being written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return Postmaster(pid=int(lines[0]), socket_folder=lines[4], ready=lines[7].strip() == "ready")
    except (OSError, ValueError, IndexError):
        return None


def running_url(home: Path) -> str | None:
    """The postgresql:// URL of the server that runs on this home, or None. Costs two small file reads."""
    layout = Layout(home.resolve())
    try:
        if not is_held(layout.server_lock):
            return None
    except PermissionError:  # the home of somebody else
        return None
    postmaster = read_postmaster(layout.data)
    if postmaster is None or not postmaster.ready or not postmaster.is_alive(layout.data):
        return None
    return postmaster.url()
