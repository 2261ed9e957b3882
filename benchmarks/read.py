"""How fast is reading, and does it stay so as the record grows? `python -m benchmarks.read [--json]`

Starts two web processes, each on a durable embedded PostgreSQL in a temporary home, one with 10,000 and one with
1,000,000 attempts spread over the same 90 days, measures both in turn, and removes them. Takes about five minutes.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import psycopg

from actionlog_site.embedded_postgres import EmbeddedPostgresError
from benchmarks import load
from benchmarks.api_client import ApiClient
from benchmarks.documents import ATTEMPTS_PER_INCIDENT, STEPS_PER_ATTEMPT, Document, attempts, resolution_of
from benchmarks.server import Server, ServerError, fresh_server, stopped_by_signals

FEW: Final = 10_000
MANY: Final = 1_000_000
SPREAD: Final = timedelta(days=90)
FAILING: Final = 0.2
SEED: Final = 1
BATCH_SIZE: Final = 500
CONNECTIONS: Final = 2
PAGES: Final = 100
# The two servers are asked in turn, so that what else the machine does is shared evenly.
ROUNDS: Final = 8
REQUESTS_A_ROUND: Final = 10
WARM_UP: Final = 10

# What is to hold with a million attempts, in milliseconds, and how much longer than with ten thousand it may take.
MOST_MS: Final = 25.0
MOST_MS_OF: Final = {"statistics_90d": 100.0, "action_statistics_90d": 100.0}
MOST_TIMES: Final = {"metrics": 1.5, "statistics_7d": 1.5, "action_statistics_7d": 1.5}


class FillError(RuntimeError):
    """The server did not take what it was sent, or does not hold it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--few", type=int, default=FEW, metavar="N", help="attempts of the small record")
    parser.add_argument(
        "--many", type=int, default=MANY, metavar="N", help="attempts of the large record; fewer for a quick look only"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="how often each server has its turn")
    parser.add_argument("--pages", type=int, default=PAGES, metavar="N", help="the page that cursors are followed to")
    options = parser.parse_args(arguments)
    try:
        with stopped_by_signals(), fresh_server() as small, fresh_server() as large:
            measured = measure(
                small, large, few=options.few, many=options.many, pages=options.pages, rounds=options.rounds
            )
    except (EmbeddedPostgresError, ServerError, load.LoadError, FillError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report(measured, few=options.few, many=options.many, rounds=options.rounds))
    if options.json:
        print(json.dumps({"reads": measured}))
    return 0


def measure(
    small: Server, large: Server, *, few: int, many: int, pages: int, rounds: int
) -> dict[str, dict[str, float]]:
    """{read: {"ms_10k": ..., "ms_1m": ...}}: medians in milliseconds, from request to answer over loopback."""
    for server, count in ((small, few), (large, many)):
        fill(server, count)
    reads_of_small, reads_of_large = reads_of(small, few, pages), reads_of(large, many, pages)
    found: dict[str, dict[str, float]] = {}
    for name, of_small in reads_of_small.items():
        _say(f"{name} ...")
        of_large = reads_of_large[name]
        seconds: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 1):
            for server, next_request, told in ((small, of_small, seconds[0]), (large, of_large, seconds[1])):
                requests = [next_request() for _ in range(REQUESTS_A_ROUND if number else WARM_UP)]
                latencies = load.drive(server.url, [requests]).latencies
                if number:
                    told += latencies
        found[name] = {
            label: round(statistics.median(times) * 1000, 2)
            for label, times in zip(("ms_10k", "ms_1m"), seconds, strict=True)
        }
    return found


def fill(server: Server, count: int) -> None:
    """Record that many attempts and their resolution attempts through the write door, and let upkeep do its work."""
    _say(f"{count:,} attempts with {STEPS_PER_ATTEMPT} steps over HTTP ...")
    start = time.perf_counter()
    made = _requests(server, count)
    load.drive(server.url, [made, made][:CONNECTIONS])
    _say(f"... took {time.perf_counter() - start:.0f} s; summing up what has ended ...")
    done = server.manage("upkeep")
    if done.returncode != 0:
        raise FillError(f"upkeep failed:\n{done.stdout}")
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM action_attempts").fetchone()
        if row != (count,):
            raise FillError(f"The record holds {row and row[0]} attempts; {count} were acknowledged.")
        # What autovacuum does in its own time, and would do amid the measurement otherwise.
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    _say(f"... filled in {time.perf_counter() - start:.0f} s")


