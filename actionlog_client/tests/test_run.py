"""`actionlog run` with real commands, real signals and no server: what the user sees, and what the journal has."""

import hashlib
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from actionlog_client.__main__ import COMMANDS, main
from actionlog_client.command_line.child import KILL_SECONDS
from actionlog_client.command_line.output import BURST_BYTES, BYTES_PER_SECOND
from actionlog_client.tests.shell import ACTIONLOG, Shell, texts

SCRIPT_SECONDS = 60.0
# Of a whole run, its start included, with a server that is not there: the delivery is given up after 2 seconds.
LITTLE_SECONDS = 8.0


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def wait_for(path: Path) -> None:
    """Until a command has said, by this file, that it is ready."""
    deadline = time.monotonic() + SCRIPT_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made"
        time.sleep(0.01)


def test_it_passes_output_and_exit_code_on_and_records_both(shell: Shell) -> None:
    began = time.monotonic()
    done = shell.run("sh", "-c", "echo out; sleep 0.3; echo oops >&2; exit 3")
    took = time.monotonic() - began

    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"oops\n", 3)
    attempt = shell.attempt()
    assert attempt["parameters"] == {"command": ["sh", "-c", "echo out; sleep 0.3; echo oops >&2; exit 3"]}
    assert (attempt["action_type"], attempt["action_id"], attempt["incident_id"]) == ("sh", "sh", "inc_001")
    assert (attempt["status"], attempt["error_type"], attempt["error_message"]) == ("failed", "exit_code", "oops")
    assert attempt["error_details"] == {"exit_code": 3}
    assert [(step["step"], step["details"]) for step in attempt["logs"][1:]] == [("stdout", "out"), ("stderr", "oops")]
    assert 0.3 <= attempt["execution_time_seconds"] < took


def test_success_is_exit_code_0(shell: Shell) -> None:
    assert shell.run("true").returncode == 0

    attempt = shell.attempt()
    assert (attempt["status"], attempt["result"]) == ("success", {"exit_code": 0})


def test_what_is_told_beside_the_command_is_recorded(shell: Shell) -> None:
    resolution, retry = "0199d3a0-0000-7000-8000-000000000001", "0199d3a0-0000-7000-8000-000000000002"
    done = shell.call(
        *("run", "--incident", "inc 7/ü", "--type", "restart_service", "--id", "restart_nginx", "--target", "web-3"),
        *("--reason", "502s", "--environment", "production", "--resolution", resolution, "--retry-of", retry),
        *("--parameter", "replicas=3", "--parameter", "version=1.10", "--parameter", "force=true", "--", "echo", "--"),
    )

    assert done.stdout == b"--\n"
    attempt = shell.attempt()
    wanted = {
        "incident_id": "inc 7/ü",
        "action_type": "restart_service",
        "action_id": "restart_nginx",
        "target": "web-3",
        "reason": "502s",
        "environment": "production",
        "resolution_id": resolution,
        "retry_of": retry,
        "parameters": {"command": ["echo", "--"], "replicas": 3, "version": "1.10", "force": True},
    }
    assert {name: attempt.get(name) for name in wanted} == wanted


def test_the_attempt_is_on_record_before_the_command_runs(shell: Shell) -> None:
    done = shell.run("sh", "-c", f"cat {shell.journal_dir}/*/*.log")

    entry = json.loads(done.stdout.splitlines()[0][9:])
    assert (entry[0], entry[4]) == (1, "in_progress")


def test_output_that_cannot_be_written_is_said_to_be_lost(shell: Shell) -> None:
    with (
        open("/dev/full", "wb") as full,
        shell.start("run", "--incident", "i", "--", "echo", "x", stdout=full) as running,
    ):
        _, said = running.communicate()

    assert said == b"actionlog: output is lost: No space left on device\n"
    assert texts(shell.attempt(), "stdout") == "x"


