"""Sends recorded sessions through the HTTP API the way a live engine would.

    python -m benchmarks.replay FILE... [--url URL] [--rate N] [--concurrency N] [--verify]

Each session is opened; its actions are started, told step by step, and completed, overlapping as they did; then it is
closed. Replaying a file again changes nothing. Exits with 1 when anything was not taken, or does not read back equal.
"""

import argparse
import contextlib
import os
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from tqdm import tqdm

from actionlog_site.home import actionlog_home
from benchmarks.api_client import ApiClient, NotSignedInError, ServerGoneError
from benchmarks.recordings import Line, RecordingError, Session, read_lines
from benchmarks.verification import attempt_differences, resolution_differences

FAULTS_SHOWN: Final = 20


@dataclass
class Tally:
    """What has come of it so far; all threads write to it, and end their work once it is interrupted."""

    sessions: int = 0
    actions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    warnings: int = 0
    faults: list[str] = field(default_factory=list)
    interrupted: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_outcome(self, outcome: str, warnings: int) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            self.warnings += warnings

    def add_fault(self, fault: str) -> None:
        with self.lock:
            self.faults.append(fault)


class Pace:
    """Lets at most so many through in a second, evenly; None lets all through."""

    def __init__(self, rate: float | None, interrupted: threading.Event) -> None:
        self._interrupted = interrupted
        self._interval = 1 / rate if rate else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._interval
        if turn > now:
            self._interrupted.wait(turn - now)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    api_key = options.api_key or os.environ.get("ACTIONLOG_API_KEY") or _kept_key()
    if not api_key:
        print("No API key: give --api-key, set ACTIONLOG_API_KEY, or set ACTIONLOG_HOME.", file=sys.stderr)
        return 2
    try:
        ApiClient(options.url, api_key)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    tally = Tally()
    try:
        replay(
            options.files,
            url=options.url,
            api_key=api_key,
            tally=tally,
            rate=options.rate,
            concurrency=options.concurrency,
            verify=options.verify,
        )
    except (ServerGoneError, NotSignedInError) as error:
        tally.add_fault(f"Stopped: {error}")
    except KeyboardInterrupt:
        print(summary(tally))
        return 130
    print(summary(tally))
    return 1 if tally.faults else 0


def replay(
    files: list[Path],
    *,
    url: str,
    api_key: str,
    tally: Tally,
    rate: float | None = None,
    concurrency: int = 1,
    verify: bool = False,
) -> None:
    """Sends all sessions of the files; with verify, reads all back afterwards. What came of it is in the tally.

    rate is in actions a second; concurrency is the number of sessions under way at once, each on a connection.
    Raises ServerGoneError or NotSignedInError when there is no going on.
    """
    for session in _sessions(_lines(files, tally), tally):
        tally.sessions += 1
        tally.actions += len(session.attempts)
    # Whatever cannot be read has been told of by now, and is passed over from here on.
    pace = Pace(rate, tally.interrupted)
    with _progress("replay", tally) as bar:
        _in_threads(
            lambda session, client: send(session, client, tally, pace=pace, advance=bar.update),
            files,
            url=url,
            api_key=api_key,
            tally=tally,
            concurrency=concurrency,
        )
    if verify:
        with _progress("verify", tally) as bar:
            _in_threads(
                lambda session, client: read_back(session, client, tally, advance=bar.update),
                files,
                url=url,
                api_key=api_key,
                tally=tally,
                concurrency=concurrency,
            )


def send(session: Session, client: ApiClient, tally: Tally, *, pace: Pace, advance: Callable[[], object]) -> None:
    """All calls of one session, in their order. What follows a refused beginning has nothing to stand on: not sent."""
    not_begun: set[str | None] = set()
    for index, call in enumerate(session.calls):
        if call.starts:
            pace.wait()
        if tally.interrupted.is_set():
            return
        if call.attempt_id in not_begun:
            tally.add_fault(f"{call.path}: not sent, since its beginning was refused")
            continue
        answer = client.post(call.path, call.body)
        if answer.taken:
            tally.add_outcome(answer.body["outcome"], len(answer.body["warnings"]))
        else:
            tally.add_fault(f"{call.path}: {answer.reason()}")
            if call.starts or index == 0:
                not_begun.add(call.attempt_id)
        if call.starts:
            advance()