def reads_of(server: Server, count: int, pages: int) -> dict[str, Callable[[], bytes]]:
    """{read: a function that makes its next request}."""
    incidents = itertools.cycle(
        f"INC-{SEED}-{number:06}" for number in range(0, count // ATTEMPTS_PER_INCIDENT, max(1, count // 500))
    )
    same = {
        "metrics": "/api/resolution-monitor/metrics",
        "statistics_7d": "/api/statistics/?window=7d&group_by=action_type",
        "statistics_90d": "/api/statistics/?window=90d&group_by=action_type",
        "action_statistics_7d": "/api/action-attempts/statistics/?days_back=7",
        "action_statistics_90d": "/api/action-attempts/statistics/?days_back=90",
        "recent_with_details": "/api/resolution-monitor/recent?include_action_details=true",
        "patterns": "/api/failure-patterns/",
        "attempts_page_1": "/api/action-attempts/",
        f"attempts_page_{pages}": _page(server, pages),
    }
    reads: dict[str, Callable[[], bytes]] = {
        name: (lambda request: lambda: request)(load.get(server.url, path, server.api_key))
        for name, path in same.items()
    }
    reads["incident"] = lambda: load.get(
        server.url, f"/api/resolution-monitor/{quote(next(incidents))}", server.api_key
    )
    return reads


def report(measured: dict[str, dict[str, float]], *, few: int, many: int, rounds: int) -> str:
    """The result as a table for people."""
    lines = [f"{'median of each read, in ms':<28}{few:>12,}{many:>12,}{'times':>8}  attempts"]
    for name, told in measured.items():
        times = told["ms_1m"] / told["ms_10k"]
        most = MOST_MS_OF.get(name, MOST_MS)
        missed = [f"more than {most:g} ms"] if told["ms_1m"] > most else []
        if times > MOST_TIMES.get(name, float("inf")):
            missed.append(f"more than {MOST_TIMES[name]:g} times")
        lines.append(
            f"{name:<28}{told['ms_10k']:>12.2f}{told['ms_1m']:>12.2f}{times:>8.2f}  {', '.join(missed)}".rstrip()
        )
    explained = (
        f"Attempts with {STEPS_PER_ATTEMPT} steps, {FAILING:.0%} of them failed, over the same {SPREAD.days} days; one "
        f"connection to one web process, {rounds * REQUESTS_A_ROUND} requests of each kind."
    )
    return "\n".join([*lines, "", explained])


def _requests(server: Server, count: int) -> Iterator[bytes]:
    """The batches, made while others are recorded."""
    batch: list[Document] = []
    resolutions: list[Document] = []
    incident: list[Document] = []
    for document in attempts(count, failing=FAILING, seed=SEED, spread=SPREAD):
        if incident and incident[0]["incident_id"] != document["incident_id"]:
            resolutions.append(resolution_of(incident))
            incident = []
        incident.append(document)
        batch.append(document)
        if len(batch) == BATCH_SIZE:
            yield _ingest(server, resolutions, batch)
            batch, resolutions = [], []
    if incident:
        resolutions.append(resolution_of(incident))
    if batch or resolutions:
        yield _ingest(server, resolutions, batch)


def _ingest(server: Server, resolutions: list[Document], batch: list[Document]) -> bytes:
    body = msgspec.json.encode({"resolution_attempts": resolutions, "action_attempts": batch})
    return load.post(server.url, "/api/ingest/", body, server.api_key)


def _page(server: Server, number: int) -> str:
    """The address of a page of attempts, reached by following cursors from the first."""
    client = ApiClient(server.url, server.api_key)
    path = "/api/action-attempts/"
    for _ in range(number - 1):
        answer = client.get(path)
        following: Any = answer.body.get("next") if answer.status == 200 else None
        if not following:
            raise FillError(f"There is no page after {path}: {answer.status}.")
        told = urlsplit(following)
        path = f"{told.path}?{told.query}"
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