def test_a_closed_output_is_no_trouble(shell: Shell) -> None:
    done = shell.run("sh", "-c", "echo x; exit 2", preexec_fn=lambda: os.close(1))

    assert (done.stderr, done.returncode) == (b"", 2)


def test_input_reaches_the_command(shell: Shell) -> None:
    assert shell.run("cat", given=b"to be read\x00\xff").stdout == b"to be read\x00\xff"


def test_binary_output_arrives_unchanged_and_is_recorded_in_part(shell: Shell) -> None:
    (shell.home / "binary").write_bytes(os.urandom(3_000_000))
    done = shell.run("cat", "binary")

    assert done.stdout == (shell.home / "binary").read_bytes()
    attempt = shell.attempt()
    assert attempt["status"] == "success"
    assert len(json.dumps(attempt)) < 2_000_000


def test_a_flood_arrives_whole_and_neither_fills_memory_nor_the_record(shell: Shell) -> None:
    line = "0123456789" * 5
    wanted = (f"{line}\n".encode() * 1_000_000)[:50_000_000] + b"\nthe end\n"
    script = f"yes {line} | head -c 50000000; echo; echo the end; read answer"
    running = shell.start("run", "--incident", "i", "--", "sh", "-c", script, stdin=-1)
    assert running.stdout is not None
    digest, size = hashlib.sha256(), 0
    while size < len(wanted):
        data = os.read(running.stdout.fileno(), 65536)
        digest.update(data)
        size += len(data)
    peaks = [
        peak_kib(process.pid) for process in (psutil.Process(running.pid), *psutil.Process(running.pid).children())
    ]
    running.communicate(b"\n")

    assert (digest.hexdigest(), size) == (hashlib.sha256(wanted).hexdigest(), len(wanted))
    assert len(peaks) == 3  # itself, its relay, the command
    assert max(peaks) < 60 * 1024, f"{peaks} KiB"
    attempt = shell.attempt()
    recorded = texts(attempt, "stdout")
    assert recorded.startswith(line)
    assert recorded.endswith("the end")
    assert len(recorded) < 1.5 * BURST_BYTES + BYTES_PER_SECOND * attempt["execution_time_seconds"]
    left_out = [step["details"] for step in attempt["logs"] if step["status"] == "left out"]
    lines, count = (sum(each[name] for each in left_out) for name in ("lines", "bytes"))
    assert abs(len(recorded) + 1 + count - len(wanted)) < 200 * len(left_out)
    assert abs(recorded.count("\n") + lines - wanted.count(b"\n")) < 5 * len(left_out)


def peak_kib(process_id: int) -> int:
    """The most memory that a process ever held."""
    told = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process_id}/status").read_text(), re.MULTILINE)
    assert told is not None
    return int(told[1])


def test_partial_lines_pass_at_once(shell: Shell) -> None:
    running = shell.start(
        "run", "--incident", "i", "--", "sh", "-c", "printf 'Sure? '; read answer; echo $answer", stdin=-1
    )
    assert running.stdout is not None
    assert running.stdin is not None
    assert os.read(running.stdout.fileno(), 100) == b"Sure? "
    out, _ = running.communicate(b"yes\n")

    assert (out, running.returncode) == (b"yes\n", 0)


def test_stdout_and_stderr_stay_apart_and_in_order(shell: Shell) -> None:
    done = shell.run("sh", "-c", "for i in 1 2 3; do echo out $i; sleep 0.15; echo err $i >&2; sleep 0.15; done")

    assert (done.stdout, done.stderr) == (b"out 1\nout 2\nout 3\n", b"err 1\nerr 2\nerr 3\n")
    attempt = shell.attempt()
    assert (texts(attempt, "stdout"), texts(attempt, "stderr")) == ("out 1\nout 2\nout 3", "err 1\nerr 2\nerr 3")
    assert [step["step"] for step in attempt["logs"]][:2] == ["run", "stdout"]
    assert attempt["logs"][-1]["step"] == "stderr"


