"""The commands beside a real server: what runs are told there, and what each command shows of it."""

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3

from actionlog_client.command_line.terminal import duration
from actionlog_client.tests.shell import PATIENT_ACTIONLOG, Shell
from benchmarks.server import Server

WAIT_SECONDS: Final = 60.0


@pytest.fixture
def shell(tmp_path: Path, server: Server) -> Shell:
    return Shell(
        tmp_path,
        actionlog=PATIENT_ACTIONLOG,
        ACTIONLOG_URL=server.url,
        ACTIONLOG_API_KEY=server.api_key,
        ACTIONLOG_ENGINE="test-engine",
    )


@pytest.fixture
def incident(request: pytest.FixtureRequest) -> str:
    """An incident of this test alone."""
    return f"inc {request.node.name}"


def read(server: Server, path: str) -> Any:
    answer = urllib3.request("GET", server.url + path, headers={"Authorization": f"Bearer {server.api_key}"})
    assert answer.status == 200, answer.data
    return answer.json()


def attempts_of(server: Server, incident: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(server, f"/api/action-attempts/?incident_id={incident.replace(' ', '%20')}")[
        "results"
    ]
    return found


def attempt_of(server: Server, incident: str, action_type: str) -> dict[str, Any]:
    (found,) = [attempt for attempt in attempts_of(server, incident) if attempt["action_type"] == action_type]
    return found


def run_until_all_is_told(shell: Shell) -> None:
    """What earlier runs left is sent beside what a run itself has to tell, as far as it comes until that run ends."""
    deadline = time.monotonic() + WAIT_SECONDS
    while any(told["here"]["waiting"] for told in json.loads(shell.call("journal", "--json").stdout)["journals"]):
        assert time.monotonic() < deadline
        shell.call("run", "--incident", "another", "--", "true")


class Lines:
    """The lines that a process prints, as they come."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, pattern: str) -> str:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for line in self.lines:
                if re.search(pattern, line):
                    return line
            time.sleep(0.02)
        raise AssertionError(f"no line like {pattern!r} in {self.lines}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))


@contextmanager
def tail(shell: Shell, *arguments: str) -> Iterator[Lines]:
    """`actionlog tail`, with its messages to the user among its lines."""
    process = shell.start("tail", *arguments, stderr=subprocess.STDOUT)
    try:
        yield Lines(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_run_is_on_the_server_when_it_returns(shell: Shell, server: Server, incident: str) -> None:
    done = shell.call("run", "--incident", incident, "--type", "probe", "--", "sh", "-c", "echo seen; exit 7")

    assert (done.returncode, done.stdout, done.stderr) == (7, b"seen\n", b"")
    (attempt,) = attempts_of(server, incident)
    assert (attempt["status"], attempt["error_details"]) == ("failed", {"exit_code": 7})
    logs = read(server, f"/api/action-attempts/{attempt['attempt_id']}/")["logs"]
    assert [(step["step"], step["details"]) for step in logs[1:]] == [("stdout", "seen")]


def test_a_running_command_is_on_the_server_while_it_runs(shell: Shell, server: Server, incident: str) -> None:
    with shell.start("run", "--incident", incident, "--", "cat", stdin=subprocess.PIPE) as running:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := attempts_of(server, incident)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert found[0]["status"] == "in_progress"
        running.communicate(b"")
    assert attempts_of(server, incident)[0]["status"] == "success"


def test_what_was_recorded_without_the_server_is_sent_by_the_next_run(
    shell: Shell, server: Server, incident: str
) -> None:
    assert shell.call("run", "--url", "http://127.0.0.1:9", "--incident", incident, "--", "true").returncode == 0
    assert attempts_of(server, incident) == []
    waiting = shell.call("journal")
    assert waiting.returncode == 1
    assert b"waiting" in waiting.stdout

    shell.call("run", "--incident", incident, "--", "true")

    run_until_all_is_told(shell)
    assert len(attempts_of(server, incident)) == 2
    assert shell.call("journal").returncode == 0


def test_statistics(shell: Shell) -> None:
    for code in (0, 0, 1):
        shell.call("run", "--incident", "i", "--type", "count_me", "--", "sh", "-c", f"exit {code}")

    told = json.loads(shell.call("statistics", "--days", "1", "--json").stdout)
    assert told["source"] == "server"
    (kind,) = [kind for kind in told["by_action_type"] if kind["action_type"] == "count_me"]
    assert kind["total"] == 3
    shown = shell.call("statistics").stdout.decode()
    took = " +".join(re.escape(duration(kind["durations"][name])) for name in ("p50", "p95"))
    assert re.search(rf"^count_me +3 +2 +1 +0 +66\.7 % +{took}$", shown, re.MULTILINE), shown
    assert "\x1b" not in shown


def test_statistics_of_local_files_when_there_is_no_server(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.run("true")
    done = shell.call("statistics")

    assert done.returncode == 0
    assert b"1 attempts, 100.0 % successful" in done.stdout
    assert b"no server is told" in done.stderr


def test_an_incident_is_shown_as_a_timeline(shell: Shell, server: Server, incident: str) -> None:
    script = "echo looking; sleep 0.2; printf '\\033[31mno such pool\\033[0m\\n' >&2; exit 2"
    shell.call("run", "--incident", incident, "--type", "first_try", "--target", "web-3", "--", "sh", "-c", script)
    shell.call("run", "--incident", incident, "--type", "second_try", "--reason", "the pool", "--", "true")

    done = shell.call("incident", incident)
    shown = done.stdout.decode()
    assert done.returncode == 0
    took = attempt_of(server, incident, "first_try")["execution_time_seconds"]
    assert took > 0.2
    assert re.search(rf"failed +first_try on web-3 +{re.escape(duration(took))}", shown), shown
    assert re.search(r"stdout +looking", shown)
    assert "exit_code: no such pool" in shown
    assert re.search(r"success +second_try .*\n +because: the pool", shown)
    assert shown.index("first_try") < shown.index("second_try")
    told = json.loads(shell.call("incident", incident, "--json").stdout)
    assert [attempt["status"] for attempt in told["resolution_attempts"][0]["action_attempts"]] == ["failed", "success"]


def test_an_incident_that_nobody_knows(shell: Shell) -> None:
    done = shell.call("incident", "no such incident")

    assert done.returncode == 1
    assert done.stderr == b"actionlog: Nothing is recorded of an incident no such incident.\n"


def test_an_incident_of_local_files_when_the_server_is_gone(shell: Shell, incident: str) -> None:
    gone = ("--url", "http://127.0.0.1:9")
    shell.call("run", *gone, "--incident", incident, "--", "echo", "kept here")
    done = shell.call("incident", *gone, incident)

    assert done.returncode == 0
    assert b"kept here" in done.stdout
    assert b"local files" in done.stderr


def test_recorded_text_cannot_steer_the_terminal(shell: Shell, incident: str) -> None:
    shell.call("run", "--incident", incident, "--type", "x\x1b[2Jy", "--reason", "a\x07b\u202ec", "--", "true")

    shown = shell.call("incident", incident).stdout.decode()
    assert "x\\u001b[2Jy" in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e"}


def test_the_journal_is_complete_here_and_there(shell: Shell, server: Server, incident: str) -> None:
    shell.call("run", "--incident", incident, "--", "true")
    done = shell.call("journal")

    assert done.returncode == 0, done.stdout
    shown = done.stdout.decode()
    assert re.search(r"here +3 written, 3 delivered, 0 waiting, 0 refused", shown), shown
    assert re.search(r"server +3 known, 3 stored, 0 missing, 0 refused", shown), shown
    assert "  complete" in shown
    (journal,) = json.loads(shell.call("journal", "--json").stdout)["journals"]
    assert journal["server"]["engine"] == "test-engine"
    assert journal["verdict"] == "complete"


def test_the_journal_says_what_is_missing_and_what_is_damaged_by_number(shell: Shell, incident: str) -> None:
    gone = ("--url", "http://127.0.0.1:9")
    shell.call("run", *gone, "--incident", incident, "--", "true")
    (segment,) = shell.journal_dir.glob("*/*.log")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(lines[0] + lines[1].replace(b'"run"', b'"rum"') + b"".join(lines[2:]))
    run_until_all_is_told(shell)

    done = shell.call("journal")
    assert done.returncode == 1
    assert b"1 missing: 2 (1 damaged on this disk)" in done.stdout, done.stdout
    told = json.loads(shell.call("journal", "--json").stdout)
    first, *others = [journal["missing_numbers"] for journal in told["journals"]]
    assert (first, [missing for missing in others if missing]) == ([[2, 2]], [])


def test_the_journal_says_what_was_refused_and_why(shell: Shell, incident: str) -> None:
    with shell.start("run", "--incident", incident, "--", "cat", stdin=subprocess.PIPE) as running:
        deadline = time.monotonic() + WAIT_SECONDS
        while b"known" not in shell.call("journal").stdout:
            assert time.monotonic() < deadline
        attempt = shell.attempt()
        # Somebody else tells another outcome of the same attempt first.
        document = {name: attempt[name] for name in ("attempt_id", "action_id", "action_type", "incident_id")}
        answer = urllib3.request(
            "POST",
            f"{shell.environment['ACTIONLOG_URL']}/api/action-attempts/",
            json={**document, "status": "cancelled"},
            headers={"Authorization": f"Bearer {shell.environment['ACTIONLOG_API_KEY']}"},
        )
        assert answer.json()["outcome"] == "updated"
        running.communicate(b"")
        assert running.returncode == 0

    done = shell.call("journal")
    assert done.returncode == 0, done.stdout
    assert re.search(rb"refused 3: .*status", done.stdout), done.stdout
    assert b"complete, 1 refused" in done.stdout


def test_the_journal_without_its_server_shows_what_is_here(shell: Shell) -> None:
    shell.run("true")
    done = shell.call("journal", "--url", "http://127.0.0.1:9")

    assert done.returncode == 3
    assert b"3 written, 3 delivered" in done.stdout
    assert b"cannot be reached" in done.stdout


def test_the_journal_of_a_machine_without_a_server(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.run("true")
    done = shell.call("journal")

    assert done.returncode == 0
    assert b"3 written" in done.stdout


@pytest.mark.parametrize("arguments", [["incident", "i"], ["tail"]])
def test_a_key_that_is_not_accepted_is_said(shell: Shell, arguments: list[str]) -> None:
    (shell.home / "key").write_text("alk_wrong\n")
    done = shell.call(*arguments, "--api-key-file", "key")

    assert done.returncode == 1
    assert re.fullmatch(rb"actionlog: [^\n]*40[13][^\n]*--api-key-file[^\n]*\n", done.stderr), done.stderr


def test_the_key_may_stand_in_a_file(shell: Shell, server: Server, incident: str) -> None:
    (shell.home / "key").write_text(f"{server.api_key}\n")
    own = Shell(shell.home, ACTIONLOG_URL=server.url)
    own.call("run", "--api-key-file", "key", "--incident", incident, "--", "true")

    assert len(attempts_of(server, incident)) == 1


def test_tail_shows_changes_as_they_come(shell: Shell, server: Server, incident: str) -> None:
    with tail(shell, "--incident", incident, "--after", "0") as shown:
        shell.call("run", "--incident", incident, "--type", "watched", "--target", "web", "--", "sh", "-c", "exit 3")
        line = shown.wait_for(r"failed +watched")
        took = re.escape(duration(attempt_of(server, incident, "watched")["execution_time_seconds"]))
        assert re.match(rf"\d\d:\d\d:\d\d  failed +watched  {re.escape(incident)}  on web  {took}  exit_code: ", line)
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(WAIT_SECONDS) == 0
        assert "Traceback" not in "".join(shown.lines)


def test_tail_filters(shell: Shell, incident: str) -> None:
    with tail(shell, "--action-type", "wanted", "--environment", "here", "--after", "0", "--json") as shown:
        for kind, environment in (("unwanted", "here"), ("wanted", "there"), ("wanted", "here")):
            shell.call("run", "--incident", incident, "--type", kind, "--environment", environment, "--", "true")
        message = json.loads(shown.wait_for('"success"'))
        assert [attempt["environment"] for attempt in message["attempts"]] == ["here"]
        attempts = [attempt for line in shown.lines for attempt in json.loads(line).get("attempts", [])]
        assert {(attempt["action_type"], attempt["environment"]) for attempt in attempts} == {("wanted", "here")}


def test_tail_ends_when_nobody_reads_it(shell: Shell, incident: str) -> None:
    shell.call("run", "--incident", incident, "--", "true")
    with shell.start("tail", "--after", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(WAIT_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_tail_says_that_its_cursor_is_not_known(shell: Shell, incident: str) -> None:
    with tail(shell, "--after", "999999999", "--incident", incident) as shown:
        shown.wait_for("not known any more")
        shell.call("run", "--incident", incident, "--type", "after_the_reset", "--", "true")
        shown.wait_for("success +after_the_reset")


def test_tail_goes_on_from_its_cursor_after_a_broken_connection(shell: Shell, server: Server, incident: str) -> None:
    with Relay(server) as relay, tail(shell, "--url", relay.url, "--incident", incident, "--after", "0") as shown:
        shell.call("run", "--incident", incident, "--type", "before", "--", "true")
        shown.wait_for("success +before")
        relay.break_off()
        shown.wait_for("trying again")
        shell.call("run", "--incident", incident, "--type", "meanwhile", "--", "true")
        relay.go_on()
        shown.wait_for("connected again")
        shown.wait_for("success +meanwhile")
        assert len([line for line in shown.lines if re.search("success +before", line)]) == 1


def test_tail_of_a_server_that_is_not_there(shell: Shell) -> None:
    done = shell.call("tail", "--url", "http://127.0.0.1:9")

    assert done.returncode == 3
    assert re.fullmatch(rb"actionlog: http://127.0.0.1:9 cannot be reached [^\n]*\n", done.stderr)


class Relay:
    """A way to the server that can be broken."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.url.removeprefix("http://").partition(":")
        self._server = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._is_broken = False
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.break_off()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def break_off(self) -> None:
        self._is_broken = True
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def go_on(self) -> None:
        self._is_broken = False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._is_broken:
                client.close()
                continue
            upstream = socket.create_connection(self._server)
            self._open += [client, upstream]
            for source, target in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
