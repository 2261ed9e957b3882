"""The embedded server as it is meant to go: started, shared, adopted, stopped; and who is let in is tested beside."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, running_url
from actionlog_site.embedded_postgres.binaries import find_binaries
from actionlog_site.embedded_postgres.running import Layout, read_postmaster
from actionlog_site.home import BASE_DIR
from actionlog_site.tests.conftest import postmaster_pid
from actionlog_site.tests.processes import environment, python, running_python, wait_until


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def test_unless_told_otherwise_the_server_is_durable(home: Path) -> None:
    server = EmbeddedPostgres(home)
    try:
        url = server.start()
        assert ask(url, "SHOW fsync") == "on"
        assert ask(url, "SHOW full_page_writes") == "on"
        assert ask(url, "SHOW synchronous_commit") == "on"
    finally:
        server.stop()


def test_a_fresh_home_gets_a_server_that_only_a_socket_reaches(server: EmbeddedPostgres) -> None:
    url = server.start()
    assert ask(url, "SELECT current_database()") == "actionlog"
    assert ask(url, "SELECT current_setting('server_version_num')::int / 10000") == find_binaries().major_version
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SELECT datcollate FROM pg_database WHERE datname = 'actionlog'") == "C.UTF-8"
    assert ask(url, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'peer'") == 0


def test_data_is_found_again_after_a_stop(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.stop()
    assert ask(server.start(), "SELECT answer FROM kept") == 42


@pytest.mark.usefixtures("used_cluster")
def test_a_running_url_is_told_only_while_the_server_runs(home: Path, server: EmbeddedPostgres) -> None:
    assert running_url(home) is None
    url = server.start()
    assert running_url(home) == url
    server.stop()
    assert running_url(home) is None


@pytest.mark.usefixtures("used_cluster")
def test_stopping_removes_the_socket_folder(server: EmbeddedPostgres, layout: Layout) -> None:
    server.start()
    postmaster = read_postmaster(layout.data)
    assert postmaster is not None
    assert Path(postmaster.socket_folder).is_dir()
    server.stop()
    assert not Path(postmaster.socket_folder).exists()


@pytest.mark.usefixtures("used_cluster")
def test_the_last_of_those_who_share_a_server_stops_it(home: Path, layout: Layout) -> None:
    first, second = EmbeddedPostgres(home, durable=False), EmbeddedPostgres(home, durable=False)
    url = first.start()
    pid = postmaster_pid(layout)
    assert second.start() == url
    assert postmaster_pid(layout) == pid
    assert not first.stop()
    assert ask(url, "SELECT 1") == 1
    assert second.stop()
    assert running_url(home) is None


def test_many_who_start_at_once_get_the_same_server(home: Path) -> None:
    code = "print(EmbeddedPostgres(home, durable=False).start())"
    with ThreadPoolExecutor() as pool:
        urls = list(pool.map(lambda _: python(code, home), range(4)))
    assert urls == [[running_url(home)]] * 4


@pytest.mark.usefixtures("used_cluster")
def test_a_server_whose_starter_was_killed_is_adopted(home: Path, server: EmbeddedPostgres, layout: Layout) -> None:
    with running_python(
        "print(EmbeddedPostgres(home, durable=False).start(), flush=True); time.sleep(600)", home
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        pid = postmaster_pid(layout)
        child.kill()
    assert running_url(home) == url
    assert server.start() == url
    assert postmaster_pid(layout) == pid


@pytest.mark.usefixtures("used_cluster")
def test_data_of_another_major_version_is_refused_with_what_to_do(server: EmbeddedPostgres, layout: Layout) -> None:
    server.start()
    server.stop()
    (layout.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(EmbeddedPostgresError) as refusal:
        server.start()
    told = str(refusal.value)
    assert "PostgreSQL 13" in told
    assert f"PostgreSQL {find_binaries().major_version}" in told
    assert "pg_dump" in told
    assert f"mv {layout.data} " in told


def test_a_folder_without_binaries_is_refused_with_what_to_do(
    server: EmbeddedPostgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONLOG_POSTGRES_BIN", str(home))
    with pytest.raises(EmbeddedPostgresError, match="holds initdb, pg_ctl and postgres"):
        server.start()


def test_a_long_temporary_folder_does_not_lengthen_the_socket_path(home: Path) -> None:
    long = home / ("x" * 100)
    long.mkdir()
    assert python(
        "print(EmbeddedPostgres(home, durable=False).start()); EmbeddedPostgres(home).stop()", home, TMPDIR=str(long)
    )


def test_a_home_with_odd_characters_works(home: Path) -> None:
    odd = home / 'it\'s $(odd) "home" ünï'
    server = EmbeddedPostgres(odd, durable=False)
    try:
        assert ask(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_a_command_has_the_server_for_its_time(home: Path) -> None:
    code = "from django.db import connection as c; print(c.cursor().execute('SELECT 6 * 7').fetchone()[0])"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(
        command, env=environment(ACTIONLOG_HOME=str(home)), cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.stdout == "42\n", done.stderr
    assert running_url(home) is None


def test_a_command_ended_by_a_signal_stops_the_server(home: Path) -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, env=environment(ACTIONLOG_HOME=str(home)), cwd=BASE_DIR) as child:
        wait_until(lambda: running_url(home) is not None)
        child.terminate()
    assert child.returncode == 143
    assert running_url(home) is None


@pytest.mark.parametrize("arguments", [[], ["help"], ["--version"], ["migrate", "--help"]])
def test_a_command_that_needs_no_database_starts_none(home: Path, layout: Layout, arguments: list[str]) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, env=environment(ACTIONLOG_HOME=str(home)), cwd=BASE_DIR, capture_output=True, check=True)
    assert not layout.folder.exists()
