"""How fast are JSON logs imported? `python -m benchmarks.import_files [--json] [--files 50000]`

Makes the files in a temporary folder, starts a durable embedded PostgreSQL in a temporary home, imports them by
`manage.py import_action_logs` in a process of its own, twice, and removes everything. The second time finds every
file known. Times are those of the whole command, the start of Python included.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from tqdm import tqdm

from actionlog_site.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from benchmarks.documents import STEPS_PER_ATTEMPT, attempts
from benchmarks.server import manage, stopped_by_signals

FILES: Final = 50_000
FAILING: Final = 0.05


@dataclass(frozen=True)
class Measured:
    """What --json prints: files a second when all are new, how many, and files a second when none has changed."""

    files_per_second: float
    files: int
    again_per_second: float


class ImportFailedError(RuntimeError):
    """The command failed, or did not record what is in the files."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_files", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--files", type=int, default=FILES, help="how many (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="actionlog-benchmark-") as folder:
            measured = measure(Path(folder), options.files)
    except (EmbeddedPostgresError, ImportFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(
        f"{measured.files:,} files, an attempt with {STEPS_PER_ATTEMPT} steps each\n"
        f"imported per second                {measured.files_per_second:>10,.0f}\n"
        f"found unchanged per second         {measured.again_per_second:>10,.0f}"
    )
    if options.json:
        print(json.dumps(asdict(measured)))
    return 0


def measure(folder: Path, files: int) -> Measured:
    """Both imports of so many files, on a new database. Raises ImportFailedError."""
    home, logs = folder / "home", folder / "action_logs"
    home.mkdir()
    logs.mkdir()
    for document in tqdm(
        attempts(files, failing=FAILING, seed=1), total=files, unit=" files", leave=False, disable=None
    ):
        write(logs, document)
    database = EmbeddedPostgres(home)
    try:
        url = database.start()
        run(home, url, "migrate", "--verbosity", "0")
        first = run(home, url, "import_action_logs", str(logs))
        with psycopg.connect(url) as connection:
            for table, expected in (("action_attempts", files), ("action_logs", files * STEPS_PER_ATTEMPT)):
                found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
                if found != (expected,):
                    raise ImportFailedError(f"{table} holds {found} rows; the files hold {expected}.")
        again = run(home, url, "import_action_logs", str(logs))
    finally:
        database.stop()
    return Measured(round(files / first, 1), files, round(files / again, 1))


def write(folder: Path, document: dict[str, Any]) -> None:
    """One log as a JSON store writes it: its steps in their order, without numbers."""
    for step in document["logs"]:
        del step["sequence"]
    (folder / f"{document['attempt_id']}.json").write_bytes(msgspec.json.format(msgspec.json.encode(document)))


def run(home: Path, url: str, *arguments: str) -> float:
    """The seconds that a command of manage.py takes. Raises ImportFailedError when it fails."""
    start = time.perf_counter()
    done = manage(home, url, *arguments)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise ImportFailedError(f"manage.py {arguments[0]} failed:\n{done.stdout}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
