"""Runs one command to its end: starts it, passes signals on, keeps the time. What it prints is relay.py's matter.

The command is a child of ours. Where there is a terminal it stays in our process group, so that the terminal's own
signals (Ctrl-C, Ctrl-\\, Ctrl-Z, hang-up) reach it from there and are not sent a second time; elsewhere it gets a group
of its own, so that a time-out ends what it has started too. Killing us with SIGKILL does not end it.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ENOEXEC
from typing import Any, Final

NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
TIMED_OUT: Final = 124
SIGNALLED: Final = 128
# Between asking a command to end and ending it.
KILL_SECONDS: Final = 5.0

_PASSED: Final = frozenset(
    {
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
        signal.SIGTSTP, signal.SIGCONT,
    }
)  # fmt: skip
_AWAITED: Final = _PASSED | {signal.SIGCHLD}
# Those that the kernel sends, and no process: what a terminal sends to the whole group in its foreground.
_FROM_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGWINCH, signal.SIGTSTP})
_SENT_BY_KERNEL: Final = 0x80  # SI_KERNEL of sigaction(2)
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
_FOREVER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended: its exit code, or the number of the signal that killed it."""

    exit_code: int | None = None
    signal_number: int | None = None
    timed_out: bool = False

    @property
    def signal_name(self) -> str:
        try:
            return signal.Signals(self.signal_number or 0).name
        except ValueError:  # the real-time signals but the first and the last have no name
            return f"signal {self.signal_number}"

    @property
    def own_exit_code(self) -> int:
        """What we end with, as a shell or timeout(1) would."""
        if self.timed_out:
            return TIMED_OUT
        return SIGNALLED + self.signal_number if self.signal_number is not None else self.exit_code or 0


class NotStarted(Exception):
    """The command does not run. exit_code is a shell's: 127 not found, 126 found but not executable."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code: Final = exit_code


@contextmanager
def signals_held() -> Iterator[set[int]]:
    """The signals that are passed on wait until run() takes them, in all threads made meanwhile. Gives the mask before.

    What is still waiting at the end concerned the command, and is forgotten.
    """
    before = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)}
    try:
        yield before
    finally:
        while signal.sigtimedwait(_AWAITED, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def asked_to_end() -> signal.Signals | None:
    """The signal that asked us to end before there was a command that could be told. Inside signals_held() only."""
    while (told := signal.sigtimedwait(_AWAITED, 0)) is not None:
        number = signal.Signals(told.si_signo)
        if number in _ENDING and signal.getsignal(number) != signal.SIG_IGN:
            return number
    return None


def has_terminal() -> bool:
    """Whether this process belongs to a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def start(command: list[str], descriptors: dict[int, int | str], mask: set[int], *, session: bool = False) -> int:
    """Start a command; its process id. Raises NotStarted.

    descriptors: what the command gets as 0, 1 and 2: a descriptor of ours, or a path to open. session: in a session of
    its own, whose terminal is the first path in descriptors.
    """
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_OPEN, number, given, os.O_RDWR, 0)
        if isinstance(given, str)
        else (os.POSIX_SPAWN_DUP2, given, number)
        for number, given in descriptors.items()
    ]
    facts: dict[str, Any] = {
        "file_actions": actions,
        "setsigmask": mask,
        "setsigdef": [signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them
    }
    if session:
        facts["setsid"] = True
    elif not has_terminal():
        facts["setpgroup"] = 0
    if not command[0]:  # "$UNSET" in a runbook
        raise NotStarted("the command has an empty name; is a variable not set?", NOT_FOUND)
    try:
        return os.posix_spawnp(command[0], command, os.environ, **facts)
    except OSError as error:
        found = shutil.which(command[0])
        if error.errno == ENOEXEC and found is not None:
            # A script without "#!": a shell would run it itself.
            return os.posix_spawn("/bin/sh", ["sh", found, *command[1:]], os.environ, **facts)
        missing = isinstance(error, FileNotFoundError) and not os.path.exists(command[0])
        reason = "command not found" if missing and "/" not in command[0] else error.strerror
        raise NotStarted(f"{command[0]}: {reason}", NOT_FOUND if missing else NOT_EXECUTABLE) from error


def run(process_id: int, timeout: float | None, terminal: int | None = None) -> Ending:
    """Wait until a command that start() started has ended, passing signals on. Inside signals_held() only.

    timeout in seconds: then SIGTERM, and KILL_SECONDS later SIGKILL. terminal: the command's own, whose size follows.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    patience = 0.0
    timed_out = False
    while True:
        ended, status = os.waitpid(process_id, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                return Ending(signal_number=os.WTERMSIG(status), timed_out=timed_out)
            return Ending(exit_code=os.WEXITSTATUS(status), timed_out=timed_out)
        left = _FOREVER if deadline is None else deadline - time.monotonic()
        if left <= 0:
            if timed_out:
                _signal_all(process_id, signal.SIGKILL)
                deadline = None
                continue
            timed_out, patience = True, KILL_SECONDS
            deadline = time.monotonic() + patience
            _signal_all(process_id, signal.SIGTERM)
            _signal_all(process_id, signal.SIGCONT)  # a stopped one could not end
            continue
        told = signal.sigtimedwait(_AWAITED, left)
        if told is not None and told.si_signo != signal.SIGCHLD:
            _pass_on(process_id, told, terminal)


def _pass_on(process_id: int, told: signal.struct_siginfo, terminal: int | None) -> None:
    number = signal.Signals(told.si_signo)
    if number == signal.SIGWINCH and terminal is not None:
        copy_size(terminal)
        return
    shared = terminal is None and os.getpgid(process_id) == os.getpgrp()
    if not (shared and number in _FROM_TERMINAL and told.si_code == _SENT_BY_KERNEL):
        with suppress(ProcessLookupError):
            os.kill(process_id, number)
    if number == signal.SIGTSTP:
        os.kill(os.getpid(), signal.SIGSTOP)


def copy_size(terminal: int) -> None:
    """Give a pseudo-terminal the size of our own; its programs are told by the kernel."""
    import fcntl
    import termios

    with suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))


def _signal_all(process_id: int, number: signal.Signals) -> None:
    """To the command and, when it has a group of its own, to all in it."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(process_id) == process_id:
            os.killpg(process_id, number)
        else:
            os.kill(process_id, number)
