"""Run a command as a recorded action attempt.

  actionlog run --incident inc_001 -- systemctl restart nginx
  actionlog run --incident inc_001 --type clear_cache --target web-3 --reason "stale prices" -- ./clear-cache.sh
  actionlog run --incident inc_001 --timeout 60 --parameter replicas=3 -- kubectl scale deploy/web --replicas=3

The command behaves as it would without us: it reads our input, its output arrives at once and unchanged, signals are
passed on, and its exit code is ours. The record has the command line without its secrets, the output as steps (lines
that come within a tenth of a second share one; of a flood the beginning, samples and the end, with what was left out
counted), and the outcome: success for exit code 0, else failed with the last lines of stderr.

exit codes of our own:
  2    these arguments cannot be meant
  124  --timeout was reached: SIGTERM, and SIGKILL 5 seconds later
  125  the command was not run, because it cannot be recorded
  126  the command is not executable       127  the command was not found
  128+n  the command was killed by signal n

A server that cannot be reached changes nothing but one line on stderr: the record waits in the journal, and the next
one who uses the same journal sends it. Set ACTIONLOG_JOURNAL_DIR to one folder for the whole machine: without it each
directory that it is used in gets a journal of its own. If `actionlog run` is killed with SIGKILL, the command goes on
to its end with its output, and the record says "lost contact".

Output goes through pipes, so the command sees that it is no terminal; input, and the terminal itself, it keeps. With
--tty its output is a terminal of its own, for commands that want one; stdout and stderr are one then.
"""

import argparse
import getpass
import json
import math
import os
import socket
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final

from actionlog_client.command_line.arguments import USAGE, Trouble, api_key_of, settings_of
from actionlog_client.command_line.child import SIGNALLED, Ending, NotStarted, asked_to_end, run, signals_held, start
from actionlog_client.settings import Settings

if TYPE_CHECKING:
    from actionlog_client.attempt import ActionAttempt
    from actionlog_client.command_line.listener import Listener
    from actionlog_client.command_line.secret_arguments import SecretArguments
    from actionlog_client.logger import ActionLogger

NOT_RECORDED: Final = 125
# What may be spent at the end on a server that does not answer.
DELIVERY_SECONDS: Final = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "actionlog run --incident INCIDENT [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("--incident", required=True, type=_name, help="the incident that the command is to resolve")
    parser.add_argument("--type", metavar="ACTION_TYPE", help="what kind of action it is; else the command's name")
    parser.add_argument("--id", metavar="ACTION_ID", help="which action it is, the same for each try; else its type")
    parser.add_argument("--target", help="what it acts on, such as a host or a service")
    parser.add_argument("--reason", help="why it is run")
    parser.add_argument("--environment", help="such as production; else ACTIONLOG_ENVIRONMENT")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="end the command after so long")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_parameter,
        metavar="KEY=VALUE",
        help="to be recorded beside the command line; a whole number, true and false are told as such",
    )
    parser.add_argument("--resolution", type=_uuid, metavar="UUID", help="the resolution attempt that it belongs to")
    parser.add_argument("--retry-of", type=_uuid, metavar="UUID", help="the attempt that this one tries again")
    parser.add_argument("--tty", action="store_true", help="give the command a terminal of its own for its output")


def execute(arguments: argparse.Namespace) -> int:
    """Run the command on record; its exit code. Raises Trouble."""
    if not arguments.command:
        raise Trouble(
            "Put the command behind --, as in: actionlog run --incident inc_001 -- systemctl restart nginx", USAGE
        )
    settings = settings_of(arguments)
    _have_standard_descriptors()
    code, delivered = _run_on_record(arguments, settings)
    if not delivered:
        print(
            f"actionlog: the record is not on the server {settings.url} yet; it waits in {settings.journal_dir} "
            "(`actionlog journal` tells more)",
            file=sys.stderr,
            flush=True,
        )
        # A thread may still wait for the server; it has nothing to tell that is not on the disk.
        os._exit(code)
    return code