def test_secrets_of_the_command_line_are_nowhere_on_disk(shell: Shell) -> None:
    (shell.home / "show.sh").write_text('echo "using $2 and $PGPASSWORD"; exit 1')
    done = shell.run(
        "env", "PGPASSWORD=hunter-22", "sh", "show.sh", "--api-key", "s3cr3t-value", "https://u:p4ssw0rd@h/"
    )

    assert done.stdout == b"using s3cr3t-value and hunter-22\n"
    assert [str(path) for path in shell.home.rglob("*") if path.is_file() and b"hunter-22" in path.read_bytes()] == []
    written = b"".join(path.read_bytes() for path in shell.journal_dir.rglob("*.log"))
    assert b"s3cr3t-value" not in written
    assert b"p4ssw0rd" not in written
    command = shell.attempt()["parameters"]["command"]
    assert re.fullmatch(r"PGPASSWORD=\[redacted:[0-9a-f]{16}\]", command[1])
    assert command[2:5] == ["sh", "show.sh", "--api-key"]


@pytest.mark.parametrize(
    ("command", "code"), [("no-such-command-here", 127), ("./no/such/script", 127), ("./data", 126), ("/", 126)]
)
def test_a_command_that_cannot_be_run_is_a_recorded_failure(shell: Shell, command: str, code: int) -> None:
    (shell.home / "data").write_text("not to be run")
    done = shell.run(command)

    assert done.returncode == code
    assert done.stderr.startswith(f"actionlog: {command}: ".encode())
    attempt = shell.attempt()
    assert (attempt["status"], attempt["error_type"]) == ("failed", "command_not_started")
    assert attempt["error_details"] == {"exit_code": code}


def test_a_command_whose_name_is_empty_is_a_recorded_failure(shell: Shell) -> None:
    done = shell.run("", "--force")  # "$RESTART" --force

    assert done.returncode == 127
    assert done.stderr == b"actionlog: the command has an empty name; is a variable not set?\n"
    attempt = shell.attempt()
    assert (attempt["status"], attempt["error_details"]) == ("failed", {"exit_code": 127})
    assert attempt["action_id"] == attempt["action_type"] == "command"


def test_without_descriptors_for_it_the_command_is_not_run_and_that_is_said(shell: Shell) -> None:
    done = shell.run("sh", "-c", "touch it-ran", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6)))

    assert done.returncode == 125
    assert done.stderr == b"actionlog: [Errno 24] Too many open files\n"
    assert not (shell.home / "it-ran").exists()


@pytest.mark.parametrize("command", ["journal", "statistics"])
def test_output_for_which_there_is_no_room_is_no_traceback(shell: Shell, command: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*ACTIONLOG, command], cwd=shell.home, env=shell.environment, stdout=full, stderr=subprocess.PIPE
        )

    assert done.returncode == 1
    assert done.stderr.endswith(b"actionlog: [Errno 28] No space left on device\n")
    assert b"Traceback" not in done.stderr


def test_a_script_without_an_interpreter_line_runs_as_in_a_shell(shell: Shell) -> None:
    script = shell.home / "script"
    script.write_text("echo ran $1\n")
    script.chmod(0o755)

    assert shell.run("./script", "well").stdout == b"ran well\n"


def test_a_command_that_a_signal_killed_is_a_failure_with_its_name(shell: Shell) -> None:
    assert shell.run("sh", "-c", "kill -9 $$").returncode == 128 + 9

    attempt = shell.attempt()
    assert (attempt["status"], attempt["error_type"]) == ("failed", "signal")
    assert attempt["error_message"] == "The command was killed by SIGKILL."
    assert attempt["error_details"]["signal"] == "SIGKILL"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"])
