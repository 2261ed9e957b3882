"""The engine that benchmarks/client.py measures, in a process of its own: `python -m benchmarks.client_engine PART N`.

Prints one JSON object. Takes the server and the folder from the environment, as any engine does.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from actionlog_client import ActionLogger

WARM_UP: Final = 500
ROUNDS: Final = 5
# The event loop of a busy engine: bursts of attempts, and time in between.
BURST: Final = 25
BURSTS_PER_SECOND: Final = 10
# An engine that logs faster than the server records fills its journal; this one waits for the server.
MOST_WAITING_ENTRIES: Final = 50_000
WATCHED_EVERY: Final = 200
SETTLED_SHARE: Final = 0.1

PARAMETERS: Final = {"database": "postgresql", "timeout": 30, "pool": "primary"}
DETAILS: Final = {"checking": "connection_pool", "open": 17}
RESULT: Final = {"connection_pool_size": 10, "response_time": "22ms"}


def log_one(action_logger: ActionLogger) -> None:
    """Start, three steps, completion."""
    attempt = action_logger.start_action_attempt("restart_db_001", "restart_database_connection", PARAMETERS, "inc_001")
    attempt.log_step("validation", "in_progress", DETAILS)
    attempt.log_step("restart", "in_progress", DETAILS)
    attempt.log_step("verification", "done", DETAILS)
    attempt.mark_success(RESULT)
    action_logger.complete_action_attempt(attempt)


def write_plain(folder: Path) -> None:
    """The same as one JSON file: open, write, rename."""
    now = time.time()
    steps = [
        {"step": step, "status": status, "timestamp": now, "details": DETAILS}
        for step, status in (("validation", "in_progress"), ("restart", "in_progress"), ("verification", "done"))
    ]
    attempt = {
        "attempt_id": str(uuid.uuid4()),
        "action_id": "restart_db_001",
        "action_type": "restart_database_connection",
        "incident_id": "inc_001",
        "parameters": PARAMETERS,
        "started_at": now,
        "completed_at": time.time(),
        "status": "success",
        "logs": steps,
        "result": RESULT,
    }
    path = folder / f"{attempt['attempt_id']}.json"
    made = path.with_suffix(".tmp")
    with made.open("w") as file:
        json.dump(attempt, file)
    made.rename(path)


def microseconds(call: Callable[[], None], count: int) -> list[float]:
    """How long each of so many calls took, one after the other."""
    took = []
    for number in range(count + WARM_UP):
        began = time.perf_counter()
        call()
        if number >= WARM_UP:
            took.append((time.perf_counter() - began) * 1e6)
    return took


def measure_caller(count: int) -> dict[str, float]:
    """While a thread of the same process delivers what was logged to a server on the same processors; in turns with
    the plain writer, so that a machine that does something else as well does it to both."""
    logged: list[float] = []
    plain: list[float] = []
    with ActionLogger() as action_logger, tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            logged += microseconds(lambda: log_one(action_logger), count // ROUNDS)
            assert action_logger.flush(60)
            plain += microseconds(lambda: write_plain(Path(folder)), count // ROUNDS)
    return {
        "caller_p50_us": statistics.median(logged),
        "caller_p99_us": statistics.quantiles(logged, n=100)[98],
        "plain_writer_p50_us": statistics.median(plain),
        "plain_writer_p99_us": statistics.quantiles(plain, n=100)[98],
    }


def measure_caller_with_store(count: int) -> dict[str, float]:
    """While another thread writes a file for each attempt as well."""
    with ActionLogger() as action_logger:
        return {"caller_with_json_store_p50_us": statistics.median(microseconds(lambda: log_one(action_logger), count))}


def measure_loop(count: int) -> dict[str, float]:
    """How long an event loop is held by a callback that logs one attempt, step by step between other work."""
    with ActionLogger() as action_logger:
        return {"loop_held_p99_us": asyncio.run(_hold(action_logger, count))}


async def _hold(action_logger: ActionLogger, count: int) -> float:
    held = []
    for number in range(count + WARM_UP):
        began = time.perf_counter()
        log_one(action_logger)
        spent = time.perf_counter() - began
        if number >= WARM_UP:
            held.append(spent * 1e6)
        await asyncio.sleep(0 if number % BURST else 1 / BURSTS_PER_SECOND)
    return statistics.quantiles(held, n=100)[98]


def measure_delivery(count: int) -> dict[str, float]:
    """Log as fast as the server takes it."""
    process = psutil.Process()
    settled = most = 0
    with ActionLogger() as action_logger:
        for _ in range(WARM_UP):
            log_one(action_logger)
        assert action_logger.flush(60)
        began = time.perf_counter()
        for number in range(count):
            log_one(action_logger)
            if number % WATCHED_EVERY == 0:
                while action_logger.health()["waiting"] > MOST_WAITING_ENTRIES:
                    time.sleep(0.01)
                if number % (WATCHED_EVERY * 50) == 0:
                    memory = process.memory_info().rss
                    if number <= count * SETTLED_SHARE:
                        settled = memory
                    most = max(most, memory)
        assert action_logger.flush(120)
        seconds = time.perf_counter() - began
        health: dict[str, Any] = action_logger.health()
    assert health["refused"] == 0
    return {"delivered_per_second": count / seconds, "rss_growth_mb": (most - settled) / 2**20, "rss_mb": most / 2**20}


PARTS: Final = {
    "caller": measure_caller,
    "caller_with_json_store": measure_caller_with_store,
    "loop": measure_loop,
    "delivery": measure_delivery,
}


def main() -> None:
    part, count = sys.argv[1], int(sys.argv[2])
    print(json.dumps({name: round(value, 2) for name, value in PARTS[part](count).items()}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("ACTIONLOG_ENGINE", "benchmark")
    main()
