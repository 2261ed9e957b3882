"""A laboratory that runs, shared by the tests of a module, each of which finds it well."""

from collections.abc import Iterator

import pytest

from actionlog_site.embedded_postgres import EmbeddedPostgres
from demonstration.laboratory.faults import FAULTS, Fault
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Monitor


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server of these tests' own: on one server there can be one demonstration at a time, and the suite may run in
    several processes."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home"), durable=False)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def running_laboratory(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Laboratory]:
    with Laboratory(tmp_path_factory.mktemp("demo"), database_url) as laboratory:
        assert laboratory.notices == []
        yield laboratory


@pytest.fixture
def laboratory(running_laboratory: Laboratory) -> Laboratory:
    monitor = Monitor(running_laboratory)
    if monitor.symptoms():
        running_laboratory.settle()
    else:
        running_laboratory.tidy()
    assert monitor.symptoms() == []
    return running_laboratory


@pytest.fixture
def monitor(laboratory: Laboratory) -> Monitor:
    return Monitor(laboratory)


def fault(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)
