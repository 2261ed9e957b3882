"""The laboratory is gone when it ends, however it ends, and never takes or removes what is not its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from actionlog_site.tests.processes import is_gone, wait_until
from demonstration.laboratory.child import ROOT, ChildError
from demonstration.laboratory.laboratory import Laboratory, LaboratoryTaken
from demonstration.laboratory.monitor import Monitor

RUN = """
import sys, time
from pathlib import Path
from demonstration.laboratory.laboratory import Laboratory
with Laboratory(Path(sys.argv[1]), sys.argv[2]) as laboratory:
    if sys.argv[3] == "hang":
        laboratory.service.hang()
    print("runs", flush=True)
    time.sleep(600)
"""


@contextmanager
def running(
    folder: Path, database_url: str, state: str = "well"
) -> Iterator[tuple[psutil.Process, list[psutil.Process]]]:
    """A process that runs a laboratory, and its children. Killed at the end."""
    command = [sys.executable, "-c", RUN, str(folder), database_url, state]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"runs\n"
            starter = psutil.Process(child.pid)
            yield starter, starter.children(recursive=True)
        finally:
            child.kill()


def children_with(text: str) -> list[psutil.Process]:
    """The children of this process that have this on their command lines; those of other tests may just be ending."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # of which one that has ended and waits for us to note it is one
            if text in " ".join(child.cmdline()):
                found.append(child)
    return found


def made(database_url: str) -> list[str]:
    """The roles and databases of the demonstration that are on the server."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE '%demo%'"
            " UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datname LIKE '%demo%' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def test_nothing_is_left_when_it_ends(tmp_path: Path, database_url: str) -> None:
    with Laboratory(tmp_path / "demo", database_url):
        ours = children_with(str(tmp_path))
        assert len(ours) == 2
        assert made(database_url) == ["database actionlog_demo", "role actionlog_demo"]
    assert all(is_gone(child.pid) for child in ours)
    assert made(database_url) == []
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["lock"]


@pytest.mark.parametrize("state", ["well", "hang"])
def test_children_end_with_a_starter_that_is_killed_and_what_is_left_is_removed_at_the_next_start(
    state: str, tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url, state) as (starter, children):
        assert len(children) == 2
        starter.kill()
        wait_until(lambda: all(is_gone(child.pid) for child in children))
    assert made(database_url) == ["database actionlog_demo", "role actionlog_demo"]
    with Laboratory(tmp_path, database_url) as laboratory:
        assert laboratory.notices == []
        assert Monitor(laboratory).symptoms() == []
    assert made(database_url) == []


def test_a_child_that_outlives_its_starter_is_killed_at_the_next_start(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    # Its standard input does not end with its starter.
    code = "import sys, time; from pathlib import Path; from demonstration.laboratory.companion import take_note;"
    code += "take_note(Path(sys.argv[1]), 'shop'); print('runs', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, str(parts)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            with Laboratory(tmp_path, None) as laboratory:
                assert "it had left shop running" in laboratory.notices[0]
                assert child.wait(timeout=60) < 0
        finally:
            child.kill()


def test_a_number_that_another_process_has_got_meanwhile_is_not_killed(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            (parts / "shop.process").write_text(f"{stranger.pid}\n")
            with Laboratory(tmp_path, None):
                time.sleep(0.1)
                assert stranger.poll() is None
        finally:
            stranger.kill()


def test_there_is_one_in_a_folder_at_a_time(tmp_path: Path) -> None:
    with (
        Laboratory(tmp_path, None),
        pytest.raises(LaboratoryTaken, match="Another demonstration"),
        Laboratory(tmp_path, None),
    ):
        pass


def test_of_two_on_one_server_the_second_goes_without_the_pool_and_harms_nothing(
    tmp_path: Path, database_url: str
) -> None:
    with Laboratory(tmp_path / "a", database_url) as first:
        with Laboratory(tmp_path / "b", database_url) as second:
            assert second.notices == ["The connection pool is left out: another demonstration uses the same server."]
            assert Monitor(second).symptoms() == []
        assert Monitor(first).symptoms() == []
        assert first.pool is not None


def test_a_role_of_that_name_that_is_not_ours_is_left_alone(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE actionlog_demo")
        try:
            with Laboratory(tmp_path, database_url) as laboratory:
                assert laboratory.pool is None
                assert "that the demonstration did not make" in laboratory.notices[0]
            assert made(database_url) == ["role actionlog_demo"]
        finally:
            connection.execute("DROP ROLE actionlog_demo")


def test_a_user_who_may_not_make_roles_goes_without_the_pool(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE powerless")
        try:
            url = make_conninfo(database_url, options="-c role=powerless")
            with Laboratory(tmp_path, url) as laboratory:
                assert laboratory.pool is None
                assert "may not make roles and databases" in laboratory.notices[0]
                assert Monitor(laboratory).symptoms() == []
        finally:
            connection.execute("DROP ROLE powerless")


def test_parts_that_broke_of_themselves_are_set_up_again(tmp_path: Path, database_url: str) -> None:
    with Laboratory(tmp_path, database_url) as laboratory:
        assert laboratory.pool is not None
        laboratory.pool.work(4)
        laboratory.pool.database.terminate_all()
        (worker,) = children_with("demonstration.laboratory.worker")
        worker.kill()
        worker.wait()
        with pytest.raises(ChildError):
            laboratory.pool.command("hoard")
        laboratory.settle()
        assert laboratory.pool.command("hoard") == 6


def test_the_limited_role_reads_nothing_of_the_record(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (secret text)")
        try:
            with Laboratory(tmp_path, database_url) as laboratory:
                assert laboratory.pool is not None
                url = make_conninfo(database_url, user="actionlog_demo")
                with psycopg.connect(url) as limited, pytest.raises(psycopg.errors.InsufficientPrivilege):
                    limited.execute("SELECT * FROM kept")
        finally:
            connection.execute("DROP TABLE kept")
