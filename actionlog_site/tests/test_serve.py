"""manage.py serve, as `make run` starts it: a real process on a free port, with a home of its own."""

import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, running_url
from actionlog_site.embedded_postgres.running import Layout
from actionlog_site.home import BASE_DIR
from actionlog_site.tests.conftest import postmaster_pid
from actionlog_site.tests.processes import PATIENCE_SECONDS, environment, is_gone, kill_all, tree, wait_until

Child = subprocess.Popen[str]

SERVE = [sys.executable, "manage.py", "serve"]


class Served:
    """A running serve and what it said when it was ready."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.greeting = _read_greeting(child)
        self.address = self._found(r"Actionlog is ready: +(http://\S+)/")
        self.sign_in_link = self._found(r"(http://\S+/sign-in/link/\S+/)")
        self.curl_line = self._found(r"(curl .*)")

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, self.greeting)
        assert found is not None, self.greeting
        return found.group(1)

    def end(self, signal_number: int) -> int:
        self.child.send_signal(signal_number)
        return self.child.wait(PATIENCE_SECONDS)


@contextmanager
def spawned(home: Path, *arguments: str, command: list[str] | None = None, **changes: str) -> Iterator[Child]:
    child = subprocess.Popen(
        [*(command or SERVE), *arguments],
        env=environment(ACTIONLOG_HOME=str(home), **{"PORT": "0"} | changes),
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@contextmanager
def serving(home: Path, *arguments: str, command: list[str] | None = None, **changes: str) -> Iterator[Served]:
    with spawned(home, *arguments, command=command, **changes) as child:
        yield Served(child)


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which serve has run once."""
    seed = tmp_path_factory.mktemp("home")
    with serving(seed) as served:
        assert served.end(signal.SIGINT) == 0
    return seed


@pytest.fixture
def used_home(home: Path, seed: Path) -> Path:
    """A copy of it, for tests in which the first start is not what matters."""
    shutil.copytree(seed, home, dirs_exist_ok=True)
    return home


def _read_greeting(child: Child) -> str:
    assert child.stdout is not None
    guard = threading.Timer(PATIENCE_SECONDS, child.kill)
    guard.start()
    said = ""
    for line in child.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            guard.cancel()
            return said
    raise AssertionError(f"ended before it was ready:\n{said}")


def descendants_and_server(served: Served, layout: Layout) -> list[psutil.Process]:
    return [*tree(served.child.pid), *tree(postmaster_pid(layout))]


def test_it_serves_and_says_where_everything_is(home: Path) -> None:
    with serving(home) as served:
        assert httpx.get(f"{served.address}/admin/", follow_redirects=False).status_code == 302
        assert httpx.get(served.sign_in_link).status_code == 200
        assert str(home / "operator-password") in served.greeting
        assert str(home / "api-key") in served.greeting
        assert "Note:" not in served.greeting


def test_passwords_and_keys_are_for_their_owner_only(used_home: Path) -> None:
    with serving(used_home):
        for name in ("operator-password", "api-key", "secret-key"):
            assert stat.S_IMODE((used_home / name).stat().st_mode) == 0o600


def test_the_curl_line_reaches_the_write_door_with_the_key_when_pasted(used_home: Path) -> None:
    with serving(used_home) as served:
        # -v tells what was sent: the request must be right whatever answers it.
        done = subprocess.run(
            ["bash", "-c", f"{served.curl_line} -v"], cwd=BASE_DIR, capture_output=True, text=True, check=True
        )
        assert "POST /api/ingest/" in done.stderr
        assert f"Authorization: Bearer {(used_home / 'api-key').read_text()}" in done.stderr
        assert shlex.split(served.curl_line)[0] == "curl"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_all_its_processes(used_home: Path, layout: Layout, signal_number: int) -> None:
    with serving(used_home) as served:
        processes = descendants_and_server(served, layout)
        assert served.end(signal_number) == 0
        assert all(is_gone(process.pid) for process in processes)
        assert running_url(used_home) is None


