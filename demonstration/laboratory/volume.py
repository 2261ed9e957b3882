"""A directory that can be full: real files, whose real sizes together may not exceed a quota.

The quota is this module's own, not the kernel's (mounting a small file system takes rights that not everybody has):
who writes through a Volume gets the error that a full disk gives.
"""

import errno
import gzip
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

QUOTA_BYTES: Final = 8 * 1024 * 1024
PROBE_BYTES: Final = 4096
KEPT_ARCHIVES: Final = 3


@dataclass(frozen=True)
class Volume:
    """What lies directly in the folder counts. Sizes are in bytes."""

    folder: Path
    quota: int = QUOTA_BYTES

    def used(self) -> int:
        return sum(path.stat().st_size for path in self._files("*"))

    def append(self, name: str, data: bytes) -> None:
        """Adds to a file. Raises OSError (ENOSPC), and adds nothing, when there is no room."""
        if self.used() + len(data) > self.quota:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / name))
        with (self.folder / name).open("ab") as file:
            file.write(data)

    def try_write(self) -> None:
        """Writes a little and removes it again. Raises OSError when there is no room for it."""
        try:
            self.append(".probe", b"\0" * PROBE_BYTES)
        finally:
            (self.folder / ".probe").unlink(missing_ok=True)

    def fill(self, pattern: str, data: bytes, *, file_bytes: int) -> None:
        """Writes files of such a size, of the data again and again, until not a byte more fits. pattern has a place
        for a number."""
        for number in itertools.count():
            for _ in range(file_bytes // len(data)):
                self.append(pattern.format(number), data[: self.quota - self.used()])
            if self.used() >= self.quota:
                return

    def rotate_logs(self) -> dict[str, int]:
        """Packs each log and begins it anew; the bytes that each gave back. The oldest archives go."""
        freed = {}
        for log in sorted(self._files("*.log")):
            packed = gzip.compress(log.read_bytes())
            before = log.stat().st_size
            os.truncate(log, 0)
            number = len(list(self._files(f"{log.name}.*.gz"))) + 1
            log.with_name(f"{log.name}.{number}.gz").write_bytes(packed)
            freed[log.name] = before - len(packed)
        archives = sorted(self._files("*.gz"), key=lambda path: path.stat().st_mtime_ns)
        for archive in archives[:-KEPT_ARCHIVES]:
            archive.unlink()
        return freed

    def delete(self, pattern: str) -> dict[str, int]:
        """Removes the files whose names match; the bytes that each gave back."""
        freed = {}
        for path in sorted(self._files(pattern)):
            freed[path.name] = path.stat().st_size
            path.unlink()
        return freed

    def _files(self, pattern: str) -> Iterator[Path]:
        return (path for path in self.folder.glob(pattern) if path.is_file())
