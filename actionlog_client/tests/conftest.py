"""A real server for the tests of a module, with a database of its own."""

from collections.abc import Iterator

import pytest

from benchmarks.server import Server, fresh_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fresh_server() as server:
        yield server
