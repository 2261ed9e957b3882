"""A real web process on a database of its own, shared by the tests of a module."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.server import Server, web_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home: Path = tmp_path_factory.mktemp("home")
    suite = os.environ["DATABASE_URL"]
    told = conninfo_to_dict(suite)
    name = f"{told['dbname']}_web_{os.getpid()}"
    with psycopg.connect(suite, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with web_process(home, database_url=make_conninfo(suite, dbname=name)) as running:
                yield running
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(server: Server) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection to what the web process writes, in autocommit mode."""
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        yield connection
