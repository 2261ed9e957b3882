"""A home of its own for each test, and nothing left running in it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres
from actionlog_site.embedded_postgres.running import Layout, read_postmaster


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Not pytest's tmp_path, which lies below folders that are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="actionlog-test-home-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
        assert EmbeddedPostgres(path).stop(), "a process that uses the server is left"


@pytest.fixture
def layout(home: Path) -> Layout:
    return Layout(home)


@pytest.fixture(scope="session")
def seed_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a server has run: to copy its data takes a tenth of the time that making data anew takes."""
    seed = tmp_path_factory.mktemp("cluster")
    server = EmbeddedPostgres(seed, durable=False)
    server.start()
    assert server.stop()
    return seed


@pytest.fixture
def used_cluster(home: Path, seed_cluster: Path) -> None:
    """A server has run in the home before, for tests in which its first start is not what matters."""
    shutil.copytree(seed_cluster, home, dirs_exist_ok=True)


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    """Not started yet. Not durable, for speed: the kernel does not lose what a killed process has written."""
    server = EmbeddedPostgres(home, durable=False)
    yield server
    server.stop()


def postmaster_pid(layout: Layout) -> int:
    postmaster = read_postmaster(layout.data)
    assert postmaster is not None
    return postmaster.pid
