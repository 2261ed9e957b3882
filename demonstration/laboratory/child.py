"""Processes of the laboratory: started, stopped, and sure to end. The side of the program itself is in companion.py.

A child ends when the process that started it does: its standard input is then at its end, which it watches. One that
is stopped (SIGSTOP) watches nothing; it is in a process group of its own, to which the kernel sends SIGHUP when its
starter is gone. What outlives even that is found by the lock it holds, and killed, at the next start.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from demonstration.laboratory.companion import READY, is_held, note_of

ROOT: Final = Path(__file__).resolve().parent.parent.parent
READY_SECONDS: Final = 20.0
KILL_SECONDS: Final = 10.0


class ChildError(RuntimeError):
    """The program did not start, or does not answer; the message tells what it said."""


class Child:
    """One program, at most once at a time. Not to be used by two threads at once."""

    def __init__(self, name: str, module: str, folder: Path) -> None:
        """module is run as `python -m`, in the repository's root, with its folder as first argument."""
        self.name = name
        self._module = module
        self._folder = folder
        self._errors = folder / f"{name}.errors"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, *arguments: str) -> str:
        """Runs it until it says that it is ready; what it says beside that. Raises ChildError when it does not."""
        if self.pid is not None:
            raise ChildError(f"{self.name} runs already, as process {self.pid}.")
        self._close()
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(self._folder), *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                process_group=0,
            )
        said = self._read_line(READY_SECONDS)
        if not said.startswith(READY):
            self.kill()
            raise ChildError(f"{self.name} did not start: {self._last_error()}")
        return said.removeprefix(READY).strip()

    def ask(self, line: str, seconds: float) -> str:
        """The line that the program answers to a line on its standard input. Raises ChildError when it does not."""
        if self.pid is None or self._process is None or self._process.stdin is None:
            raise ChildError(f"{self.name} does not run.")
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ChildError(f"{self.name} has ended.") from error
        if answer := self._read_line(seconds):
            return answer
        raise ChildError(f"{self.name} gave no answer within {seconds:g} s.")

    def stop(self, seconds: float) -> int:
        """Asks it to end (SIGTERM) and waits; its exit code. Raises TimeoutError when it has not ended by then."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} (process {self._process.pid}) did not end in {seconds:g} s.") from error
        self._close()
        return code

    def kill(self) -> None:
        """Ends it for certain."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(KILL_SECONDS)
        self._close()

    def send_signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _read_line(self, seconds: float) -> str:
        """One line; what there is of it when the program ends or the time is up."""
        assert self._process is not None
        assert self._process.stdout is not None
        output, line, deadline = self._process.stdout.fileno(), b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                break
            if not (more := os.read(output, 1)):
                break
            line += more
        return line.decode(errors="replace").strip()

    def _last_error(self) -> str:
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing."

    def _close(self) -> None:
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            self._process = None


def kill_left_behind(folder: Path) -> list[str]:
    """Kills the programs that an earlier laboratory in this folder has left running; their names."""
    killed = []
    for note in sorted(folder.glob(note_of("*"))):
        deadline = time.monotonic() + KILL_SECONDS
        while is_held(note) and time.monotonic() < deadline:
            # Who holds the lock is the process that wrote its number there: no stranger is hit.
            if (told := note.read_text().strip()).isdecimal():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(told), signal.SIGKILL)
                killed.append(note.stem)
            time.sleep(0.02)
    return sorted(set(killed))
