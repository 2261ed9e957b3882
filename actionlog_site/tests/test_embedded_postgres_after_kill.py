"""What was killed with -9, or cut off half-way, costs no data and stands in nobody's way."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, running_url
from actionlog_site.embedded_postgres.locks import is_held
from actionlog_site.embedded_postgres.running import Layout, read_postmaster
from actionlog_site.home import BASE_DIR
from actionlog_site.tests.conftest import postmaster_pid
from actionlog_site.tests.processes import environment, is_gone, kill_all, tree, wait_until


@pytest.fixture
def answer(used_cluster: None, server: EmbeddedPostgres) -> str:
    """A query that finds what was committed before the kill."""
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    return "SELECT answer FROM kept"


def test_after_a_kill_of_all_its_processes_the_server_starts_again(
    server: EmbeddedPostgres, layout: Layout, home: Path, answer: str
) -> None:
    old = read_postmaster(layout.data)
    assert old is not None
    kill_all(tree(old.pid))
    assert running_url(home) is None
    with psycopg.connect(server.start()) as connection:
        assert connection.execute(answer).fetchone() == (42,)
    new = read_postmaster(layout.data)
    assert new is not None
    assert new.pid != old.pid
    assert new.socket_folder == old.socket_folder, "its clients look for it there"


def test_backends_that_outlive_their_postmaster_are_waited_for(
    server: EmbeddedPostgres, layout: Layout, answer: str
) -> None:
    pid = postmaster_pid(layout)
    # A stopped backend does not notice the end of its postmaster until it goes on.
    with psycopg.connect(server.start()) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        backend.suspend()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_gone(pid))
        threading.Timer(1, backend.resume).start()
        url = server.start()
        assert is_gone(backend.pid)
        connection.close()
    with psycopg.connect(url) as connection:
        assert connection.execute(answer).fetchone() == (42,)


def test_a_stale_pid_file_whose_number_is_in_use_again_is_not_believed(
    server: EmbeddedPostgres, layout: Layout, home: Path, answer: str
) -> None:
    pid = postmaster_pid(layout)
    kill_all(tree(pid))
    pid_file = layout.data / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(pid), str(os.getpid()), 1))
    assert running_url(home) is None
    with psycopg.connect(server.start()) as connection:
        assert connection.execute(answer).fetchone() == (42,)


def test_a_data_folder_that_was_half_made_is_made_anew(server: EmbeddedPostgres, layout: Layout) -> None:
    half = layout.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not half.exists()


def test_a_start_that_was_cut_off_while_it_tried_the_folder_keeps_no_other_from_starting(
    used_cluster: None, server: EmbeddedPostgres, layout: Layout
) -> None:
    probe = layout.folder / "probe"
    probe.mkdir()
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not probe.exists()


def test_a_start_that_is_interrupted_leaves_neither_processes_nor_folders(home: Path) -> None:
    sockets = home / "sockets"
    sockets.mkdir()
    told = environment(ACTIONLOG_HOME=str(home / "var"), TMPDIR=str(sockets))
    # It does not end by itself, so that on a fast machine the later of these moments are in it too.
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", "import time; time.sleep(600)"]
    for seconds in (0.3, 0.6, 0.9, 1.2):  # from the middle of initdb to the middle of the command
        with subprocess.Popen(command, env=told, cwd=BASE_DIR, stdout=subprocess.DEVNULL) as child:
            time.sleep(seconds)
            child.terminate()
        assert child.returncode in {143, -signal.SIGTERM}
        assert not is_held(Layout(home / "var").server_lock)
        assert list(sockets.iterdir()) == []
