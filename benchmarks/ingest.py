"""How fast is recording, beside the database's own COPY? `python -m benchmarks.ingest [--json] [--failing 0.2]`

With --failing also: how fast is it, beside the plain run, when that share of the attempts fails? Starts a durable
embedded PostgreSQL and one web process in a temporary home, measures, and removes both.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql

from actionlog_site.embedded_postgres import EmbeddedPostgresError
from benchmarks import copy_baseline, load
from benchmarks.documents import STEPS_PER_ATTEMPT, Document, attempts, starts
from benchmarks.server import Server, ServerError, fresh_server, stopped_by_signals

ATTEMPTS: Final = 20_000
# Of the attempts of a plain run, as many as fail in an engine's ordinary life.
PLAIN_SHARE: Final = 0.05
# A plain run and one with more failures take turns in this many rounds: the machine's moods meet both.
ROUNDS: Final = 6
BATCH_SIZE: Final = 100
CONNECTIONS: Final = 2
SINGLE_WARM_UP: Final = 100
SINGLE_REQUESTS: Final = 1_000
MANY_CONNECTIONS: Final = 32
MANY_SECONDS: Final = 5.0
# As many are prepared as nobody will need: the fastest sketch answered 8,000 a second.
MANY_PREPARED_PER_SECOND: Final = 16_000
READABLE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Measured:
    """What --json prints. Rates are of attempts or requests a second, times in milliseconds, memory in MiB."""

    attempts_per_second: float
    copy_per_second: float
    ratio: float
    single_p50_ms: float
    single_p99_ms: float
    single_per_second_c32: float
    peak_rss_mb: float


@dataclass(frozen=True)
class Compared:
    """What --failing adds to it: the share that fails, and the rate of such batches beside that of plain ones, which
    took turns with them."""

    failing_share: float
    plain_attempts_per_second: float
    failing_attempts_per_second: float
    failing_ratio: float


@dataclass(frozen=True)
class Work:
    """How much is sent: attempts in batches, single requests alone, seconds of single requests on many connections."""

    attempts: int
    singles: int
    many_seconds: float

    @classmethod
    def at(cls, scale: float) -> "Work":
        """A share of the usual work, but never so little that a figure could not be computed."""
        batches = max(2 * CONNECTIONS, round(ATTEMPTS * scale / BATCH_SIZE))
        return cls(batches * BATCH_SIZE, max(100, round(SINGLE_REQUESTS * scale)), max(0.2, MANY_SECONDS * scale))


class WrongRowsError(RuntimeError):
    """The database does not hold what was sent, or derived something else from it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument(
        "--failing",
        type=_share,
        help=f"measure batches of which this share fails too, beside plain ones ({PLAIN_SHARE})",
    )
    parser.add_argument(
        "--scale", type=_share, default=1.0, help="share of the usual work, for a quick look; not for comparing"
    )
    options = parser.parse_args(arguments)
    try:
        with stopped_by_signals(), fresh_server() as server:
            work = Work.at(options.scale)
            measured, compared = measure(server, work, failing=options.failing)
    except (EmbeddedPostgresError, ServerError, load.LoadError, WrongRowsError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report(measured, compared, work))
    if options.json:
        print(json.dumps(asdict(measured) | (asdict(compared) if compared else {})))
    return 0


def measure(server: Server, work: Work, *, failing: float | None) -> tuple[Measured, Compared | None]:
    """All measurements, one after the other, on a server whose database is empty. Takes about half a minute."""
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        _say(f"{work.attempts:,} attempts with {STEPS_PER_ATTEMPT} steps over HTTP ...")
        rate = work.attempts / _batches(server, connection, count=work.attempts, failing=PLAIN_SHARE, seed=1)
        _say("the same rows by COPY ...")
        copy_rate = copy_baseline.attempts_per_second(
            connection, batch_size=BATCH_SIZE, steps_per_attempt=STEPS_PER_ATTEMPT
        )
        _say("single requests ...")
        connection.execute("CHECKPOINT")
        single = _singles(server, work.singles)
        _say(f"single requests at {MANY_CONNECTIONS} connections ...")
        many = _many(server, seconds=work.many_seconds)
        compared, whole = None, work.attempts
        peak_rss_mb = server.peak_rss_mb()
        if failing is not None:
            _say(f"batches of which {failing:.0%} fail, and plain ones, in turns ...")
            compared, sent = _compare(server, connection, work, failing=failing)
            whole += sent
        acknowledged = whole + SINGLE_WARM_UP + work.singles + len(many.latencies)
        _say("is everything there, and are the metrics exact? ...")
        _check_rows(connection, attempts=acknowledged, whole=whole)
        _check_metrics(server)
    measured = Measured(
        attempts_per_second=round(rate, 1),
        copy_per_second=round(copy_rate, 1),
        ratio=round(rate / copy_rate, 3),
        single_p50_ms=round(statistics.median(single.latencies) * 1000, 3),
        single_p99_ms=round(statistics.quantiles(single.latencies, n=100)[98] * 1000, 3),
        single_per_second_c32=round(len(many.latencies) / many.seconds, 1),
        peak_rss_mb=round(peak_rss_mb, 1),
    )
    return measured, compared