def test_signals_are_passed_on_once(shell: Shell, name: str) -> None:
    script = (
        "import signal, pathlib, time, sys\n"
        "got = []\n"
        f"signal.signal(signal.{name}, lambda *_: got.append(1))\n"
        "pathlib.Path('ready').touch()\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.1)\n"
        "print(len(got))\n"
    )
    running = shell.start("run", "--incident", "i", "--", sys.executable, "-c", script, start_new_session=True)
    wait_for(shell.home / "ready")
    running.send_signal(getattr(signal, name))
    out, _ = running.communicate(timeout=SCRIPT_SECONDS)

    assert (out, running.returncode) == (b"1\n", 0)


def test_a_signal_that_the_command_does_not_handle_ends_both(shell: Shell) -> None:
    running = shell.start(
        "run", "--incident", "i", "--", "sh", "-c", "touch ready; exec sleep 20", start_new_session=True
    )
    wait_for(shell.home / "ready")
    running.terminate()
    running.communicate(timeout=SCRIPT_SECONDS)

    assert running.returncode == 128 + signal.SIGTERM
    assert shell.attempt()["error_details"]["signal"] == "SIGTERM"


def test_a_signal_that_comes_before_the_command_runs_cancels_it(shell: Shell) -> None:
    def with_a_signal_waiting() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)

    done = shell.run("touch", "it-ran", preexec_fn=with_a_signal_waiting)

    assert done.returncode == 128 + signal.SIGTERM
    assert not (shell.home / "it-ran").exists()
    attempt = shell.attempt()
    assert (attempt["status"], attempt["error_message"]) == ("cancelled", "SIGTERM came before the command was run.")


