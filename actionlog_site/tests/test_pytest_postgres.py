"""The suite's own database comes and goes with the run, however that ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actionlog_site.embedded_postgres.locks import is_held
from actionlog_site.embedded_postgres.running import Layout
from actionlog_site.home import BASE_DIR
from actionlog_site.pytest_postgres import LEFTOVER_SECONDS
from actionlog_site.tests.processes import environment, is_gone, running_python, tree, wait_until

PASSES = """
import os
def test_has_a_home_and_a_database_of_its_own(tmp_path):
    assert os.environ["DATABASE_URL"].startswith("postgresql://actionlog@/actionlog?host=")
    assert os.environ["ACTIONLOG_HOME"].startswith(os.environ["TMPDIR"])
"""
FAILS = "def test_fails(): assert False"
EACH_HAS_ITS_OWN = """
import os, pathlib, pytest
from django.conf import settings
@pytest.mark.django_db
@pytest.mark.parametrize("number", range(4))
def test_has_its_own(number):
    database = settings.DATABASES["default"]["NAME"]
    home = pathlib.Path(os.environ["ACTIONLOG_HOME"])
    assert home.is_dir()
    note = "\\n".join([os.environ["DATABASE_URL"], str(home), database])
    pathlib.Path(os.environ["TMPDIR"]).parent.joinpath("own-" + os.environ["PYTEST_XDIST_WORKER"]).write_text(note)
"""
WAITS = """
import os, pathlib, time
def test_waits():
    pathlib.Path(os.environ["TMPDIR"], "begun").touch()
    time.sleep(600)
"""


def run(home: Path, test: str, *options: str) -> subprocess.Popen[bytes]:
    file = home / "test_it.py"
    file.write_text(test)
    temporary = home / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "--basetemp", str(home / "base")),
            *(*options, str(file)),
        ],
        env=environment(TMPDIR=str(temporary)),
        cwd=BASE_DIR,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize(("test", "code"), [(PASSES, 0), (FAILS, 1), ("not python", 2)])
def test_nothing_is_left_of_a_run(home: Path, test: str, code: int) -> None:
    with run(home, test) as child:
        assert child.wait() == code
    assert list((home / "temporary").iterdir()) == []


def test_workers_share_the_server_and_have_a_home_and_a_database_each(home: Path) -> None:
    with run(home, EACH_HAS_ITS_OWN, "-n2", "--no-migrations") as child:
        assert child.wait() == 0
    first, second = (note.read_text().splitlines() for note in home.glob("own-*"))
    assert [mine == yours for mine, yours in zip(first, second, strict=True)] == [True, False, False]
    assert list((home / "temporary").iterdir()) == []


def test_nothing_is_left_of_workers_that_are_interrupted(home: Path) -> None:
    """As in a terminal, where Ctrl-C reaches every process."""
    with run(home, WAITS, "-n1") as child:
        wait_until((home / "temporary" / "begun").exists)
        processes = tree(child.pid)
        os.killpg(child.pid, signal.SIGINT)
    wait_until(lambda: all(is_gone(process.pid) for process in processes))
    assert [path.name for path in (home / "temporary").iterdir()] == ["begun"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_run_that_is_interrupted(home: Path, signal_number: int) -> None:
    with run(home, WAITS) as child:
        wait_until((home / "temporary" / "begun").exists)
        (own_home,) = (home / "temporary").glob("actionlog-tests-*")
        assert is_held(Layout(own_home).server_lock)
        child.send_signal(signal_number)
    assert [path.name for path in (home / "temporary").iterdir()] == ["begun"]


def test_a_run_removes_what_one_that_was_killed_has_left_but_not_what_is_in_use(home: Path, seed_cluster: Path) -> None:
    temporary = home / "temporary"
    killed, in_use = temporary / "actionlog-tests-killed", temporary / "actionlog-tests-in-use"
    kept = "server = EmbeddedPostgres(home, durable=False); print(server.start(), flush=True); time.sleep(600)"
    temporary.mkdir()
    for folder in (killed, in_use):
        shutil.copytree(seed_cluster, folder)
    with running_python(kept, killed) as first, running_python(kept, in_use) as second:
        for child in (first, second):
            assert child.stdout is not None
            child.stdout.readline()
        first.kill()
        long_ago = time.time() - 2 * LEFTOVER_SECONDS
        for folder in (killed, in_use):
            os.utime(folder, (long_ago, long_ago))
        with run(home, PASSES) as child_run:
            assert child_run.wait() == 0
        assert not killed.exists()
        assert is_held(Layout(in_use).server_lock)
    with run(home, PASSES) as child_run:
        assert child_run.wait() == 0
    assert not in_use.exists()