def read_back(session: Session, client: ApiClient, tally: Tally, *, advance: Callable[[], object]) -> None:
    """Notes every difference between what was sent of one session and what the API tells of it."""
    path = f"/api/resolution-attempts/{session.resolution['resolution_id']}/"
    answer = client.get(path)
    found = resolution_differences(session.resolution, answer.body) if answer.taken else [answer.reason()]
    for difference in found:
        tally.add_fault(f"{path}: {difference}")
    for attempt in session.attempts:
        if tally.interrupted.is_set():
            return
        path = f"/api/action-attempts/{attempt['attempt_id']}/"
        answer = client.get(path)
        for difference in attempt_differences(attempt, answer.body) if answer.taken else [answer.reason()]:
            tally.add_fault(f"{path}: {difference}")
        advance()


def summary(tally: Tally) -> str:
    """The result for people: what was sent, what the server made of it, and what went wrong."""
    taken = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items())) or "none"
    lines = [
        f"{tally.sessions:,} sessions, {tally.actions:,} actions; requests taken: {taken}; warnings: {tally.warnings:,}"
    ]
    lines += tally.faults[:FAULTS_SHOWN]
    if len(tally.faults) > FAULTS_SHOWN:
        lines.append(f"... and {len(tally.faults) - FAULTS_SHOWN:,} more")
    lines.append(f"{len(tally.faults):,} things went wrong." if tally.faults else "All was taken.")
    return "\n".join(lines)


def _in_threads(
    handle: Callable[[Session, ApiClient], None],
    files: list[Path],
    *,
    url: str,
    api_key: str,
    tally: Tally,
    concurrency: int,
) -> None:
    """Each thread takes the next session when it is done with one. The first error ends them all, and is raised."""
    lines = _lines(files, Tally())
    lock = threading.Lock()

    def next_line() -> Line | None:
        with lock:
            return None if tally.interrupted.is_set() else next(lines, None)

    def work() -> None:
        with contextlib.closing(ApiClient(url, api_key)) as client:
            for session in _sessions(iter(next_line, None), Tally()):
                handle(session, client)

    with ThreadPoolExecutor(concurrency) as threads:
        try:
            for done in as_completed([threads.submit(work) for _ in range(concurrency)]):
                done.result()
        except BaseException:
            tally.interrupted.set()
            raise


def _progress(name: str, tally: Tally) -> "tqdm[NoReturn]":
    return tqdm(total=tally.actions, desc=name, unit="action", smoothing=0.05)


def _lines(files: list[Path], tally: Tally) -> Iterator[Line]:
    for path in files:
        try:
            yield from read_lines(path)
        except (OSError, EOFError, zlib.error) as error:
            tally.add_fault(f"{path} cannot be read, or not to its end: {error}")


def _sessions(lines: Iterator[Line], tally: Tally) -> Iterator[Session]:
    for line in lines:
        try:
            yield line.session()
        except RecordingError as error:
            tally.add_fault(str(error))


def _kept_key() -> str | None:
    with contextlib.suppress(OSError):
        kept: str = (actionlog_home() / "api-key").read_text().strip()
        return kept
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recorded sessions, JSON lines, plain or .gz"
    )
    default_url = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    parser.add_argument("--url", default=default_url, help="the server (default: %(default)s)")
    parser.add_argument("--api-key", help="default: ACTIONLOG_API_KEY, else the file api-key in ACTIONLOG_HOME")
    parser.add_argument("--rate", type=_positive(float), help="actions a second at most (default: as fast as it goes)")
    parser.add_argument("--concurrency", type=_positive(int), default=1, help="sessions at once (default: 1)")
    parser.add_argument("--verify", action="store_true", help="read everything back afterwards and compare")
    return parser


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError("must be above 0")
        return value

    read.__name__ = kind.__name__  # for argparse's "invalid float value"
    return read


if __name__ == "__main__":
    sys.exit(main())
