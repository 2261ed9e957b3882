"""A laboratory that runs, shared by the tests of a module, each of which finds it well."""

import os
from collections.abc import Iterator

import pytest

from demonstration.laboratory.faults import FAULTS, Fault
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Monitor


@pytest.fixture(scope="module")
def running_laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with Laboratory(tmp_path_factory.mktemp("demo"), os.environ["DATABASE_URL"]) as laboratory:
        assert laboratory.notices == []
        yield laboratory


@pytest.fixture
def laboratory(running_laboratory: Laboratory) -> Laboratory:
    running_laboratory.settle()
    assert Monitor(running_laboratory).symptoms() == []
    return running_laboratory


@pytest.fixture
def monitor(laboratory: Laboratory) -> Monitor:
    return Monitor(laboratory)


def fault(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)
