"""`actionlog`, or `python -m actionlog_client`: finds the command that is meant and runs it.

The commands themselves are in command_line/.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Final

from actionlog_client.command_line.arguments import FAILED, USAGE, Trouble, add_common
from actionlog_client.version import VERSION

COMMANDS: Final = {
    "run": "run a command as a recorded action attempt",
    "statistics": "how often actions work, and how long they take",
    "incident": "the timeline of one incident",
    "journal": "what this machine has recorded, and what of it the server has",
    "tail": "follow the live feed",
}

# As of `timeout` and `env`: not what the command that is to be run ended with.
OURSELVES: Final = 125


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Foreseeable trouble is one line on stderr, never a traceback."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show must not end us
    try:
        if not given or given[0] not in COMMANDS:
            return _without_command(given)
        command = import_module(f"actionlog_client.command_line.{given[0]}")
        parser = argparse.ArgumentParser(
            prog=f"actionlog {given[0]}",
            description=command.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(parser)
        add_common(parser)
        # What stands behind "--" belongs to the command that is to be run, whatever it looks like.
        ours, separator, theirs = _parted(given[1:])
        arguments = parser.parse_args(ours)
        arguments.command = theirs if separator else None
        if separator and given[0] != "run":
            parser.error("only `actionlog run` takes something after --")
        code: int = command.execute(arguments)
        if sys.stdout is not None:  # as it is when it was closed before we began
            sys.stdout.flush()
        return code
    except Trouble as trouble:
        print(f"actionlog: {trouble}", file=sys.stderr)
        return trouble.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough. The interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        # Our output has no room, or this process has no more files to open.
        print(f"actionlog: {error}", file=sys.stderr)
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OURSELVES if given[0] == "run" else FAILED
    except KeyboardInterrupt:
        return 130


def _parted(given: list[str]) -> tuple[list[str], bool, list[str]]:
    if "--" not in given:
        return given, False, []
    place = given.index("--")
    return given[:place], True, given[place + 1 :]


def _without_command(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="actionlog",
        description="The flight recorder for AI engines that resolve production incidents, from the shell.",
        epilog="commands:\n"
        + "".join(f"  {name:12}{told}\n" for name, told in COMMANDS.items())
        + "\n`actionlog COMMAND --help` tells more, with examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="actionlog COMMAND ...",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"actionlog {VERSION}")
    _, unknown = parser.parse_known_args(given)
    if unknown:
        parser.error(f"there is no command {unknown[0]!r}; commands are {', '.join(COMMANDS)}")
    parser.print_help(sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
