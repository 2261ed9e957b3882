"""`python -m demonstration`: the demonstration engine against the running server, until Ctrl-C."""

import argparse
import secrets
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from uuid import UUID

import psycopg

from actionlog_client import ActionLogger, JournalFull
from demonstration.engine import engine
from demonstration.engine.actions import Actions
from demonstration.laboratory.child import ChildError
from demonstration.laboratory.laboratory import Laboratory, LaboratoryTaken
from demonstration.laboratory.monitor import Monitor
from demonstration.server import NoServer, Server, find_server
from demonstration.show import Course, show
from demonstration.terminal import Terminal

ENVIRONMENT = "demo"
FLUSH_SECONDS = 15.0


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 2 when it cannot begin, 1 when it cannot go on."""
    course = _course(arguments)
    terminal = Terminal()
    ending = threading.Event()
    _end_on_signals(ending, terminal)
    try:
        server = find_server()
        with Laboratory(server.home / "demo", server.database_url) as laboratory:
            _run(course, server, laboratory, terminal, ending)
            terminal.say("The laboratory is taken down.")
    except (NoServer, LaboratoryTaken, ChildError) as error:
        print(error, file=sys.stderr)
        return 2
    except (psycopg.Error, JournalFull) as error:
        print(f"The demonstration cannot go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(course: Course, server: Server, laboratory: Laboratory, terminal: Terminal, ending: threading.Event) -> None:
    action_logger = ActionLogger(
        server.url,
        server.api_key,
        journal_dir=server.home / "demo" / "journal",
        environment=ENVIRONMENT,
        engine=engine.NAME,
        engine_version=engine.VERSION,
        json_store="",
    )
    with action_logger:
        monitor = Monitor(laboratory)
        at_work = engine.Engine(action_logger, monitor, Actions(laboratory, monitor), terminal)
        _greet(course, server, laboratory, terminal)
        count = show(course, laboratory, monitor, at_work, terminal, ending)
        delivered = action_logger.flush(FLUSH_SECONDS)
        terminal.say()
        terminal.say(f"{count} incidents. {_completeness(server, action_logger.journal_id, delivered)}")


def _greet(course: Course, server: Server, laboratory: Laboratory, terminal: Terminal) -> None:
    terminal.say(f"{engine.NAME} {engine.VERSION} works for {server.url}/ in the environment {ENVIRONMENT!r}.")
    terminal.say(f"In the laboratory: a shop on port {laboratory.service.port} of 127.0.0.1, its catalogue and cache;")
    size = laboratory.volume.quota // 1024**2
    terminal.say(f"a volume of {size} MiB (real files, a quota of its own) in {_shown(laboratory.folder)};")
    if laboratory.pool is not None:
        terminal.say(
            f"a worker whose database role may have {laboratory.pool.database.limit()} connections, on the same server."
        )
    for notice in laboratory.notices:
        terminal.say(notice)
    terminal.say(f"Faults in the order of seed {course.seed}, {course.rate:g} a minute. Ctrl-C ends it.")


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _completeness(server: Server, journal_id: UUID | None, delivered: bool) -> str:
    if not delivered:
        return "Not all is on the server yet; it is kept, and sent by the next demonstration."
    told = None if journal_id is None else server.engine(journal_id)
    if told is None:
        return "All that was recorded is on the server."
    return (
        f"Of {told['written']} entries in the engine's journal the server has {told['stored']}; "
        f"missing: {told['missing']}, refused: {told['refused']}."
    )


def _end_on_signals(ending: threading.Event, terminal: Terminal) -> None:
    """The first Ctrl-C lets the incident under way come to its end, the second does not."""

    def end(number: int, frame: FrameType | None) -> None:
        if ending.is_set():
            raise KeyboardInterrupt
        ending.set()
        terminal.say("\nEnding, after this incident. (Ctrl-C again: at once.)")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, end)


def _course(arguments: list[str] | None) -> Course:
    parser = argparse.ArgumentParser(prog="python -m demonstration", description=__doc__)
    parser.add_argument("--rate", type=_positive, default=12.0, help="incidents a minute, at most (default 12)")
    parser.add_argument("--seed", type=int, help="the order and the times of the faults (default: another each time)")
    parser.add_argument("--incidents", type=int, metavar="N", help="end after so many (default: go on until Ctrl-C)")
    told = parser.parse_args(arguments)
    seed = told.seed if told.seed is not None else secrets.randbelow(10_000)
    return Course(told.rate, seed, told.incidents)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