def test_ctrl_c_in_a_terminal_reaches_every_process_and_still_ends_it_in_order(used_home: Path, layout: Layout) -> None:
    """A terminal signals the whole process group, PostgreSQL must not be in it."""
    with serving(used_home, command=["setsid", *SERVE]) as served:
        processes = descendants_and_server(served, layout)
        os.killpg(served.child.pid, signal.SIGINT)
        assert served.child.wait(PATIENCE_SECONDS) == 0
        assert all(is_gone(process.pid) for process in processes)


def test_a_second_start_finds_user_key_and_data(used_home: Path) -> None:
    with serving(used_home) as served:
        kept = {name: (used_home / name).read_text() for name in ("operator-password", "api-key", "secret-key")}
        assert served.end(signal.SIGINT) == 0
    with serving(used_home) as served:
        assert {name: (used_home / name).read_text() for name in kept} == kept
        assert "Note:" not in served.greeting
        url = running_url(used_home)
        assert url is not None
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT array_agg(username) FROM auth_user").fetchone() == (["operator"],)
            assert connection.execute("SELECT count(*) FROM access_api_keys").fetchone() == (1,)


def test_killed_with_9_its_server_is_adopted_by_the_next(used_home: Path, layout: Layout) -> None:
    with serving(used_home) as served:
        served.end(signal.SIGKILL)
    pid = postmaster_pid(layout)
    with serving(used_home) as served:
        assert postmaster_pid(layout) == pid
        assert served.end(signal.SIGINT) == 0
    assert is_gone(pid)


def test_killed_with_9_to_the_last_process_it_starts_again(used_home: Path, layout: Layout) -> None:
    with serving(used_home) as served:
        key = (used_home / "api-key").read_text()
        kill_all(descendants_and_server(served, layout))
    with serving(used_home):
        assert (used_home / "api-key").read_text() == key


def test_told_to_it_ends_with_its_parent(used_home: Path) -> None:
    with serving(used_home, command=["sh", "-c", '"$@"; true', "sh", *SERVE, "--end-with-parent"]) as served:
        child = psutil.Process(served.child.pid).children()[0]
        served.child.kill()
        wait_until(lambda: is_gone(child.pid))
        assert running_url(used_home) is None


def test_a_taken_port_is_refused_with_what_to_do(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            SERVE,
            env=environment(ACTIONLOG_HOME=str(home), PORT=str(port)),
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert "PORT=" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "api-key").exists()


def test_two_with_homes_and_ports_of_their_own_run_side_by_side(used_home: Path, seed: Path) -> None:
    other = used_home / "other"
    shutil.copytree(seed, other)
    with serving(used_home) as first, serving(other) as second:
        assert first.address != second.address
        assert running_url(used_home) != running_url(other)
        assert first.end(signal.SIGINT) == 0
        assert httpx.get(f"{second.address}/admin/").status_code == 302
        assert second.end(signal.SIGINT) == 0


def test_two_on_one_fresh_home_prepare_it_at_once(home: Path) -> None:
    with spawned(home) as one, spawned(home) as other:
        first, second = Served(one), Served(other)
        assert first.end(signal.SIGINT) == 0
        assert httpx.get(f"{second.address}/admin/").status_code == 302
        assert second.end(signal.SIGINT) == 0
    assert running_url(home) is None


def test_with_a_database_url_no_embedded_server_is_started(home: Path, layout: Layout, seed_cluster: Path) -> None:
    shutil.copytree(seed_cluster, home / "elsewhere")
    elsewhere = EmbeddedPostgres(home / "elsewhere", durable=False)
    try:
        with serving(home, DATABASE_URL=elsewhere.start()) as served:
            assert not layout.folder.exists()
            assert httpx.get(f"{served.address}/admin/").status_code == 302
            assert served.end(signal.SIGINT) == 0
        assert running_url(home / "elsewhere") is not None
    finally:
        elsewhere.stop()


def test_requests_under_way_are_answered_before_it_ends(used_home: Path) -> None:
    with serving(used_home) as served:
        host, port = served.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            body = b"username=nobody&password=wrong"
            client.sendall(
                b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n", "the server has begun to read"
            served.child.send_signal(signal.SIGINT)
            time.sleep(0.3)
            client.sendall(body)
            assert client.recv(100).startswith(b"HTTP/1.1 403")
        assert served.child.wait(PATIENCE_SECONDS) == 0
