"""Runs `actionlog` as a process of its own, and reads what it left in its journal."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from actionlog_client.delivery.documents import documents_of
from actionlog_client.tests.journals import entries_in

ROOT: Final = Path(__file__).resolve().parent.parent.parent
ACTIONLOG: Final = (sys.executable, "-m", "actionlog_client")
# A run that ends waits for its delivery as long as that takes on a slow machine, while the server takes it.
PATIENT_ACTIONLOG: Final = (
    sys.executable,
    "-c",
    "import sys; from actionlog_client.command_line import run; run.DELIVERY_SECONDS = 60.0;"
    "from actionlog_client.__main__ import main; sys.exit(main())",
)


class Shell:
    """A home of its own: its journal, its files, and what the environment tells."""

    def __init__(self, home: Path, *, actionlog: tuple[str, ...] = ACTIONLOG, **told: str) -> None:
        self.home = home
        self.actionlog = actionlog
        self.journal_dir = home / "journal"
        self.environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ACTIONLOG_")},
            "PYTHONPATH": str(ROOT),
            "ACTIONLOG_JOURNAL_DIR": str(self.journal_dir),
            "ACTIONLOG_JSON_STORE": str(home / "action_logs"),
            **told,
        }

    def start(self, *arguments: str, **facts: Any) -> "subprocess.Popen[bytes]":
        """Start `actionlog ARGUMENTS`; its output is read as bytes."""
        facts = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | facts
        process = subprocess.Popen([*self.actionlog, *arguments], cwd=self.home, env=self.environment, **facts)
        return cast("subprocess.Popen[bytes]", process)

    def call(self, *arguments: str, given: bytes = b"", **facts: Any) -> "subprocess.CompletedProcess[bytes]":
        """Run `actionlog ARGUMENTS` to its end."""
        return subprocess.run(
            [*self.actionlog, *arguments],
            cwd=self.home,
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=120,
            check=False,
            **facts,
        )

    def run(self, *command: str, **facts: Any) -> "subprocess.CompletedProcess[bytes]":
        """`actionlog run --incident inc_001 -- COMMAND`."""
        return self.call("run", "--incident", "inc_001", "--", *command, **facts)

    def attempts(self) -> list[dict[str, Any]]:
        """The attempts in its journals, in the order of their start, as the documents that tell them whole."""
        entries = []
        for path in self.journal_dir.glob("*"):
            if path.is_dir() and _is_id(path.name):
                entries += entries_in(path)
        documents = [json.loads(document.body()) for document in documents_of(entries)]
        return sorted(documents, key=lambda document: str(document["started_at"]))

    def attempt(self) -> dict[str, Any]:
        """The only attempt."""
        (attempt,) = self.attempts()
        return attempt


def texts(attempt: dict[str, Any], step: str) -> str:
    """What the steps of this name say, one after the other."""
    return "\n".join(each["details"] for each in attempt["logs"] if each["step"] == step and each["status"] == "output")


def _is_id(name: str) -> bool:
    try:
        return UUID(name).hex == name
    except ValueError:
        return False
