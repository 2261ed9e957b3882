"""What logging costs an engine, and how fast it gets to the server. `python -m benchmarks.client [--json]`

Starts a durable embedded PostgreSQL and one web process in a temporary home, and engines in processes of their own.
The last line of --json: {"caller_p50_us", "plain_writer_p50_us", "delivered_per_second", "rss_growth_mb"} and more.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Final

from actionlog_site.embedded_postgres import EmbeddedPostgresError
from benchmarks.server import ROOT, Server, ServerError, fresh_server, stopped_by_signals

CALLS: Final = 10_000
ATTEMPTS: Final = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="how many to deliver (default: 1,000,000)")
    parser.add_argument("--calls", type=int, default=CALLS, help="how many to time one by one")
    parser.add_argument("--with-json-store", action="store_true", help="deliver with a file for each attempt as well")
    options = parser.parse_args(arguments)
    measured: dict[str, Any] = {}
    try:
        with stopped_by_signals(), fresh_server() as server, tempfile.TemporaryDirectory() as folder:
            for part, count, with_store in (
                ("caller", options.calls, False),
                ("caller_with_json_store", options.calls, True),
                ("loop", options.calls, True),
                ("delivery", options.attempts, options.with_json_store),
            ):
                store = f"{folder}/action_logs" if with_store else ""
                measured |= run(server, part, count, folder=f"{folder}/{part}", json_store=store)
                _say(f"{part}: {measured}")
    except (EmbeddedPostgresError, ServerError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps(measured))
    return 0


def run(server: Server, part: str, count: int, *, folder: str, json_store: str) -> dict[str, float]:
    """One part in an engine process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.client_engine", part, str(count)],
        cwd=ROOT,
        env=os.environ
        | {
            "ACTIONLOG_URL": server.url,
            "ACTIONLOG_API_KEY": server.api_key,
            "ACTIONLOG_JOURNAL_DIR": folder,
            "ACTIONLOG_JSON_STORE": json_store,
            "ACTIONLOG_ENVIRONMENT": "benchmark",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
