"""The laboratory as a whole: its folder, its parts, from the beginning to the end."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from demonstration.laboratory.child import kill_left_behind
from demonstration.laboratory.database import LeftOut
from demonstration.laboratory.pool import Pool
from demonstration.laboratory.service import GOOD_PACK_SIZE, Service
from demonstration.laboratory.volume import Volume

STOP_SECONDS: Final = 5.0


class LaboratoryTaken(RuntimeError):
    """Another demonstration runs in the same folder."""


class Laboratory:
    """A context manager: parts run inside, and are gone afterwards. pool is None where the database cannot be had;
    notices tell why, and what an earlier laboratory had left."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        """Everything lies in the folder, which is emptied. database_url: of a role that may make others."""
        self.folder = folder
        self.volume = Volume(folder / "parts" / "volume")
        self.service: Service
        self.pool: Pool | None = None
        self.notices: list[str] = []
        self._database_url = database_url
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take()
        try:
            parts = self.folder / "parts"
            if killed := kill_left_behind(parts):
                self.notices.append(f"An earlier demonstration was killed; it had left {', '.join(killed)} running.")
            shutil.rmtree(parts, ignore_errors=True)
            parts.mkdir(mode=0o700)
            self.service = Service(parts)
            self.service.start()
            self._start_pool(parts)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def tidy(self) -> None:
        """What a fault left though it is repaired goes: archives, a raised limit, a peak."""
        self.volume.delete("*")
        if self.pool is not None:
            self.pool.settle()

    def settle(self) -> None:
        """Everything is well again, whatever was broken, as if somebody had come and mended it by hand."""
        self.tidy()
        self.service.kill()
        self.service.forget_releases()
        self.service.deploy(pack_size=GOOD_PACK_SIZE)
        self.service.refresh_cache()
        self.service.start()

    def _take(self) -> None:
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise LaboratoryTaken(f"Another demonstration runs in {self.folder}.") from error
        self._lock = lock

    def _start_pool(self, parts: Path) -> None:
        if self._database_url is None:
            self.notices.append("The connection pool is left out: the server's database is not known here.")
            return
        pool = Pool(parts, self._database_url)
        try:
            pool.start()
        except LeftOut as reason:
            self.notices.append(f"The connection pool is left out: {reason}.")
        else:
            self.pool = pool

    def _end(self) -> None:
        with contextlib.suppress(AttributeError):  # it did not come so far
            self.service.kill()
        if self.pool is not None:
            self.pool.end()
            self.pool = None
        shutil.rmtree(self.folder / "parts", ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