def test_stop_and_continue(shell: Shell) -> None:
    script = "touch ready; i=0; until [ -e go ]; do echo $i; i=$((i+1)); sleep 0.02; done"
    running = shell.start("run", "--incident", "i", "--", "sh", "-c", script, start_new_session=True)
    wait_for(shell.home / "ready")
    running.send_signal(signal.SIGTSTP)
    deadline = time.monotonic() + SCRIPT_SECONDS
    while state_of(running.pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (shell.home / "go").touch()
    running.send_signal(signal.SIGCONT)
    out, _ = running.communicate(timeout=SCRIPT_SECONDS)

    assert out.split() == [str(number).encode() for number in range(len(out.split()))]
    assert running.returncode == 0


def state_of(process_id: int) -> str:
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_timeout_ends_the_command_and_what_it_started(shell: Shell) -> None:
    began = time.monotonic()
    done = shell.call(
        *("run", "--incident", "i", "--timeout", "1.5", "--", "sh", "-c", "echo working; sleep 60; echo never"),
        start_new_session=True,
    )

    assert (done.stdout, done.returncode) == (b"working\n", 124)
    assert time.monotonic() - began < 50
    attempt = shell.attempt()
    assert (attempt["status"], attempt["error_type"]) == ("failed", "timeout")
    assert attempt["error_message"] == "The command did not end within 1.5 seconds."


def test_a_command_that_does_not_heed_its_timeout_is_killed(shell: Shell) -> None:
    script = "trap '' TERM; sleep 60"
    began = time.monotonic()
    done = shell.call("run", "--incident", "i", "--timeout", "1.5", "--", "sh", "-c", script, start_new_session=True)

    assert done.returncode == 124
    assert 1.5 + KILL_SECONDS < time.monotonic() - began < 50
    assert shell.attempt()["error_type"] == "timeout"


def test_killed_itself_it_leaves_the_command_to_go_on_with_its_output(shell: Shell) -> None:
    script = (
        "touch ready; until [ -e go ]; do sleep 0.02; done;"
        "for i in 1 2 3 4 5; do sleep 0.1; echo line $i; echo error $i >&2; done; touch done"
    )
    running = shell.start("run", "--incident", "i", "--", "sh", "-c", script, start_new_session=True)
    wait_for(shell.home / "ready")
    running.kill()
    running.wait(SCRIPT_SECONDS)
    (shell.home / "go").touch()
    out, err = running.communicate(timeout=SCRIPT_SECONDS)

    assert running.returncode == -signal.SIGKILL
    assert out == b"".join(b"line %d\n" % number for number in range(1, 6))
    assert err == b"".join(b"error %d\n" % number for number in range(1, 6))
    assert (shell.home / "done").exists()
    assert shell.attempt()["status"] == "in_progress"


def test_a_reader_that_goes_ends_the_command_as_it_would_without_us(shell: Shell) -> None:
    running = shell.start("run", "--incident", "i", "--", "yes")
    assert running.stdout is not None
    assert running.stdout.read(4) == b"y\ny\n"
    running.stdout.close()
    with running:
        assert running.wait(SCRIPT_SECONDS) == 128 + signal.SIGPIPE
    assert shell.attempt()["error_details"]["signal"] == "SIGPIPE"


def test_what_the_command_leaves_running_keeps_its_output_and_does_not_hold_us(shell: Shell) -> None:
    script = "(while [ ! -e go ]; do sleep 0.02; done; echo late) & echo now"
    running = shell.start("run", "--incident", "i", "--", "sh", "-c", script)
    assert running.wait(SCRIPT_SECONDS) == 0
    (shell.home / "go").touch()
    out, _ = running.communicate(timeout=SCRIPT_SECONDS)

    assert out == b"now\nlate\n"
    assert [step["status"] for step in shell.attempt()["logs"] if step["step"] == "run"] == [
        "started",
        "output goes on",
    ]


def test_a_command_that_cannot_be_recorded_is_not_run(shell: Shell) -> None:
    shell.journal_dir.write_text("this is no folder")
    done = shell.run("touch", "it-ran")

    assert done.returncode == 125
    assert b"was not run" in done.stderr
    assert str(shell.journal_dir).encode() in done.stderr
    assert not (shell.home / "it-ran").exists()


def test_a_server_that_cannot_be_reached_costs_one_line_and_little_time(shell: Shell) -> None:
    script = "echo ran; touch it-ran; exit 5"
    seconds, done = best_of_three(
        shell, "run", "--url", "http://127.0.0.1:9", "--incident", "i", "--", "sh", "-c", script
    )

    assert (done.stdout, done.returncode) == (b"ran\n", 5)
    assert (shell.home / "it-ran").exists()
    assert re.fullmatch(rb"actionlog: the record is not on the server http://127.0.0.1:9 yet; .*\n", done.stderr)
    assert seconds < LITTLE_SECONDS
    assert {attempt["status"] for attempt in shell.attempts()} == {"failed"}


def best_of_three(shell: Shell, *arguments: str) -> "tuple[float, subprocess.CompletedProcess[bytes]]":
    """The least time that a command took, once if that was little: a machine that does other things too may be slow."""
    took: list[float] = []
    while not took or (min(took) >= LITTLE_SECONDS and len(took) < 3):
        began = time.monotonic()
        done = shell.call(*arguments)
        took.append(time.monotonic() - began)
    return min(took), done


def test_a_server_that_accepts_and_never_answers_is_not_waited_for(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        seconds, done = best_of_three(shell, "run", "--url", url, "--incident", "i", "--", "true")

    assert done.returncode == 0
    assert b"is not on the server" in done.stderr
    assert seconds < LITTLE_SECONDS


def test_an_argument_that_is_no_text_is_passed_on_and_recorded(shell: Shell) -> None:
    done = shell.run("printf", "%s", os.fsdecode(b"\xff"), "--password", os.fsdecode(b"hunter\xff22"))

    assert done.stdout == b"\xff--passwordhunter\xff22"
    command = shell.attempt()["parameters"]["command"]
    assert command[2] == "\ufffd"
    assert command[4].startswith("[redacted:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--incident", "i"], "behind --"),
        (["run", "--incident", "i", "--"], "behind --"),
        (["run", "--", "true"], "--incident"),
        (["run", "--incident", " ", "--", "true"], "the id of an incident"),
        (["run", "--incident", "i", "--timeout", "soon", "--", "true"], "a number of seconds"),
        (["run", "--incident", "i", "--retry-of", "7", "--", "true"], "a UUID"),
        (["run", "--incident", "i", "--parameter", "x", "--", "true"], "KEY=VALUE"),
        (["run", "--incident", "i", "--parameter", "command=x", "--", "true"], "another name than command"),
        (["run", "--incident", "i", "--url", "localhost:8000", "--", "true"], "must begin with http://"),
        (["run", "--incident", "i", "--api-key-file", "no-file", "--", "true"], "no-file"),
        (["statistics", "--", "x"], "only `actionlog run`"),
        (["statistics", "--days", "0"], "a whole number of days"),
        (["tail"], "ACTIONLOG_URL"),
        (["runn"], "there is no command 'runn'"),
        ([], "actionlog COMMAND"),
    ],
)
def test_arguments_that_cannot_be_meant_are_said_with_exit_code_2(
    shell: Shell,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACTIONLOG_JOURNAL_DIR", str(shell.journal_dir))
    monkeypatch.delenv("ACTIONLOG_URL", raising=False)
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(str(ended.code))

    assert code == 2
    assert said in capsys.readouterr().err
    assert not shell.journal_dir.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert f"\n  actionlog {command}" in capsys.readouterr().out


class Terminal:
    """`actionlog run` on a terminal of its own, as a person has it."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self.process_id, self._descriptor = pty.fork()
        if self.process_id == 0:
            os.chdir(shell.home)
            command = [*ACTIONLOG, "run", "--incident", "i", *arguments]
            os.execve(command[0], command, dict(shell.environment))  # noqa: S606
        self.shown = b""

    def type(self, keys: bytes) -> None:
        os.write(self._descriptor, keys)

    def end(self) -> int:
        """The exit code, once all that is shown was read."""
        deadline = time.monotonic() + SCRIPT_SECONDS
        while time.monotonic() < deadline:
            if not select.select([self._descriptor], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.process_id, 0)[1])


COUNTS_INTERRUPTS = """
import pathlib, signal, time
got = []
signal.signal(signal.SIGINT, lambda *_: got.append(1))
pathlib.Path("ready").touch()
while not got:
    time.sleep(0.01)
time.sleep(0.2)
print("interrupts:", len(got))
"""


@pytest.mark.parametrize("options", [[], ["--tty"]])
def test_ctrl_c_reaches_the_command_once(shell: Shell, options: list[str]) -> None:
    terminal = Terminal(shell, *options, "--", sys.executable, "-c", COUNTS_INTERRUPTS)
    wait_for(shell.home / "ready")
    terminal.type(b"\x03")

    assert terminal.end() == 0
    assert b"interrupts: 1" in terminal.shown


def test_without_tty_the_command_keeps_the_terminal_for_its_input(shell: Shell) -> None:
    terminal = Terminal(
        shell, "--", "sh", "-c", "test -t 0 && echo input is a terminal; test -t 1 || echo output is not"
    )

    assert terminal.end() == 0
    assert b"input is a terminal\r\noutput is not\r\n" in terminal.shown


def test_with_tty_output_is_a_terminal_and_still_recorded(shell: Shell) -> None:
    script = "test -t 1 && test -t 2 && touch ready; read word; printf '\\033[31mgot %s\\033[0m\\n' $word; exit 4"
    terminal = Terminal(shell, "--tty", "--", "sh", "-c", script)
    wait_for(shell.home / "ready")
    terminal.type(b"well\r")

    assert terminal.end() == 4
    assert b"\x1b[31mgot well\x1b[0m" in terminal.shown
    attempt = shell.attempt()
    assert "got well" in texts(attempt, "terminal").splitlines()
    assert attempt["error_type"] == "exit_code"


def test_tty_works_without_a_terminal_too(shell: Shell) -> None:
    done = shell.call(
        "run", "--tty", "--incident", "i", "--", "sh", "-c", "test -t 1 && cat", given=b"piped", start_new_session=True
    )

    assert (done.stdout, done.returncode) == (b"piped", 0)
