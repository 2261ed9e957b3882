"""A server that dies under its users is started again where they look for it, by one of them, and only while wanted."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres, running_url
from actionlog_site.embedded_postgres.keeper import Keeper
from actionlog_site.embedded_postgres.running import Layout, read_postmaster
from actionlog_site.tests.conftest import postmaster_pid
from actionlog_site.tests.processes import kill_all, tree, wait_until


@pytest.fixture
def url(used_cluster: None, server: EmbeddedPostgres) -> str:
    return server.start()


@pytest.fixture
def keeper(server: EmbeddedPostgres, url: str) -> Iterator[Keeper]:
    keeper = Keeper(server)
    keeper.start()
    yield keeper
    keeper.stop()


def kill_server(layout: Layout) -> None:
    kill_all(tree(postmaster_pid(layout)))


def test_it_comes_back_at_the_same_address_with_its_data(keeper: Keeper, layout: Layout, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_server(layout)
    wait_until(lambda: running_url(layout.home) == url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_also_when_its_socket_folder_was_swept_away(keeper: Keeper, layout: Layout, url: str) -> None:
    postmaster = read_postmaster(layout.data)
    assert postmaster is not None
    shutil.rmtree(postmaster.socket_folder)
    kill_server(layout)
    wait_until(lambda: running_url(layout.home) == url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_of_several_who_look_after_it_one_starts_it_again(
    keeper: Keeper, server: EmbeddedPostgres, home: Path, layout: Layout, url: str
) -> None:
    other = EmbeddedPostgres(home, durable=False)
    other.start()
    beside = Keeper(other)
    beside.start()
    try:
        kill_server(layout)
        wait_until(lambda: running_url(home) == url)
        pid = postmaster_pid(layout)
        time.sleep(0.6)
        assert postmaster_pid(layout) == pid
    finally:
        beside.stop()
    assert not other.stop(), "the first one still uses it"
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_start_that_fails_is_tried_again(
    keeper: Keeper, layout: Layout, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = layout.data / "postgresql.conf"
    right = settings.read_text()
    settings.write_text("no_such_setting = on\n")
    kill_server(layout)
    wait_until(lambda: "could not be started again" in caplog.text)
    assert "no_such_setting" in caplog.text, "it says why"
    settings.write_text(right)
    wait_until(lambda: running_url(layout.home) == url)
    wait_until(lambda: "runs again" in caplog.text)


def test_once_it_is_no_longer_wanted_it_is_not_started_again(keeper: Keeper, layout: Layout) -> None:
    keeper.stop()
    kill_server(layout)
    time.sleep(0.6)
    assert running_url(layout.home) is None
