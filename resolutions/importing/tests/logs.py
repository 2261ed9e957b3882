"""Folders of JSON logs for tests, and the command that imports them: in this process, or in one of its own."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management import call_command

from resolutions.feed.tests.recording import conninfo

# What PostgreSQL calls the connections of a command that runs in a process of its own.
IMPORTER = "test of the import"

Json = dict[str, Any]


def log(**facts: Any) -> Json:
    """An attempt as the old per-attempt files tell it."""
    return {
        "attempt_id": str(uuid.uuid4()),
        "action_id": "restart_db_001",
        "action_type": "restart_database_connection",
        "parameters": {"database": "postgresql", "timeout": 30},
        "incident_id": "inc_001",
        "started_at": "2026-01-15T10:30:00+00:00",
        "completed_at": "2026-01-15T10:30:02.500000+00:00",
        "status": "success",
        "logs": [
            {"step": "validation", "status": "success", "timestamp": "2026-01-15T10:30:00.100000+00:00"},
            {"step": "execution", "status": "success", "timestamp": "2026-01-15T10:30:02+00:00"},
        ],
        "execution_time_seconds": 2.5,
        **facts,
    }


def write(path: Path, document: Json | bytes) -> Path:
    """One file, written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_bytes(document if isinstance(document, bytes) else json.dumps(document, indent=2).encode())
    beside.rename(path)
    return path


class Done(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def summary(self) -> str:
        return self.out.splitlines()[-1]


def import_logs(folder: Path, *options: str) -> Done:
    """Run the command in this process."""
    out, err = StringIO(), StringIO()
    status = 0
    try:
        call_command("import_action_logs", str(folder), *options, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(str(exit_.code))
    return Done(status, out.getvalue(), err.getvalue())


@contextmanager
def importing(folder: Path, *options: str, **channels: Any) -> "Iterator[subprocess.Popen[str]]":
    """The command in a process of its own, on the test database. Killed at the end if it still runs."""
    channels = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **channels}
    process = subprocess.Popen(  # noqa: S603  # all of it is written here
        [sys.executable, "-u", "manage.py", "import_action_logs", str(folder), *options],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": conninfo(), "SECRET_KEY": settings.SECRET_KEY, "PGAPPNAME": IMPORTER},
        text=True,
        **channels,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