def report(measured: Measured, compared: Compared | None, work: Work) -> str:
    """The result as a table for people."""
    rows = [
        ("attempts recorded per second", f"{measured.attempts_per_second:,.0f}"),
        ("the same rows by bare COPY, per second", f"{measured.copy_per_second:,.0f}"),
        ("ratio", f"{measured.ratio:.2f}"),
        ("one-document request alone, median", f"{measured.single_p50_ms:.2f} ms"),
        ("one-document request alone, 99th percentile", f"{measured.single_p99_ms:.2f} ms"),
        (f"one-document requests per second, {MANY_CONNECTIONS} connections", f"{measured.single_per_second_c32:,.0f}"),
        ("peak memory of the web process", f"{measured.peak_rss_mb:.0f} MiB"),
    ]
    if compared is not None:
        share = f"{compared.failing_share:.0%}"
        rows += [
            (
                "plain attempts per second, in turns with those that follow",
                f"{compared.plain_attempts_per_second:,.0f}",
            ),
            (f"attempts per second when {share} fail", f"{compared.failing_attempts_per_second:,.0f}"),
            ("ratio", f"{compared.failing_ratio:.3f}"),
        ]
    explained = (
        f"{work.attempts:,} attempts with {STEPS_PER_ATTEMPT} steps, {PLAIN_SHARE:.0%} of them failed, in batches of "
        f"{BATCH_SIZE} from {CONNECTIONS} connections to one web process,\nuntil all can be read. "
        f"COPY: one connection, prepared text buffers, a durable commit for each {BATCH_SIZE}; "
        f"median of {copy_baseline.ROUNDS} rounds.\nA single request starts a new attempt, without steps."
    )
    width = max(len(name) for name, _ in rows)
    return "\n".join([*(f"{name:<{width}}  {value:>10}" for name, value in rows), "", explained])


def _compare(
    server: Server, connection: copy_baseline.Connection, work: Work, *, failing: float
) -> tuple[Compared, int]:
    """Batches with more failures beside plain ones, and how many attempts that were."""
    batches = max(CONNECTIONS, work.attempts // BATCH_SIZE // ROUNDS)
    count = batches * BATCH_SIZE
    shares = {"plain": PLAIN_SHARE, "failing": failing}
    seconds: dict[str, list[float]] = {name: [] for name in shares}
    for turn in range(ROUNDS):
        # Each goes first as often as it goes second.
        for place, name in enumerate(sorted(shares, reverse=turn % 2 == 0)):
            seed = 100 + 2 * turn + place
            seconds[name].append(_batches(server, connection, count=count, failing=shares[name], seed=seed))
    plain, failed = (count / statistics.median(seconds[name]) for name in shares)
    return Compared(failing, round(plain, 1), round(failed, 1), round(failed / plain, 3)), 2 * ROUNDS * count


def _batches(server: Server, connection: copy_baseline.Connection, *, count: int, failing: float, seed: int) -> float:
    """Seconds from the first byte of so many attempts sent until all can be read."""
    documents = list(attempts(count, failing=failing, seed=seed))
    requests = [
        load.post(server.url, "/api/ingest/", _encode({"action_attempts": batch}), server.api_key)
        for batch in _chunks(documents, BATCH_SIZE)
    ]
    # The last of each connection; when they can be read and the number is right, all can.
    last = [
        load.get(server.url, f"/api/action-attempts/{document['attempt_id']}/", server.api_key)
        for document in documents[-CONNECTIONS * BATCH_SIZE :: BATCH_SIZE]
    ]
    there = _count(connection, "action_attempts")
    connection.execute("CHECKPOINT")
    start = time.perf_counter()
    load.drive(server.url, [requests[first::CONNECTIONS] for first in range(CONNECTIONS)])
    while _count(connection, "action_attempts") < there + count:
        if time.perf_counter() - start > READABLE_SECONDS:
            raise WrongRowsError(f"After {READABLE_SECONDS:.0f} s not all of what was acknowledged can be read.")
        time.sleep(0.01)
    load.drive(server.url, [last])
    return time.perf_counter() - start


def _singles(server: Server, count: int) -> load.Load:
    """One request after the other on one connection."""
    requests = _start_requests(server, SINGLE_WARM_UP + count, seed=2)
    done = load.drive(server.url, [requests])
    return load.Load(done.seconds, done.latencies[SINGLE_WARM_UP:])


def _many(server: Server, *, seconds: float) -> load.Load:
    requests = _start_requests(server, int(MANY_PREPARED_PER_SECOND * seconds), seed=3)
    queues = [requests[first::MANY_CONNECTIONS] for first in range(MANY_CONNECTIONS)]
    return load.drive(server.url, queues, until_seconds=seconds)


def _start_requests(server: Server, count: int, *, seed: int) -> list[bytes]:
    return [
        load.post(server.url, "/api/action-attempts/", _encode(document), server.api_key)
        for document in starts(count, seed=seed)
    ]


def _check_rows(connection: copy_baseline.Connection, *, attempts: int, whole: int) -> None:
    """Raises WrongRowsError unless there are that many attempts, and the steps of the whole ones."""
    for table, expected in (("action_attempts", attempts), ("action_logs", whole * STEPS_PER_ATTEMPT)):
        found = _count(connection, table)
        if found != expected:
            raise WrongRowsError(f"{table} holds {found} rows; {expected} were acknowledged.")


def _check_metrics(server: Server) -> None:
    """Raises WrongRowsError unless the live metrics equal a recount."""
    done = server.manage("rebuild_metrics", "--check")
    if done.returncode != 0:
        raise WrongRowsError(f"rebuild_metrics --check does not find the metrics exact:\n{done.stdout}")


def _count(connection: copy_baseline.Connection, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _chunks(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    rest = iter(documents)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share lies between 0 and 1")
    return share


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