def _run_on_record(arguments: argparse.Namespace, settings: Settings) -> tuple[int, bool]:
    """The exit code, and whether the record is where the settings want it. Raises Trouble."""
    from actionlog_client.command_line.plumbing import Plumbing

    with signals_held() as mask, Plumbing(tty=arguments.tty) as plumbing:
        # The relay is forked by now. What needs threads, and takes time to load, comes after it.
        import logging

        from actionlog_client.command_line.listener import Listener
        from actionlog_client.command_line.secret_arguments import SecretArguments
        from actionlog_client.journal.entries import JournalFull
        from actionlog_client.logger import ActionLogger
        from actionlog_client.redaction_key import make_redactor

        logging.getLogger("actionlog").addHandler(logging.NullHandler())  # stderr is the command's
        secrets = SecretArguments(arguments.command, make_redactor(settings.redaction_key, settings.journal_dir))
        action_logger = ActionLogger(arguments.url, api_key_of(arguments), arguments.journal_dir)
        try:
            attempt = _start_attempt(action_logger, arguments, secrets)
        except JournalFull as full:
            raise Trouble(f"The command was not run, because it cannot be recorded. {full}", NOT_RECORDED) from full
        if (number := asked_to_end()) is not None:
            attempt.mark_cancelled(f"{number.name} came before the command was run.", error_type="signal")
            return SIGNALLED + number, action_logger.close(DELIVERY_SECONDS, patient=False)
        listener = Listener(plumbing.copies, attempt.log_step, secrets.clean)
        try:
            process_id = start(arguments.command, plumbing.descriptors, mask, session=arguments.tty)
        except NotStarted as problem:
            plumbing.let_go()
            listener.finish()
            attempt.mark_failure(
                secrets.clean(str(problem)), {"exit_code": problem.exit_code}, error_type="command_not_started"
            )
            print(f"actionlog: {problem}", file=sys.stderr)
            code = problem.exit_code
        else:
            plumbing.let_go()
            ending = run(process_id, arguments.timeout, plumbing.terminal)
            listener.finish()
            plumbing.wait_for_relay()
            _tell_outcome(attempt, ending, listener, arguments.timeout)
            code = ending.own_exit_code
        return code, action_logger.close(DELIVERY_SECONDS, patient=False)


def _start_attempt(
    action_logger: "ActionLogger", arguments: argparse.Namespace, secrets: "SecretArguments"
) -> "ActionAttempt":
    """Raises JournalFull."""
    # Neither "/" nor "" has a last part, and an action needs a name.
    action_type = arguments.type or os.path.basename(arguments.command[0]) or arguments.command[0] or "command"
    attempt = action_logger.start_action_attempt(
        arguments.id or action_type,
        action_type,
        {"command": secrets.redacted, **dict(arguments.parameter)},
        arguments.incident,
        resolution_id=arguments.resolution,
        environment=arguments.environment,
        target=arguments.target,
        reason=arguments.reason,
        retry_of=arguments.retry_of,
    )
    attempt.log_step("run", "started", {"user": _user(), "host": socket.gethostname(), "directory": _directory()})
    return attempt


def _tell_outcome(attempt: "ActionAttempt", ending: Ending, listener: "Listener", timeout: float | None) -> None:
    if listener.is_left_open:
        attempt.log_step(
            "run",
            "output goes on",
            "The command left a process running that has its output, or it is read "
            "slowly. It still arrives; what came after this is not in the record.",
        )
    said = listener.last_words()
    if ending.timed_out:
        details: dict[str, Any] = {"timeout_seconds": timeout, "last_output": said}
        attempt.mark_failure(f"The command did not end within {timeout:g} seconds.", details, error_type="timeout")
    elif ending.signal_number is not None:
        details = {"signal": ending.signal_name, "number": ending.signal_number, "last_output": said}
        attempt.mark_failure(f"The command was killed by {ending.signal_name}.", details, error_type="signal")
    elif ending.exit_code:
        message = said or f"The command ended with exit code {ending.exit_code} and no message."
        attempt.mark_failure(message, {"exit_code": ending.exit_code}, error_type="exit_code")
    else:
        attempt.mark_success({"exit_code": 0})


def _have_standard_descriptors() -> None:
    """One of 0, 1 and 2 that is closed must not become the number of a pipe."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the id of an incident, not nothing")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0, not {text!r}")
    return seconds


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a UUID, not {text!r}") from None


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"KEY=VALUE, not {text!r}")
    if name == "command":
        raise argparse.ArgumentTypeError("another name than command, which is the command line")
    if value in ("true", "false"):
        return name, value == "true"
    # 007 and 1.10 are names rather than numbers.
    return name, int(value) if value == _as_integer(value) else value


def _as_integer(value: str) -> str | None:
    try:
        return json.dumps(int(value)) if len(value) < 16 else None
    except ValueError:
        return None
